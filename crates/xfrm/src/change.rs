use ipsec::{Policy, PolicyId, Proto, Sa, SaId};
use netlink_packet_xfrm::{XfrmMessage, policy, state};

use crate::{Refusal, device::Devices, wire};

/// One change to the SAD or SPD: one message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Adds an SA; EEXIST if its name is taken (`XFRM_MSG_NEWSA`).
    AddSa(&'a Sa),
    /// Completes a larval SA, or gives a mature one new lifetimes; ESRCH if there is none
    /// (`XFRM_MSG_UPDSA`).
    UpdateSa(&'a Sa),
    /// Deletes an SA; ESRCH if there is none (`XFRM_MSG_DELSA`).
    DeleteSa(SaId),
    /// Deletes every SA of a protocol, or every AH, ESP and IPComp SA (`XFRM_MSG_FLUSHSA`).
    FlushSad(Option<Proto>),
    /// Adds a policy; EEXIST if its name is taken (`XFRM_MSG_NEWPOLICY`).
    AddPolicy(&'a Policy),
    /// Replaces the policy of this name, or adds it (`XFRM_MSG_UPDPOLICY`).
    UpdatePolicy(&'a Policy),
    /// Deletes a policy; ENOENT if there is none (`XFRM_MSG_DELPOLICY`).
    DeletePolicy(&'a PolicyId),
    /// Deletes every policy but those of sockets (`XFRM_MSG_FLUSHPOLICY`).
    FlushSpd,
}

impl Change<'_> {
    /// The message that asks the kernel for it, or the refusal of what no message can say. SAs
    /// carry keys: see [`wire::wipe`].
    pub(crate) fn message(&self, devices: &Devices) -> Result<XfrmMessage, Refusal> {
        Ok(match *self {
            Change::AddSa(sa) => XfrmMessage::AddSa(wire::sa::message(sa, devices)?),
            Change::UpdateSa(sa) => XfrmMessage::UpdateSa(wire::sa::message(sa, devices)?),
            Change::DeleteSa(id) => XfrmMessage::DeleteSa(wire::sa::id_message(&id)),
            Change::FlushSad(proto) => XfrmMessage::FlushSa(state::FlushMessage {
                // As AF_KEY's SADB_FLUSH of satype 0: Mobile IPv6 SAs stay.
                protocol: proto.unwrap_or(Proto::Any).number(),
            }),
            Change::AddPolicy(policy) => XfrmMessage::AddPolicy(wire::policy::message(policy)),
            Change::UpdatePolicy(policy) => {
                XfrmMessage::UpdatePolicy(wire::policy::message(policy))
            }
            Change::DeletePolicy(id) => XfrmMessage::DeletePolicy(wire::policy::id_message(id)),
            Change::FlushSpd => XfrmMessage::FlushPolicy(policy::FlushMessage::default()),
        })
    }
}
