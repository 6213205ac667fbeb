/// An attribute of SAs that not every kernel since 5.10 knows. A kernel ignores those that it does not
/// know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionalAttribute {
    /// `XFRMA_MTIMER_THRESH`.
    MappingInterval,
    /// `XFRMA_SA_DIR`.
    Direction,
    /// `XFRMA_NAT_KEEPALIVE_INTERVAL`.
    KeepAlive,
    /// `XFRMA_SA_PCPU`.
    Cpu,
    /// `XFRMA_IPTFS_*`.
    IpTfs,
}

impl OptionalAttribute {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::MappingInterval, Self::Direction, Self::KeepAlive, Self::Cpu, Self::IpTfs];

    /// The first release of Linux that knows it.
    #[must_use]
    pub fn since(self) -> (u32, u32) {
        match self {
            Self::MappingInterval => (5, 17),
            Self::Direction => (6, 10),
            Self::KeepAlive => (6, 11),
            Self::Cpu => (6, 13),
            Self::IpTfs => (6, 14),
        }
    }
}
