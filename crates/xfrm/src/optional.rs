use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_packet_xfrm::XfrmMessage;
use rustix::io::Errno;
use tracing::debug;

use crate::{Connection, Error, optional_attribute::OptionalAttribute, reply::Reply, wire};

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
