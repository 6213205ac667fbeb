/// What a message is for: `SADB_*` (linux/pfkeyv2.h). Any number may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageType(pub u8);

#[rustfmt::skip]
#[expect(missing_docs, reason = "each is the SADB_* number of its name")]
impl MessageType {
    pub const GETSPI: Self = Self(1);
    pub const UPDATE: Self = Self(2);
    pub const ADD: Self = Self(3);
    pub const DELETE: Self = Self(4);
    pub const GET: Self = Self(5);
    pub const ACQUIRE: Self = Self(6);
    pub const REGISTER: Self = Self(7);
    pub const EXPIRE: Self = Self(8);
    pub const FLUSH: Self = Self(9);
    pub const DUMP: Self = Self(10);
    pub const PROMISC: Self = Self(11);
    pub const PCHANGE: Self = Self(12);
    pub const SPDUPDATE: Self = Self(13);
    pub const SPDADD: Self = Self(14);
    pub const SPDDELETE: Self = Self(15);
    pub const SPDGET: Self = Self(16);
    pub const SPDACQUIRE: Self = Self(17);
    pub const SPDDUMP: Self = Self(18);
    pub const SPDFLUSH: Self = Self(19);
    pub const SPDSETIDX: Self = Self(20);
    pub const SPDEXPIRE: Self = Self(21);
    pub const SPDDELETE2: Self = Self(22);
    pub const NAT_T_NEW_MAPPING: Self = Self(23);
    pub const MIGRATE: Self = Self(24);

    /// The largest type that linux/pfkeyv2.h has (`SADB_MAX`).
    pub const MAX: Self = Self::MIGRATE;
}
