use crate::{Template, table};

struct Row {
    word: &'static str,
    pfkey: u16,
}

table! {
    /// An action without its templates. An SPD has the first three, a socket all but `none`.
    pub enum ActionKind: Row, "action" {
        /// Packets are dropped.
        Discard => Row { word: "discard", pfkey: 0 },
        /// Packets pass in clear.
        None => Row { word: "none", pfkey: 1 },
        /// Packets are transformed.
        Ipsec => Row { word: "ipsec", pfkey: 2 },
        /// The SPD decides, as if the socket had no policy.
        Entrust => Row { word: "entrust", pfkey: 3 },
        /// Packets pass in clear, whatever the SPD is.
        Bypass => Row { word: "bypass", pfkey: 4 },
    }
}

impl ActionKind {
    /// The `IPSEC_POLICY_*` number (linux/ipsec.h), PF_KEY's type of a policy.
    #[must_use]
    pub const fn pfkey_number(self) -> u16 {
        self.row().pfkey
    }

    /// The action of an `IPSEC_POLICY_*` number.
    #[must_use]
    pub fn from_pfkey(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.pfkey_number() == number)
    }
}

/// What a policy does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Drops it.
    Discard,
    /// Lets it pass in clear.
    None,
    /// Transforms it, first template innermost. Without templates it is `None`, and dumped so.
    Ipsec(Vec<Template>),
}

impl Action {
    /// The action without its templates.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            Action::Discard => ActionKind::Discard,
            Action::None => ActionKind::None,
            Action::Ipsec(_) => ActionKind::Ipsec,
        }
    }

    /// The templates; empty for `Discard` and `None`.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        match self {
            Action::Ipsec(templates) => templates,
            Action::Discard | Action::None => &[],
        }
    }

    /// The same, to be changed.
    #[must_use]
    pub fn templates_mut(&mut self) -> &mut [Template] {
        match self {
            Action::Ipsec(templates) => templates,
            Action::Discard | Action::None => &mut [],
        }
    }

    /// The word in dumps: that of `none` for `ipsec` without templates.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Action::Ipsec(templates) if templates.is_empty() => ActionKind::None.word(),
            action => action.kind().word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for &kind in ActionKind::ALL {
            assert_eq!(ActionKind::from_pfkey(kind.pfkey_number()), Some(kind));
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        assert_eq!(ActionKind::from_pfkey(5), None);
        assert_eq!((Action::Ipsec(Vec::new()).word(), Action::Discard.word()), ("none", "discard"));
    }
}
