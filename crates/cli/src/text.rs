use std::fmt;

use model::{Dialect, Key, Level, Mode, Names, Prefix, ReqId, Request, SystemNames, Upper};

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

/// Where a request is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStyle {
    /// In a table.
    Table,
    /// In a dump of setkey.
    Dump {
        /// `-p`: `[0]` follows the addresses, since the kernel keeps no ports.
        ports: bool,
    },
}

/// The word of a mode in setkey's dumps, which have the `IPSEC_MODE_*` number for beet.
#[must_use]
pub fn dumped_mode(mode: Mode) -> &'static str {
    if mode == Mode::Beet { "3" } else { mode.name() }
}

/// `esp/tunnel/A-B/unique:3`.
pub struct RequestText<'a>(pub &'a Request, pub RequestStyle);

impl fmt::Display for RequestText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RequestText(request, style) = self;
        let mode = request.mode.mode();
        let (mode, port) = match style {
            RequestStyle::Table => (mode.name(), ""),
            RequestStyle::Dump { ports: false } => (dumped_mode(mode), ""),
            RequestStyle::Dump { ports: true } => (dumped_mode(mode), "[0]"),
        };
        write!(f, "{}/{mode}/", request.proto.name())?;
        if let Some(ends) = request.mode.endpoints() {
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
