use std::num::NonZeroU32;

use crate::{
    AddressPair, Mark, Policy, PolicyId, PolicyType, Proto, ReqId, Sa, SaId, SaMode, Spi, Variables,
};

/// One thing to do to the SAD or SPD. A statement of a script is one or several of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// `add`.
    AddSa(Box<Sa>),
    /// Completes a larval SA, or gives a mature one new lifetimes (`SADB_UPDATE`).
    UpdateSa(Box<Sa>),
    /// `getspi`: reserves an SPI by a larval SA.
    GetSpi(SpiRequest),
    /// `get`: the SA of this name, if it has this if_id or none, where either is given. It is no part of
    /// the name.
    GetSa(SaId, Option<Option<NonZeroU32>>),
    /// `delete`, in the same way.
    DeleteSa(SaId, Option<Option<NonZeroU32>>),
    /// `deleteall`.
    DeleteAllSa(SaGroup),
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
    /// `spdflush`: every policy of this type.
    FlushSpd(PolicyType),
    /// `spddump`.
    DumpSpd,
    /// `-nofwd`: an operation on an `in` policy that leaves its `fwd` copy out.
    WithoutForwardCopy(Box<Operation>),
}

/// What an operation describes of a state, which has SAs and policies and nothing to do with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described<'a> {
    /// An SA.
    Sa {
        /// The SA.
        sa: &'a Sa,
        /// It takes the place of what was described by its name.
        replaces: bool,
    },
    /// A policy.
    Policy {
        /// The policy.
        policy: &'a Policy,
        /// It takes the place of what was described by its name.
        replaces: bool,
        /// Whether its `fwd` copy may be described with it.
        may_have_copy: bool,
    },
    /// The SAD has no other SAs of this protocol, or of any.
    WholeSad(Option<Proto>),
    /// The SPD has no other policies of this type.
    WholeSpd(PolicyType),
}

impl Operation {
    /// What it describes of a state; nothing if it is no part of one.
    #[must_use]
    pub fn described(&self) -> Option<Described<'_>> {
        let policy = |policy, replaces| Described::Policy { policy, replaces, may_have_copy: true };
        Some(match self {
            Operation::AddSa(sa) => Described::Sa { sa, replaces: false },
            Operation::UpdateSa(sa) => Described::Sa { sa, replaces: true },
            Operation::AddPolicy(it) => policy(it, false),
            Operation::UpdatePolicy(it) => policy(it, true),
            Operation::FlushSad(proto) => Described::WholeSad(*proto),
            Operation::FlushSpd(kind) => Described::WholeSpd(*kind),
            Operation::WithoutForwardCopy(operation) => match operation.described()? {
                Described::Policy { policy, replaces, .. } => {
                    Described::Policy { policy, replaces, may_have_copy: false }
                }
                other => other,
            },
            Operation::GetSpi(_)
            | Operation::GetSa(..)
            | Operation::DeleteSa(..)
            | Operation::DeleteAllSa(_)
            | Operation::DumpSad(_)
            | Operation::DeletePolicy(_)
            | Operation::DumpSpd => return None,
        })
    }
}

/// The SAs between two addresses that have what is given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaGroup {
    /// Both ends.
    pub ends: AddressPair,
    /// The protocol.
    pub proto: Option<Proto>,
    /// The mark; [`Mark::default`]: none.
    pub mark: Option<Mark>,
    /// The if_id, or that it has none.
    pub if_id: Option<Option<NonZeroU32>>,
}

impl SaGroup {
    /// Whether an SA is one of them.
    #[must_use]
    pub fn contains(&self, sa: &Sa) -> bool {
        sa.ends == self.ends
            && self.proto.is_none_or(|proto| proto == sa.proto)
            && self.mark.is_none_or(|mark| mark == sa.mark)
            && self.if_id.is_none_or(|if_id| sa.if_id == if_id)
    }
}

/// The SPI that a larval SA is to get (`SADB_GETSPI`, `XFRM_MSG_ALLOCSPI`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpiRequest {
    /// Both ends.
    pub ends: AddressPair,
    /// AH, ESP or IPComp.
    pub proto: Proto,
    /// The SPI; without one the kernel picks a free one.
    pub spi: Option<Spi>,
    /// The mode of the SA to come.
    pub mode: SaMode,
    /// The number that `unique:N` of a template refers to.
    pub reqid: Option<ReqId>,
}

impl SpiRequest {
    /// The SPIs to choose from, both ends included: those of the host's variables where none is asked for;
    /// a CPI has 16 bits.
    #[must_use]
    pub fn range(&self, variables: &Variables) -> (Spi, Spi) {
        match (self.spi, self.proto) {
            (Some(spi), _) => (spi, spi),
            (None, Proto::IpComp) => (Spi::FIRST_FREE, Spi::LAST_CPI),
            (None, _) => variables.spi_range(),
        }
    }
}
