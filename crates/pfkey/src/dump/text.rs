//! The text of parts of an entry.

use std::fmt;

use model::{Dialect, Mode, Prefix, ReqId, Template, Upper, names::protocol_name_in};

use super::style::Style;

/// An address, with its length unless it is a host's.
pub struct PrefixText(pub Prefix);

impl fmt::Display for PrefixText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.addr())?;
        if self.0.is_host() { Ok(()) } else { write!(f, "/{}", self.0.length()) }
    }
}

/// `[80]`, `[any]`.
pub struct PortText(pub u16);

impl fmt::Display for PortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { f.write_str("[any]") } else { write!(f, "[{}]", self.0) }
    }
}

/// The name of an upper protocol, or its number; any of them as a dialect prints it.
pub struct UpperText(pub Upper, pub Dialect);

impl fmt::Display for UpperText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(upper, dialect) = self;
        let style = Style::of(dialect);
        let Upper::Number(number) = upper else { return f.write_str(style.any_upper) };
        let word = style.uppers.iter().find(|row| row.number() == number).map(|row| row.word());
        match word.or_else(|| protocol_name_in(number, dialect)) {
            Some(name) if style.upper_number => write!(f, "{number}({name})"),
            Some(name) => f.write_str(name),
            None => write!(f, "{number}"),
        }
    }
}

/// The word of a mode in setkey's dumps, which have the `IPSEC_MODE_*` number for beet.
pub(super) fn dumped_mode(mode: Mode) -> &'static str {
    if mode == Mode::Beet { "3" } else { mode.word() }
}

/// A template of a policy: `esp/tunnel/A-B/unique:3`.
pub struct TemplateText {
    /// The word of the protocol.
    pub proto: &'static str,
    /// The word of the mode.
    pub mode: &'static str,
    /// The text of the endpoints, source first.
    pub ends: Option<(String, String)>,
    /// The word of the level.
    pub level: &'static str,
    /// The number of `unique`.
    pub reqid: Option<ReqId>,
}

impl TemplateText {
    /// The text of a template of the model.
    #[must_use]
    pub fn of(request: &Template) -> Self {
        let ends = |ends: model::AddressPair| (ends.src().to_string(), ends.dst().to_string());
        Self {
            proto: request.proto.word(),
            mode: request.mode.mode().word(),
            ends: request.mode.endpoints().map(ends),
            level: request.level.word(),
            reqid: request.level.reqid(),
        }
    }

    /// The text in a dump of setkey. With `ports`, `[0]` follows the addresses: the kernel keeps no
    /// ports.
    pub(super) fn dumped(request: &Template, ports: bool) -> Self {
        let text = Self { mode: dumped_mode(request.mode.mode()), ..Self::of(request) };
        let end = |address: String| if ports { address + "[0]" } else { address };
        // AF_KEY reports none of transport mode.
        let ends = text.ends.filter(|_| request.mode.mode() != Mode::Transport);
        Self { ends: ends.map(|(src, dst)| (end(src), end(dst))), ..text }
    }
}

impl fmt::Display for TemplateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.proto, self.mode)?;
        if let Some((src, dst)) = &self.ends {
            write!(f, "{src}-{dst}")?;
        }
        write!(f, "/{}", self.level)?;
        match self.reqid {
            None => Ok(()),
            Some(id) if id > ReqId::MANUAL_MAX => write!(f, "#{}", id.number()),
            Some(id) => write!(f, ":{}", id.number()),
        }
    }
}
