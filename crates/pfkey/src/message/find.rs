use model::Key;

use crate::{
    Extension, Message,
    ext::{
        Address, AddressKind, End, Filter, KeyKind, Lifetime, LifetimeKind, Policy, Sa, Sa2,
        SecCtx, SpiRange,
    },
};

/// The extensions that are read of most messages. Each occurs once at most.
impl Message {
    /// `SADB_EXT_SA`.
    #[must_use]
    pub fn sa(&self) -> Option<&Sa> {
        self.find(|extension| match extension {
            Extension::Sa(sa) => Some(sa),
            _ => None,
        })
    }

    /// `SADB_X_EXT_SA2`.
    #[must_use]
    pub fn sa2(&self) -> Option<&Sa2> {
        self.find(|extension| match extension {
            Extension::Sa2(sa2) => Some(sa2),
            _ => None,
        })
    }

    /// `SADB_EXT_LIFETIME_*`.
    #[must_use]
    pub fn lifetime(&self, wanted: LifetimeKind) -> Option<&Lifetime> {
        self.find(|extension| match extension {
            Extension::Lifetime(kind, lifetime) if *kind == wanted => Some(lifetime),
            _ => None,
        })
    }

    /// `SADB_EXT_ADDRESS_*` and `SADB_X_EXT_NAT_T_OA`.
    #[must_use]
    pub fn address(&self, wanted: AddressKind) -> Option<&Address> {
        self.find(|extension| match extension {
            Extension::Address(kind, address) if *kind == wanted => Some(address),
            _ => None,
        })
    }

    /// `SADB_EXT_KEY_*`.
    #[must_use]
    pub fn key(&self, wanted: KeyKind) -> Option<&Key> {
        self.find(|extension| match extension {
            Extension::Key(kind, key) if *kind == wanted => Some(key),
            _ => None,
        })
    }

    /// `SADB_EXT_SPIRANGE`.
    #[must_use]
    pub fn spi_range(&self) -> Option<&SpiRange> {
        self.find(|extension| match extension {
            Extension::SpiRange(range) => Some(range),
            _ => None,
        })
    }

    /// `SADB_X_EXT_FILTER`.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        self.find(|extension| match extension {
            Extension::Filter(filter) => Some(filter),
            _ => None,
        })
    }

    /// `SADB_X_EXT_POLICY`.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.find(|extension| match extension {
            Extension::Policy(policy) => Some(policy),
            _ => None,
        })
    }

    /// `SADB_X_EXT_NAT_T_TYPE`: `UDP_ENCAP_*`.
    #[must_use]
    pub fn nat_type(&self) -> Option<u8> {
        self.find(|extension| match extension {
            Extension::NatType(encap_type) => Some(*encap_type),
            _ => None,
        })
    }

    /// `SADB_X_EXT_NAT_T_SPORT` and `_DPORT`, host order.
    #[must_use]
    pub fn nat_port(&self, wanted: End) -> Option<u16> {
        self.find(|extension| match extension {
            Extension::NatPort(end, port) if *end == wanted => Some(*port),
            _ => None,
        })
    }

    /// `SADB_X_EXT_SEC_CTX`.
    #[must_use]
    pub fn sec_ctx(&self) -> Option<&SecCtx> {
        self.find(|extension| match extension {
            Extension::SecCtx(sec_ctx) => Some(sec_ctx),
            _ => None,
        })
    }

    fn find<'a, T>(&'a self, pick: impl Fn(&'a Extension) -> Option<T>) -> Option<T> {
        self.extensions.iter().find_map(pick)
    }
}
