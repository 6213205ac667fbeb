use model::Relocation;
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_packet_xfrm::XfrmMessage;
use rustix::io::Errno;
use tracing::debug;

use crate::{Connection, Error, KernelRefusal, SaImage, reply::Reply, wire};

/// Whether the kernel can move an SA (`XFRM_MSG_MIGRATE_STATE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveSupport {
    /// It can.
    Known,
    /// It was built without CONFIG_XFRM_MIGRATE.
    NotBuilt,
    /// It does not know the message: it is older than Linux 7.2.
    Unknown,
}

impl Connection {
    /// Asks the kernel whether it can move an SA. Nothing is changed.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`], [`Error::Refused`].
    pub fn move_support(&mut self) -> Result<MoveSupport, Error> {
        let Some(refusal) = self.carry_out(&wire::relocation::probe())? else {
            return Ok(MoveSupport::Unknown);
        };
        match refusal.errno {
            Errno::SRCH => Ok(MoveSupport::Known),
            Errno::NOPROTOOPT => Ok(MoveSupport::NotBuilt),
            Errno::INVAL => Ok(MoveSupport::Unknown),
            _ => Err(Error::Refused { doing: "asking whether SAs can be moved", refusal }),
        }
    }

    /// Moves an SA. A refusal leaves it as it was, unless the new name is taken meanwhile.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn move_sa(
        &mut self,
        sa: &SaImage,
        to: &Relocation,
    ) -> Result<Option<KernelRefusal>, Error> {
        debug!(?sa, ?to, "move");
        self.carry_out(&sa.relocation(to))
    }

    fn carry_out(&mut self, message: &XfrmMessage) -> Result<Option<KernelRefusal>, Error> {
        let seqs = self.request(message, NLM_F_REQUEST | NLM_F_ACK)?;
        self.socket.reply(seqs, |_, reply| {
            Ok(match reply {
                Reply::Refused(refusal) => Some(refusal),
                Reply::Done | Reply::Object(_) => None,
            })
        })
    }
}
