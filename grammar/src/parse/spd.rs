use model::{Dialect, ScriptOption};
use pest::iterators::{Pair, Pairs};

use super::{
    dialect::is_policy_char,
    hint::Hint,
    policy,
    reader::{Reader, look_up, part_if},
    rules::{Rule, number},
    syntax::syntax_error,
};
use crate::{
    error::Error,
    tree::{Extension, Node, Policy, Range, Selection, Selector, Span, Upper},
};

/// What names and describes a policy.
const ESP_WITH_PORT: Hint = Hint::Text("say 50, and leave the port out: ESP has no ports");

impl Reader<'_> {
    pub(super) fn selection_and_policy(
        &self,
        parts: &mut Pairs<'_, Rule>,
    ) -> Result<(Selection, Node<Policy>), Error> {
        let mut what = self.selection(self.part(parts)?)?;
        let policy = self.part(parts)?;
        let hardware = self.hardware_interface(&policy)?;
        match &mut what {
            Selection::Packets(selector) => selector.extensions.extend(hardware),
            Selection::Tagged(_) if hardware.is_some() => return Err(self.unexpected(&policy)),
            Selection::Tagged(_) => {}
        }
        Ok((what, self.policy(&policy)?))
    }

    /// `-hwif DEVICE` behind the policy, which FreeBSD has there (`spd_hwif`, sbin/setkey/parse.y).
    fn hardware_interface(
        &self,
        policy: &Pair<'_, Rule>,
    ) -> Result<Option<Node<Extension>>, Error> {
        let text = self.first(policy)?;
        let Some((at, device)) = self.split_hardware(text.as_str()) else { return Ok(None) };
        let start = self.span(&text).start + at;
        let span = Span { start, end: self.span(&text).end };
        Ok(Some(Node::new(Extension::HardwareInterface(device.to_owned()), span)))
    }

    /// Where `-hwif` begins in the text of a policy, and its device.
    fn split_hardware<'t>(&self, text: &'t str) -> Option<(usize, &'t str)> {
        let word = ScriptOption::HardwareInterface.word();
        let at = text.find(word).filter(|_| self.dialect == Dialect::FreeBsd)?;
        let device = text[at + word.len()..].trim_matches([' ', '\t', '\n']);
        (!device.is_empty() && !device.contains([' ', '\t', '\n'])).then_some((at, device))
    }

    fn selection(&self, pair: Pair<'_, Rule>) -> Result<Selection, Error> {
        if pair.as_rule() == Rule::selector {
            return Ok(Selection::Packets(Box::new(self.selector(pair)?)));
        }
        let is_name = |part: &Pair<'_, Rule>| part.as_rule() == Rule::quoted;
        let name = pair.clone().into_inner().find(is_name).ok_or_else(|| self.unexpected(&pair))?;
        Ok(Selection::Tagged(self.node(&name, self.quoted(&name))))
    }

    pub(super) fn selector(&self, pair: Pair<'_, Rule>) -> Result<Selector, Error> {
        let mut parts = pair.into_inner();
        let packets = self.packets(&mut parts)?;
        let (mut context, mut extensions) = (None, Vec::new());
        for pair in parts {
            if pair.as_rule() == Rule::context {
                context = Some(self.node(&pair, self.context(pair.clone())?));
            } else {
                let extension = self.extension(self.first(&pair)?)?;
                extensions.push(self.node(&pair, extension));
            }
        }
        Ok(Selector { context, extensions, ..packets })
    }

    /// The ranges and the upper-layer protocol of a selector.
    pub(super) fn packets(&self, parts: &mut Pairs<'_, Rule>) -> Result<Selector, Error> {
        let look_up = look_up(parts);
        let (src, dst) = (self.range(self.part(parts)?)?, self.range(self.part(parts)?)?);
        let upper = self.part(parts)?;
        let upper = self.node(&upper, self.upper(&self.first(&upper)?)?);
        let misc = part_if(parts, Rule::misc).map(|misc| self.text(&misc));
        let (context, extensions) = (None, Vec::new());
        Ok(Selector { look_up, src, dst, upper, misc, context, extensions })
    }

    fn range(&self, pair: Pair<'_, Rule>) -> Result<Range, Error> {
        let mut parts = pair.into_inner();
        let address = self.text(&self.part(&mut parts)?);
        let prefix = part_if(&mut parts, Rule::prefix);
        let prefix = prefix.map(|prefix| self.first_number(&prefix)).transpose()?;
        Ok(Range { address, prefix, port: self.port(&mut parts)? })
    }

    fn upper(&self, pair: &Pair<'_, Rule>) -> Result<Upper, Error> {
        Ok(match pair.as_rule() {
            Rule::any_upper => Upper::Any,
            Rule::tcp_upper => Upper::Tcp,
            Rule::esp_upper => {
                if self.dialect != Dialect::FreeBsd {
                    let before = &self.source.ascii()[..pair.as_span().start()];
                    let has_port = before.starts_with("spd") && before.contains('[');
                    self.refuse(pair, if has_port { ESP_WITH_PORT } else { Hint::ESP_UPPER });
                }
                Upper::Esp
            }
            Rule::decimal => Upper::Number(number(pair.as_str())),
            Rule::upper_name => Upper::Name(pair.as_str().to_owned()),
            _ => return Err(self.unexpected(pair)),
        })
    }

    pub(super) fn policy(&self, pair: &Pair<'_, Rule>) -> Result<Node<Policy>, Error> {
        let text = self.first(pair)?;
        let mut span = self.span(&text);
        let text = match self.split_hardware(text.as_str()) {
            Some((at, _)) => {
                span.end = span.start + at;
                &text.as_str()[..at]
            }
            None => text.as_str(),
        };
        let wrong = text.find(|c| !is_policy_char(c, self.dialect));
        if let Some(wrong) = wrong {
            return Err(syntax_error(self.source, span.start + wrong, Vec::new())
                .with_hint(Some(Hint::FREEBSD_POLICY)));
        }
        Ok(Node::new(policy::parse(self.source, text, span)?, span))
    }
}
