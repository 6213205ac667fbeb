use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_packet_xfrm::XfrmMessage;
use rustix::io::Errno;
use tracing::debug;

use crate::{Connection, Error, reply::Reply, wire};

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

impl Connection {
    /// Whether the kernel lacks an attribute. It is asked without a change; of
    /// [`OptionalAttribute::KeepAlive`] a kernel that has the one before and not the one after it cannot
    /// be asked, and counts as knowing it.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn lacks(&mut self, attribute: OptionalAttribute) -> Result<bool, Error> {
        let Some(message) = wire::probe::message(attribute) else {
            // Attributes have been added in the order of their numbers.
            return self.lacks(OptionalAttribute::Direction);
        };
        debug!(seq = self.next_seq, ?attribute, "ask for an attribute");
        let seqs = self.request(&XfrmMessage::AddSa(message), NLM_F_REQUEST | NLM_F_ACK)?;
        self.socket.reply(seqs, |_, reply| {
            Ok(matches!(reply, Reply::Refused(refusal) if refusal.errno == Errno::NOSYS))
        })
    }
}
