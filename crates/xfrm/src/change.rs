use model::{Migration, PolicyEntry, PolicyId, PolicyType, Proto, Sa, SaId, Template};
use netlink_packet_xfrm::{
    UserPolicyDefault, XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY, XfrmMessage, policy, state,
};

use crate::{
    CatchAll, KernelRefusal, PolicyImage, SaImage, device::Devices,
    installed_policy::InstalledPolicy, wire,
};

/// One change to the SAD or SPD: one message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Adds an SA; EEXIST if its name is taken (`XFRM_MSG_NEWSA`).
    AddSa(&'a Sa),
    /// Adds an SA as it was, counters and replay state included; EEXIST if its name is taken
    /// (`XFRM_MSG_NEWSA`).
    RestoreSa(&'a SaImage),
    /// Completes a larval SA, or gives a mature one new lifetimes; ESRCH if there is none
    /// (`XFRM_MSG_UPDSA`).
    UpdateSa(&'a Sa),
    /// Deletes an SA; ESRCH if there is none (`XFRM_MSG_DELSA`).
    DeleteSa(SaId),
    /// Deletes every SA of a protocol, or every AH, ESP and IPComp SA (`XFRM_MSG_FLUSHSA`).
    FlushSad(Option<Proto>),
    /// Adds a policy; EEXIST if its name is taken (`XFRM_MSG_NEWPOLICY`).
    AddPolicy(InstalledPolicy<'a>),
    /// Replaces the policy of this name, or adds it (`XFRM_MSG_UPDPOLICY`).
    UpdatePolicy(InstalledPolicy<'a>),
    /// Adds a policy as it was, with its index if that is free; EEXIST if its name is taken
    /// (`XFRM_MSG_NEWPOLICY`).
    RestorePolicy(&'a PolicyImage),
    /// Replaces the policy of this name, which then follows all of its priority (`XFRM_MSG_UPDPOLICY`).
    RenewPolicy(&'a PolicyImage),
    /// Deletes a policy; ENOENT if there is none (`XFRM_MSG_DELPOLICY`).
    DeletePolicy(&'a PolicyId),
    /// Deletes every policy of a type but those of sockets (`XFRM_MSG_FLUSHPOLICY`).
    FlushSpd(PolicyType),
    /// Moves a policy and its SAs to other addresses; ENOENT if there is no such policy, ENODATA if
    /// it asks for none of these SAs (`XFRM_MSG_MIGRATE`).
    Migrate(&'a Migration),
    /// Adds or renews a policy under all others (`XFRM_MSG_UPDPOLICY`).
    SetCatchAll(CatchAll),
    /// Deletes it; ENOENT if it is not there (`XFRM_MSG_DELPOLICY`).
    DeleteCatchAll(CatchAll),
    /// Whether packets of both IP versions that no policy matches are dropped, in every direction
    /// (`XFRM_MSG_SETDEFAULT`, Linux 5.15; EINVAL before).
    SetDefault {
        /// Dropped.
        block: bool,
    },
    /// Requests an SA of the key managers (`XFRM_MSG_ACQUIRE`). It is accepted if there is none.
    Acquire {
        /// The policy that packets have used.
        policy: &'a PolicyEntry,
        /// The template without an SA, which need not be one of those installed.
        template: Template,
    },
}

impl Change<'_> {
    /// The message that asks the kernel for it, or the refusal of what no message can say. SAs
    /// carry keys: see [`wire::wipe`].
    pub(crate) fn message(&self, devices: &Devices) -> Result<XfrmMessage, KernelRefusal> {
        Ok(match *self {
            Change::AddSa(sa) => XfrmMessage::AddSa(wire::sa::message(sa, devices)?),
            Change::RestoreSa(image) => image.message(),
            Change::RestorePolicy(image) => image.message(XFRM_MSG_NEWPOLICY),
            Change::RenewPolicy(image) => image.message(XFRM_MSG_UPDPOLICY),
            Change::UpdateSa(sa) => XfrmMessage::UpdateSa(wire::sa::message(sa, devices)?),
            Change::DeleteSa(id) => XfrmMessage::DeleteSa(wire::sa::id_message(&id)),
            Change::FlushSad(proto) => XfrmMessage::FlushSa(state::FlushMessage {
                // As AF_KEY's SADB_FLUSH of satype 0: Mobile IPv6 SAs stay.
                protocol: proto.unwrap_or(Proto::Any).number(),
            }),
            Change::AddPolicy(installed) => {
                XfrmMessage::AddPolicy(wire::policy::message(&installed, devices)?)
            }
            Change::UpdatePolicy(installed) => {
                XfrmMessage::UpdatePolicy(wire::policy::message(&installed, devices)?)
            }
            Change::DeletePolicy(id) => {
                XfrmMessage::DeletePolicy(wire::policy::id_message(id, devices)?)
            }
            Change::FlushSpd(kind) => {
                let nlas = wire::policy::type_attribute(kind).into_iter().collect();
                XfrmMessage::FlushPolicy(policy::FlushMessage { nlas })
            }
            Change::Migrate(migration) => {
                XfrmMessage::Migrate(wire::migration::message(migration, devices)?)
            }
            Change::SetCatchAll(it) => XfrmMessage::UpdatePolicy(wire::catch_all::message(it)),
            Change::DeleteCatchAll(it) => {
                XfrmMessage::DeletePolicy(wire::catch_all::id_message(it))
            }
            Change::Acquire { policy, template } => {
                XfrmMessage::Acquire(wire::acquire::message(policy, template, devices)?)
            }
            Change::SetDefault { block } => {
                // XFRM_USERPOLICY_BLOCK and XFRM_USERPOLICY_ACCEPT.
                let verdict = if block { 1 } else { 2 };
                let user_policy =
                    UserPolicyDefault { input: verdict, forward: verdict, output: verdict };
                XfrmMessage::SetPolicyDefault(policy::DefaultMessage { user_policy })
            }
        })
    }
}
