//! What Linux has of an SA and no PF_KEY message contains.

use std::num::{NonZeroU16, NonZeroU32};

use model::{Attribute, Encap, IpTfs, KeyText, Sa, SaStats};
use schemars::JsonSchema;
use serde::Serialize;

use super::keys::Keys;

/// The encapsulation of NAT traversal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "NatT")]
pub struct NatTJson {
    /// Source port; 0 if it is not given.
    pub src_port: u16,
    /// Destination port; 0 if it is not given.
    pub dst_port: u16,
    /// `espinudp`, `espinudp-nonike` or `espintcp`; not set by earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encapsulation: Option<&'static str>,
    /// The original address of the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_address: Option<String>,
}

/// Settings of mode `iptfs` (RFC 9347).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "IpTfs")]
pub struct IpTfsJson {
    /// Microseconds until the receiver stops waiting for a missing packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_time: Option<u32>,
    /// Packets that the receiver puts in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder_window: Option<u16>,
    /// Microseconds that the sender waits for more packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_delay: Option<u32>,
    /// Bytes of the sender's queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_queue: Option<u32>,
    /// Size of the outer packets in bytes; 0 for that of the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet_size: Option<u32>,
    /// Whether the sender fragments no inner packet.
    pub dont_fragment: bool,
}

/// Sequence numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Sequence")]
pub struct SequenceJson {
    /// The last number sent.
    pub sent: u64,
    /// How many more can be sent.
    pub left: u64,
    /// The highest number received.
    pub received: u64,
    /// The kernel's bitmap of the replay window, in words of eight hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitmap: Option<String>,
}

/// Packets that were dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Dropped")]
pub struct DroppedJson {
    /// Older than the replay window.
    pub replay_window: u32,
    /// Received before.
    pub replay: u32,
    /// With a wrong integrity check value.
    pub integrity_failed: u32,
}

/// An attribute that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Attribute")]
pub struct AttributeJson {
    /// `XFRMA_*` of linux/xfrm.h.
    pub number: u16,
    /// Its length in bytes.
    pub length: usize,
    /// Its bytes in hexadecimal digits, with `--keys`, since they may be secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl From<Encap> for NatTJson {
    fn from(encap: Encap) -> Self {
        Self {
            src_port: encap.src_port.map_or(0, NonZeroU16::get),
            dst_port: encap.dst_port.map_or(0, NonZeroU16::get),
            encapsulation: Some(encap.kind.word()),
            original_address: encap.original.map(|address| address.to_string()),
        }
    }
}

impl IpTfsJson {
    /// The settings, if there are any.
    pub(super) fn of(iptfs: &IpTfs) -> Option<Self> {
        let &IpTfs { drop_time, reorder_window, init_delay, max_queue, packet_size, dont_fragment } =
            iptfs;
        let settings =
            Self { drop_time, reorder_window, init_delay, max_queue, packet_size, dont_fragment };
        (!iptfs.is_empty()).then_some(settings)
    }
}

impl SequenceJson {
    /// The numbers of an SA that has any.
    pub(super) fn of(sa: &Sa) -> Option<Self> {
        let state = &sa.replay_state;
        let most = if sa.esn { u64::MAX } else { u32::MAX.into() };
        let words: Vec<_> = state.bitmap.iter().map(|word| format!("{word:08x}")).collect();
        let bitmap = (!words.is_empty()).then(|| words.concat());
        let (sent, received) = (state.sent, state.received);
        let numbers = Self { sent, left: most.saturating_sub(sent), received, bitmap };
        (!state.is_new()).then_some(numbers)
    }
}

impl DroppedJson {
    /// The counts, unless all are 0.
    pub(super) fn of(stats: SaStats) -> Option<Self> {
        let SaStats { replay_window, replay, integrity_failed } = stats;
        (!stats.is_zero()).then_some(Self { replay_window, replay, integrity_failed })
    }
}

impl AttributeJson {
    pub(super) fn new(Attribute { number, value }: &Attribute, keys: Keys) -> Self {
        let digits = (keys == Keys::Shown).then(|| KeyText(value).to_string());
        Self { number: *number, length: value.bytes().len(), value: digits }
    }
}

/// `XFRM_SA_XFLAG_*` bits that have no word.
pub(super) fn extra_flags(sa: &Sa) -> Option<NonZeroU32> {
    NonZeroU32::new(sa.flags.unnamed_extra_bits())
}
