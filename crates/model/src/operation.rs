use crate::{
    AddressPair, Policy, PolicyId, PolicyType, Proto, ReqId, Sa, SaId, SaMode, Spi, Variables,
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
    /// `spdflush`: every policy of this type.
    FlushSpd(PolicyType),
    /// `spddump`.
    DumpSpd,
    /// `-nofwd`: an operation on an `in` policy that leaves its `fwd` copy out.
    WithoutForwardCopy(Box<Operation>),
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
