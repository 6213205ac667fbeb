//! The types of extensions: `SADB_EXT_*` and `SADB_X_EXT_*` (linux/pfkeyv2.h).
#![expect(missing_docs, reason = "each is the number of its name")]

pub const SA: u16 = 1;
pub const LIFETIME_CURRENT: u16 = 2;
pub const LIFETIME_HARD: u16 = 3;
pub const LIFETIME_SOFT: u16 = 4;
pub const ADDRESS_SRC: u16 = 5;
pub const ADDRESS_DST: u16 = 6;
pub const ADDRESS_PROXY: u16 = 7;
pub const KEY_AUTH: u16 = 8;
pub const KEY_ENCRYPT: u16 = 9;
pub const IDENTITY_SRC: u16 = 10;
pub const IDENTITY_DST: u16 = 11;
pub const SENSITIVITY: u16 = 12;
pub const PROPOSAL: u16 = 13;
pub const SUPPORTED_AUTH: u16 = 14;
pub const SUPPORTED_ENCRYPT: u16 = 15;
pub const SPIRANGE: u16 = 16;
pub const KMPRIVATE: u16 = 17;
pub const POLICY: u16 = 18;
pub const SA2: u16 = 19;
pub const NAT_T_TYPE: u16 = 20;
pub const NAT_T_SPORT: u16 = 21;
pub const NAT_T_DPORT: u16 = 22;
pub const NAT_T_OA: u16 = 23;
pub const SEC_CTX: u16 = 24;
pub const KMADDRESS: u16 = 25;
pub const FILTER: u16 = 26;

/// The largest type that linux/pfkeyv2.h has (`SADB_EXT_MAX`).
pub const MAX: u16 = FILTER;
