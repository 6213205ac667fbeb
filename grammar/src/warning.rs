use crate::{
    parse::source::{Place, Source},
    tree::Span,
};

/// Something that works, and should be written otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What.
    pub kind: WarningKind,
    /// Where.
    pub place: Place,
}

/// What a warning is about. Where the original warns, too, the words are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WarningKind {
    /// `-E simple`, the old word for `null`.
    #[error("WARNING: obsolete algorithm")]
    ObsoleteAlgorithm,
    /// `-m` of `get` or `delete`: an SA is found without.
    #[error("WARNING: mode is obsolete")]
    ObsoleteMode,
    /// An SPI that RFC 4302 and RFC 4303 reserve.
    #[error("SPIs below 256 are reserved (RFC 4303, section 2.1)")]
    ReservedSpi,
    /// A port with the protocol `any`.
    #[error("with `any` a port is that of TCP, UDP, SCTP and DCCP alike")]
    PortOfAny,
    /// A port with a protocol that has none.
    #[error("the protocol has no ports: no packet will match")]
    PortOfNone,
    /// `-esp_frag` or `-natt_mtu`.
    #[error("Linux does not fragment before ESP: the size is ignored")]
    Fragment,
}

impl Warning {
    pub(crate) fn new(kind: WarningKind, source: &Source, wrong: Span, named: Span) -> Self {
        Self { kind, place: source.place(wrong, named) }
    }

    /// The message of the original, where it warns, too.
    #[must_use]
    pub fn message(&self) -> Option<&'static str> {
        match self.kind {
            WarningKind::ObsoleteAlgorithm => Some("WARNING: obsolete algorithm"),
            WarningKind::ObsoleteMode => Some("WARNING: mode is obsolete"),
            _ => None,
        }
    }

    /// The line that the original prints, where it prints one.
    #[must_use]
    pub fn original(&self) -> Option<String> {
        let message = self.message()?;
        Some(format!("line {}: {message} at [{}]", self.place.line, self.place.token))
    }

    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self.kind {
            WarningKind::ObsoleteAlgorithm => "say -E null",
            WarningKind::ObsoleteMode => {
                "leave -m out: destination, protocol and SPI are enough to find an SA"
            }
            WarningKind::ReservedSpi => "choose an SPI of 256 or more",
            WarningKind::PortOfAny => "say tcp or udp; packets without ports never match",
            WarningKind::PortOfNone => "leave the port out, or say tcp or udp",
            WarningKind::Fragment => "set the MTU of the route to the peer instead",
        }
    }
}
