//! The numbers of linux/net_dropmon.h.

/// The name of the family.
pub(crate) const FAMILY: &str = "NET_DM";
/// The name of the group that alerts are sent to.
pub(crate) const GROUP: &str = "events";
/// The version of the family.
pub(crate) const VERSION: u8 = 2;

/// `NET_DM_CMD_*`.
pub(crate) mod command {
    pub(crate) const CONFIG: u8 = 2;
    pub(crate) const START: u8 = 3;
    pub(crate) const STOP: u8 = 4;
    pub(crate) const PACKET_ALERT: u8 = 5;
    pub(crate) const CONFIG_GET: u8 = 6;
    pub(crate) const CONFIG_NEW: u8 = 7;
    pub(crate) const STATS_GET: u8 = 8;
    pub(crate) const STATS_NEW: u8 = 9;
}

/// `NET_DM_ATTR_*`. Numbers are in host order.
pub(crate) mod attribute {
    /// u8, 1: a message a packet.
    pub(crate) const ALERT_MODE: u16 = 1;
    /// u64, the address of an instruction.
    pub(crate) const PC: u16 = 2;
    /// The same as `function+offset/size`.
    pub(crate) const SYMBOL: u16 = 3;
    /// Nested [`PORT_INDEX`].
    pub(crate) const IN_PORT: u16 = 4;
    /// u64, nanoseconds since 1970.
    pub(crate) const TIMESTAMP: u16 = 5;
    /// u16, an EtherType.
    pub(crate) const PROTO: u16 = 6;
    /// The packet from its link-layer header on, truncated.
    pub(crate) const PAYLOAD: u16 = 7;
    /// u32, bytes; 0: all.
    pub(crate) const TRUNC_LEN: u16 = 9;
    /// u32, bytes of the whole packet.
    pub(crate) const ORIG_LEN: u16 = 10;
    /// u32, packets that wait to be sent, for each processor.
    pub(crate) const QUEUE_LEN: u16 = 11;
    /// Nested [`STATS_DROPPED`].
    pub(crate) const STATS: u16 = 12;
    /// u16, 1: dropped by a device.
    pub(crate) const ORIGIN: u16 = 14;
    /// A flag: what the kernel itself drops.
    pub(crate) const SW_DROPS: u16 = 20;
    /// The name of a drop reason (Linux 5.17).
    pub(crate) const REASON: u16 = 23;

    /// u32, the number of a network device, in [`IN_PORT`].
    pub(crate) const PORT_INDEX: u16 = 0;
    /// u64, packets that did not fit the queue, in [`STATS`].
    pub(crate) const STATS_DROPPED: u16 = 0;
}
