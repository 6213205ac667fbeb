use crate::{AddressPair, Policy, PolicyId, Proto, Sa, SaId};

/// One thing to do to the SAD or SPD. A statement of a script is one or several of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `add`.
    AddSa(Box<Sa>),
    /// `add` of an SA without a mode of its own, as the BSDs have them: it takes the mode of the
    /// policy that refers to it, and is transport without one.
    AddSaOfAnyMode(Box<Sa>),
    /// `get`.
    GetSa(SaId),
    /// `delete`.
    DeleteSa(SaId),
    /// `deleteall`: every SA of this protocol (or any) between these addresses.
    DeleteAllSa(AddressPair, Option<Proto>),
    /// `flush`: every SA of this protocol (or any).
    FlushSad(Option<Proto>),
    /// `dump`: every SA of this protocol (or any).
    DumpSad(Option<Proto>),
    /// `spdadd`.
    AddPolicy(Box<Policy>),
    /// `spdupdate`: replaces the policy of this name, or adds it.
    UpdatePolicy(Box<Policy>),
    /// `spddelete`.
    DeletePolicy(PolicyId),
    /// `spdflush`.
    FlushSpd,
    /// `spddump`.
    DumpSpd,
}
