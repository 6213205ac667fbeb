use model::{Counter, Direction, SaEntry};

use crate::{Fields, Reason};

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It passes as it is.
    Clear,
    /// It passes, transformed by these SAs in this order.
    Protected(Vec<&'a SaEntry>),
    /// It is dropped.
    Dropped {
        /// The reason.
        reason: Reason,
        /// The counters that are raised, each by 1.
        counters: &'static [Counter],
    },
    /// That is not known.
    Unknown(Doubt<'a>),
}

/// Why a verdict cannot be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt<'a> {
    /// A policy or the selector of an SA compares these fields, which are not known.
    Fields(Fields),
    /// Several SAs have the SPI that was given.
    SeveralSas(Vec<&'a SaEntry>),
    /// A packet of the other IP version than that of its SA, which lacks `af-unspec`: [`crate::InnerVersion::Unknown`].
    InnerVersion,
    /// What was decrypted may be a packet or garbage: whether the key is that of the sender is not shown.
    Decryption,
    /// The packet inside is encrypted, and was not given.
    InnerPacket,
    /// A later fragment: the first one has the headers.
    Fragment,
    /// By its route the packet is of this direction.
    OtherDirection(Direction),
    /// The next hop of what leaves has not answered the last time (`NUD_FAILED`): the kernel asks it again with the next packet
    /// (`__neigh_event_send`, net/core/neighbour.c).
    NextHop,
    /// The packet that its SAs are undone of is for another host, and is forwarded as it is.
    OuterForwarded,
    /// It is longer than what fits, and may have to stay whole.
    TooLong {
        /// The bytes of the longest packet that fits.
        longest: usize,
    },
    /// It leaves by an xfrm interface that has no number of its own.
    Interface,
    /// A rule of the routing table compares the protocol of the packet that a tunnel makes, by its preference.
    ProtocolRule(u32),
    /// It leaves by a vti device or an xfrm interface that looks up in the tables of another network namespace.
    OtherNamespace,
    /// Policies of type `sub` match, by their indexes.
    SubPolicies(Vec<u32>),
    /// A policy of a socket may be that of the UDP socket that the packet is for.
    SocketPolicy,
    /// The packet is an ICMP error and may be treated as the packet that it is about, by these
    /// policies, or because of an SA with the flag `icmp`.
    IcmpError(Vec<u32>),
}

impl Verdict<'_> {
    pub(crate) fn dropped(reason: Reason, direction: Direction) -> Self {
        Verdict::Dropped { reason, counters: reason.counters(direction) }
    }

    /// Whether the packet passes.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Verdict::Clear | Verdict::Protected(_))
    }
}
