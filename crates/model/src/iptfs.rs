use crate::table;

struct Row {
    word: &'static str,
}

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

table! {
    /// The word of a setting of mode `iptfs` after `-iptfs`.
    pub enum IpTfsSetting: Row, "setting of mode iptfs" {
        /// [`IpTfs::drop_time`].
        DropTime => Row { word: "drop-time" },
        /// [`IpTfs::reorder_window`].
        ReorderWindow => Row { word: "reorder" },
        /// [`IpTfs::init_delay`].
        InitDelay => Row { word: "init-delay" },
        /// [`IpTfs::max_queue`].
        MaxQueue => Row { word: "max-queue" },
        /// [`IpTfs::packet_size`].
        PacketSize => Row { word: "pkt-size" },
        /// [`IpTfs::dont_fragment`], which has no number.
        DontFragment => Row { word: "dont-frag" },
    }
}

impl IpTfs {
    /// What is given: words with their numbers.
    pub fn settings(&self) -> impl Iterator<Item = (IpTfsSetting, Option<u32>)> {
        let number = |setting, number: Option<u32>| number.map(|number| (setting, Some(number)));
        [
            number(IpTfsSetting::DropTime, self.drop_time),
            number(IpTfsSetting::ReorderWindow, self.reorder_window.map(u32::from)),
            number(IpTfsSetting::InitDelay, self.init_delay),
            number(IpTfsSetting::MaxQueue, self.max_queue),
            number(IpTfsSetting::PacketSize, self.packet_size),
            self.dont_fragment.then_some((IpTfsSetting::DontFragment, None)),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
