/// The number of a socket that no other socket gets until the next boot (`SO_COOKIE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Cookie(pub(crate) u64);

impl Cookie {
    /// The whole number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// The number that policies are set with. The kernel has room for the lower half.
    #[must_use]
    pub fn as_owner(self) -> u32 {
        let [a, b, c, d, ..] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }
}
