use model::{Dialect, Key, SaMode, ScriptOption};
use pest::iterators::{Pair, Pairs};

use super::{
    hint::Hint,
    reader::{Reader, look_up, part_if},
    rules::{Rule, number},
};
use crate::{
    error::Error,
    tree::{
        Algorithm, Algorithms, Context, Extension, FragmentOption, Host, Limit, MarkText, Node,
        Port, SaEnds, SaName, SaProto, SaProtoWord,
    },
};

/// An option with at least one part.
pub(super) struct OptionParts<'p, 't> {
    pub pair: &'p Pair<'t, Rule>,
    /// The first part.
    pub word: &'p Pair<'t, Rule>,
    /// What follows the first part.
    pub rest: Pairs<'t, Rule>,
}

/// What names and describes an SA.
impl Reader<'_> {
    pub(super) fn sa_name(&self, parts: &mut Pairs<'_, Rule>) -> Result<SaName, Error> {
        let ends = self.sa_ends(parts)?;
        let spi = self.part(parts)?;
        let spi = self.node(&spi, number(spi.as_str()));
        Ok(SaName { ends, spi, extensions: self.extensions(parts, Rule::extension)? })
    }

    /// Each of this kind.
    pub(super) fn extensions(
        &self,
        parts: &mut Pairs<'_, Rule>,
        kind: Rule,
    ) -> Result<Vec<Node<Extension>>, Error> {
        let mut extensions = Vec::new();
        while let Some(pair) = part_if(parts, kind) {
            extensions.push(self.node(&pair, self.extension(self.first(&pair)?)?));
        }
        Ok(extensions)
    }

    pub(super) fn sa_ends(&self, parts: &mut Pairs<'_, Rule>) -> Result<SaEnds, Error> {
        let look_up = look_up(parts);
        let (src, dst) = (self.host(self.part(parts)?)?, self.host(self.part(parts)?)?);
        Ok(SaEnds { look_up, src, dst, proto: self.proto(parts)? })
    }

    /// A `host`, or the bare `address` of deleteall.
    fn host(&self, pair: Pair<'_, Rule>) -> Result<Host, Error> {
        if pair.as_rule() == Rule::address {
            return Ok(Host { address: self.text(&pair), port: None });
        }
        let is_natt = pair.as_rule() == Rule::natt_end;
        let mut parts = pair.into_inner();
        let address = self.text(&self.part(&mut parts)?);
        if let Some(port) = parts.peek()
            && self.dialect == Dialect::FreeBsd
            && !is_natt
        {
            self.refuse(&port, Hint::PORT_OF_SA);
        }
        Ok(Host { address, port: self.port(&mut parts)? })
    }

    pub(super) fn port(&self, parts: &mut Pairs<'_, Rule>) -> Result<Option<Node<Port>>, Error> {
        let Some(pair) = part_if(parts, Rule::port) else { return Ok(None) };
        let inner = self.first(&pair)?;
        let port = match inner.as_rule() {
            Rule::any_port => Port::Any,
            Rule::decimal => Port::Number(number(inner.as_str())),
            Rule::service => Port::Service(inner.as_str().to_owned()),
            _ => return Err(self.unexpected(&inner)),
        };
        Ok(Some(self.node(&pair, port)))
    }

    pub(super) fn proto(
        &self,
        parts: &mut Pairs<'_, Rule>,
    ) -> Result<Option<Node<SaProto>>, Error> {
        let Some(pair) = part_if(parts, Rule::proto) else { return Ok(None) };
        let mut inner = pair.clone().into_inner();
        let word = self.part(&mut inner)?;
        self.own(&word);
        let proto = match self.word(&word)? {
            SaProtoWord::Esp => SaProto::Esp,
            SaProtoWord::EspOld => SaProto::EspOld,
            SaProtoWord::Ah => SaProto::Ah,
            SaProtoWord::AhOld => SaProto::AhOld,
            SaProtoWord::IpComp => SaProto::IpComp,
            SaProtoWord::Tcp => SaProto::Tcp,
            SaProtoWord::EspUdp => SaProto::EspUdp(inner.next().map(|address| self.text(&address))),
        };
        Ok(Some(self.node(&pair, proto)))
    }

    pub(super) fn extension(&self, pair: Pair<'_, Rule>) -> Result<Extension, Error> {
        let mut parts = pair.clone().into_inner();
        let Some(word) = parts.next() else {
            return match pair.as_rule() {
                Rule::esn => Ok(Extension::Esn),
                Rule::no_keepalive => Ok(Extension::KeepAlive(None)),
                Rule::no_forward_copy => Ok(Extension::NoForwardCopy),
                _ => Err(self.unexpected(&pair)),
            };
        };
        let number = || number(word.as_str());
        Ok(match pair.as_rule() {
            Rule::flag => Extension::Flag(self.word(&word)?),
            Rule::mode if word.as_str() == SaMode::ANY_WORD => Extension::Mode(None),
            Rule::mode => Extension::Mode(Some(self.word(&word)?)),
            Rule::reqid => Extension::ReqId(number()),
            Rule::replay => {
                let words = parts.next().map(|words| self.first_number(&words)).transpose()?;
                Extension::Replay(number(), words.map(|words| words.value))
            }
            Rule::limit => {
                let limit: Limit = self.word(&word)?;
                self.own_option(&pair, limit.option());
                Extension::Limit(limit, self.number(&mut parts)?)
            }
            Rule::context => Extension::Context(self.context(pair)?),
            _ => {
                return self.linux_extension(OptionParts { pair: &pair, word: &word, rest: parts });
            }
        })
    }

    /// An extension that ipsec-tools did not have.
    fn linux_extension(&self, option: OptionParts<'_, '_>) -> Result<Extension, Error> {
        let OptionParts { pair, word, mut rest } = option;
        let text = word.as_str();
        Ok(match pair.as_rule() {
            Rule::esp_frag => {
                self.own_option(pair, ScriptOption::EspFrag);
                Extension::Fragment(FragmentOption::EspFrag, number(text))
            }
            Rule::natt_mtu => {
                self.own_option(pair, ScriptOption::NattMtu);
                Extension::Fragment(FragmentOption::NattMtu, number(text))
            }
            Rule::hardware => {
                self.own_option(pair, ScriptOption::HardwareInterface);
                Extension::HardwareInterface(text.to_owned())
            }
            Rule::natt => {
                let ends = (self.host(word.clone())?, self.host(self.part(&mut rest)?)?);
                Extension::Natt(Box::new(ends))
            }
            Rule::mark => Extension::Mark(mark(text, &mut rest)),
            Rule::out_mark => Extension::OutMark(mark(text, &mut rest)),
            Rule::if_id => Extension::IfId(number(text)),
            Rule::direction => Extension::Direction(self.word(word)?),
            Rule::offload => Extension::Offload {
                device: text.to_owned(),
                direction: self.word(&self.part(&mut rest)?)?,
                packet: rest.next().is_some(),
            },
            Rule::keepalive => Extension::KeepAlive(Some(number(text))),
            Rule::kernel_flag if word.as_rule() == Rule::hex => Extension::ExtraFlags(number(text)),
            Rule::kernel_flag => Extension::KernelFlag(self.word(word)?),
            Rule::policy_device => Extension::Device(text.to_owned()),
            Rule::policy_masks => Extension::PortMasks(number(text), self.other_mask(&mut rest)?),
            Rule::policy_user => Extension::User(number(text)),
            Rule::zero_limit => Extension::ZeroLimit(self.word(word)?),
            Rule::policy_type => Extension::PolicyType(self.word(word)?),
            Rule::policy_flag => Extension::PolicyFlag(self.word(word)?),
            Rule::policy_offload => Extension::PolicyOffload(text.to_owned()),
            _ => return self.kernel_option(OptionParts { pair, word, rest }),
        })
    }

    pub(super) fn context(&self, pair: Pair<'_, Rule>) -> Result<Context, Error> {
        self.own_option(&pair, ScriptOption::Context);
        let mut parts = pair.into_inner();
        let doi = self.number(&mut parts)?;
        let alg = self.number(&mut parts)?;
        Ok(Context { doi, alg, label: self.quoted(&self.part(&mut parts)?) })
    }

    pub(super) fn algorithms(&self, pair: Pair<'_, Rule>) -> Result<Algorithms, Error> {
        let mut parts = pair.into_inner();
        let first = self.part(&mut parts)?;
        Ok(match first.as_rule() {
            Rule::crypt => Algorithms::Crypt(
                self.algorithm(first)?,
                parts.next().map(|auth| self.algorithm(auth)).transpose()?,
            ),
            Rule::auth => Algorithms::Auth(self.algorithm(first)?),
            Rule::comp => {
                let mut comp = first.into_inner();
                let name = self.algorithm_name(&self.part(&mut comp)?);
                Algorithms::Comp { name, raw_cpi: comp.next().is_some() }
            }
            _ => return Err(self.unexpected(&first)),
        })
    }

    fn algorithm(&self, pair: Pair<'_, Rule>) -> Result<Algorithm, Error> {
        let mut parts = pair.into_inner();
        while part_if(&mut parts, Rule::dropped).is_some() {}
        let mut word = self.part(&mut parts)?;
        while let Some(again) = part_if(&mut parts, Rule::tcp_md5) {
            word = again;
        }
        let key = parts.next();
        if let Some(key) = &key {
            match word.as_rule() {
                Rule::crypt_bare if self.dialect != Dialect::FreeBsd => {
                    let is_empty = key.as_str() == "\"\"";
                    self.refuse(key, if is_empty { Hint::NULL_EMPTY_KEY } else { Hint::NULL_KEY });
                }
                Rule::tcp_md5 if self.dialect == Dialect::Linux => self.refuse(key, Hint::TCP_MD5),
                _ => {}
            }
        }
        let key = key.map(|key| self.key(&key)).transpose()?;
        Ok(Algorithm { name: self.algorithm_name(&word), key })
    }

    /// A word, or the kernel's name without its quotes.
    fn algorithm_name(&self, pair: &Pair<'_, Rule>) -> Node<String> {
        self.node(pair, pair.as_str().trim_matches('"').to_owned())
    }

    pub(super) fn key(&self, pair: &Pair<'_, Rule>) -> Result<Node<Key>, Error> {
        let written = self.first(pair)?;
        let bytes = match written.as_rule() {
            Rule::hex => from_hex(written.as_str()),
            _ => self.quoted(&written),
        };
        Ok(self.node(pair, Key::new(bytes)))
    }
}

fn mark(value: &str, rest: &mut Pairs<'_, Rule>) -> MarkText {
    MarkText { value: number(value), mask: rest.next().map(|mask| number(mask.as_str())) }
}

/// The bytes of 0x hexadecimal digits. Of an odd number of digits the first is a byte of its own.
pub(super) fn from_hex(word: &str) -> Vec<u8> {
    let digits = &word.as_bytes()[2..];
    let value = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        _ => digit - b'a' + 10,
    };
    let (odd, pairs) = digits.split_at(digits.len() % 2);
    let mut bytes = Vec::with_capacity(digits.len().div_ceil(2));
    bytes.extend(odd.iter().map(|&digit| value(digit)));
    bytes.extend(pairs.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])));
    bytes
}
