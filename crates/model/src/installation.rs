use crate::Template;

/// How the templates of a policy are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Installation {
    /// Which templates packets may pass without, a bit each, from the lowest.
    pub(crate) optional: u8,
    /// Whether templates are not installed now: those of a partial policy. The kernel does not say so of an entry
    /// of the SPD; what the engine keeps beside it does.
    pub is_partial: bool,
}

impl Installation {
    /// The installation of templates: those that `is_optional` picks may be passed without an SA.
    #[must_use]
    pub fn of(templates: &[Template], mut is_optional: impl FnMut(&Template) -> bool) -> Self {
        let templates = templates.iter().enumerate();
        let optional = templates.filter(|(_, template)| is_optional(template));
        let bits = optional.fold(0, |bits, (place, _)| bits | Self::bit(place));
        Self { optional: bits, is_partial: false }
    }

    /// Whether packets may pass without the template at this place, from 0.
    #[must_use]
    pub fn is_optional(self, place: usize) -> bool {
        self.optional & Self::bit(place) != 0
    }

    pub(crate) fn bit(place: usize) -> u8 {
        u32::try_from(place).ok().and_then(|place| 1_u8.checked_shl(place)).unwrap_or(0)
    }
}
