/// Settings of an SA of mode `iptfs`: aggregation and fragmentation, RFC 9347 (Linux 6.14). What is
/// not given has the kernel's initial value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct IpTfs {
    /// Microseconds until the receiver stops waiting for a missing packet (`XFRMA_IPTFS_DROP_TIME`).
    pub drop_time: Option<u32>,
    /// Packets that the receiver puts in order (`XFRMA_IPTFS_REORDER_WINDOW`).
    pub reorder_window: Option<u16>,
    /// Microseconds that the sender waits for more packets (`XFRMA_IPTFS_INIT_DELAY`).
    pub init_delay: Option<u32>,
    /// Bytes of the sender's queue (`XFRMA_IPTFS_MAX_QSIZE`).
    pub max_queue: Option<u32>,
    /// Size of the outer packets in bytes; 0: that of the path (`XFRMA_IPTFS_PKT_SIZE`).
    pub packet_size: Option<u32>,
    /// The sender fragments no inner packet (`XFRMA_IPTFS_DONT_FRAG`).
    pub dont_fragment: bool,
}

impl IpTfs {
    /// Whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
