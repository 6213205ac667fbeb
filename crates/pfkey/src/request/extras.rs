use std::net::IpAddr;

/// `SADB_X_EXT_OLD` (net/pfkeyv2.h of ipsec-tools): `esp-old` and `ah-old`.
pub const OLD: u32 = 0x1;
/// `SADB_X_EXT_CYCSEQ`: what `-f nocyclic-seq` clears.
pub const CYCLIC_SEQUENCE: u32 = 0x40;
/// `SADB_X_SAFLAGS_ESN` of FreeBSD.
pub const ESN: u32 = 0x400;
/// `SADB_X_EXT_PRAND`: `-f random-pad`.
pub const RANDOM_PAD: u32 = 0x100;
/// `SADB_X_EXT_PZERO`: `-f zero-pad`.
pub const ZERO_PAD: u32 = 0x200;

/// What a statement about an SA gives, and PF_KEY messages carry, and no SA keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PfKeyExtras {
    /// The `SADB_X_EXT_*` flags of `-f`. The kernel ignores them.
    pub flags: u32,
    /// The ports behind source and destination; 0: none.
    pub ports: (u16, u16),
    /// The source of `get` and `delete`, which the kernel ignores; without it all zeros.
    pub src: Option<IpAddr>,
    /// The address behind `esp-udp`.
    pub nat_original: Option<IpAddr>,
}

impl Default for PfKeyExtras {
    fn default() -> Self {
        Self { flags: CYCLIC_SEQUENCE, ports: (0, 0), src: None, nat_original: None }
    }
}
