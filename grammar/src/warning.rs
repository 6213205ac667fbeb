use crate::{
    source::{Place, Source},
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

/// What a warning is about. The words are those of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WarningKind {
    /// `-E simple`, the old word for `null`.
    #[error("WARNING: obsolete algorithm")]
    ObsoleteAlgorithm,
    /// `-m` of `get` or `delete`: an SA is found without.
    #[error("WARNING: mode is obsolete")]
    ObsoleteMode,
}

impl Warning {
    pub(crate) fn new(kind: WarningKind, source: &Source, wrong: Span, named: Span) -> Self {
        Self { kind, place: source.place(wrong, named) }
    }

    /// The line that the original prints.
    #[must_use]
    pub fn original(&self) -> String {
        format!("line {}: {} at [{}]", self.place.line, self.kind, self.place.token)
    }

    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self.kind {
            WarningKind::ObsoleteAlgorithm => "say -E null",
            WarningKind::ObsoleteMode => {
                "leave -m out: destination, protocol and SPI are enough to find an SA"
            }
        }
    }
}
