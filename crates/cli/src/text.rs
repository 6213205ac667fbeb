use std::fmt;

use model::{Dialect, Key, Level, Names, Prefix, ReqId, Request, SystemNames, Upper};

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
        match self.0 {
            Upper::Any => f.write_str(match self.1 {
                Dialect::Linux => "255",
                Dialect::NetBsd => "255(reserved)",
                Dialect::FreeBsd => "any",
            }),
            Upper::Number(number) => match SystemNames.protocol_name(number) {
                Some(name) => f.write_str(name),
                None => write!(f, "{number}"),
            },
        }
    }
}

/// `esp/tunnel/A-B/unique:3`, with `[0]` behind the addresses for `-p`: the kernel keeps no ports.
pub struct RequestText<'a>(pub &'a Request, pub bool);

impl fmt::Display for RequestText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestText(request, ports) = self;
        write!(f, "{}/{}/", request.proto.name(), request.mode.mode().name())?;
        if let Some(ends) = request.mode.endpoints() {
            let port = if *ports { "[0]" } else { "" };
            write!(f, "{}{port}-{}{port}", ends.src(), ends.dst())?;
        }
        match request.level {
            Level::Default => f.write_str("/default"),
            Level::Use => f.write_str("/use"),
            Level::Require => f.write_str("/require"),
            Level::Unique(None) => f.write_str("/unique"),
            Level::Unique(Some(id)) if id > ReqId::MANUAL_MAX => write!(f, "/unique#{}", id.0),
            Level::Unique(Some(id)) => write!(f, "/unique:{}", id.0),
        }
    }
}

/// The digits of a key, as a script has them: `0x0123`. Nothing for an empty one.
pub struct KeyText<'a>(pub &'a Key);

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.bytes().is_empty() {
            f.write_str("0x")?;
        }
        self.0.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
