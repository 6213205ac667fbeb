//! The options for what Linux has of an SA and no original setkey has words for.

use pest::iterators::Pair;

use super::{
    reader::{Reader, part_if},
    rules::{Rule, number},
    sa::{OptionParts, from_hex},
};
use crate::{
    error::Error,
    tree::{Extension, Node, SaSelector},
};

impl Reader<'_> {
    pub(super) fn kernel_option(&self, option: OptionParts<'_, '_>) -> Result<Extension, Error> {
        let OptionParts { pair, word, mut rest } = option;
        let number = || number(word.as_str());
        Ok(match pair.as_rule() {
            Rule::sa_selector => Extension::Selector(Box::new(self.sa_selector(pair)?)),
            Rule::encap => Extension::Encap {
                kind: self.word(word)?,
                ports: (self.number(&mut rest)?, self.number(&mut rest)?),
                original: rest.next().map(|address| self.text(&address)),
            },
            Rule::tfc => Extension::TfcPadding(number()),
            Rule::mapping => Extension::MappingInterval(number()),
            Rule::care_of => Extension::CareOf(self.text(word)),
            Rule::cpu => Extension::Cpu(number()),
            Rule::iptfs => Extension::IpTfs(self.iptfs(word)?),
            Rule::received => {
                let bitmap = rest.next().map(|bitmap| self.first(&bitmap)).transpose()?;
                Extension::Received(number(), bitmap.map(|bitmap| words(bitmap.as_str())))
            }
            Rule::sent => Extension::Sent(number()),
            Rule::attribute => Extension::Attribute {
                number: number(),
                value: self.key(&self.part(&mut rest)?)?.value,
            },
            _ => return Err(self.unexpected(pair)),
        })
    }

    fn sa_selector(&self, pair: &Pair<'_, Rule>) -> Result<SaSelector, Error> {
        let mut parts = pair.clone().into_inner();
        let packets = self.packets(&mut parts)?;
        let device = part_if(&mut parts, Rule::on_device);
        let device = device.map(|device| Ok(self.text(&self.first(&device)?))).transpose()?;
        let masks = part_if(&mut parts, Rule::port_masks);
        let masks = masks.map(|masks| self.masks(&masks)).transpose()?;
        let user = part_if(&mut parts, Rule::user);
        let user = user.map(|user| self.first_number(&user)).transpose()?;
        Ok(SaSelector { packets, device, masks, user })
    }

    /// The bits of two ports.
    fn masks(&self, masks: &Pair<'_, Rule>) -> Result<Node<(u64, u64)>, Error> {
        let mut both = masks.clone().into_inner();
        let src = self.number(&mut both)?;
        Ok(self.node(masks, (src, self.other_mask(&mut both)?)))
    }

    fn iptfs(
        &self,
        list: &Pair<'_, Rule>,
    ) -> Result<Vec<(model::IpTfsSetting, Option<u64>)>, Error> {
        let one = |pair: Pair<'_, Rule>| {
            let mut parts = pair.into_inner();
            let setting = self.word(&self.part(&mut parts)?)?;
            // Behind the `=`.
            Ok((setting, parts.nth(1).map(|value| number(value.as_str()))))
        };
        list.clone().into_inner().map(one).collect()
    }
}

/// The words of a bitmap, eight hexadecimal digits each.
fn words(digits: &str) -> Vec<u32> {
    let mut bytes = from_hex(digits);
    let missing = bytes.len().next_multiple_of(4) - bytes.len();
    bytes.splice(..0, std::iter::repeat_n(0, missing));
    let (words, _) = bytes.as_chunks();
    words.iter().map(|word| u32::from_be_bytes(*word)).collect()
}
