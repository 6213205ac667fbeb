use std::fmt;

/// A firewall mark that packets are compared with: `packet & mask == value`. The default, mask 0,
/// looks at none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Mark {
    /// The bits wanted.
    pub value: u32,
    /// The bits looked at.
    pub mask: u32,
}

impl Mark {
    /// The mark of a packet that an SA sets this one on (`xfrm_smark_get`).
    #[must_use]
    pub fn set(self, mark: u32) -> u32 {
        self.value & self.mask | mark & !self.mask
    }

    /// Whether packets are not compared at all.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Mark::default()
    }
}

impl fmt::Display for Mark {
    /// As scripts have it: `0x10/0xff`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}/{:#x}", self.value, self.mask)
    }
}
