use std::num::NonZeroU16;

use model::{Key, Keyed, ReqId, Sa};

use super::fields;
use crate::{
    Error, Extension, Message, MessageType,
    ext::{self, Address, AddressKind, End, KeyKind, Lifetime, LifetimeKind, Sa2, SecCtx},
    wire::{ext_type, numbers},
};

/// NAT traversal of an SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nat {
    /// `UDP_ENCAP_*` (linux/udp.h).
    pub kind: u8,
    /// Source port, host order.
    pub src_port: u16,
    /// Destination port, host order.
    pub dst_port: u16,
}

impl Nat {
    /// Its extensions.
    #[must_use]
    pub fn extensions(self) -> [Extension; 3] {
        [
            Extension::NatType(self.kind),
            Extension::NatPort(End::Src, self.src_port),
            Extension::NatPort(End::Dst, self.dst_port),
        ]
    }
}

/// The program that sends a message about an SA: each has an order of extensions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// `__pfkey_xfrm_state2msg` (net/key/af_key.c).
    AfKey,
    /// `setkeymsg_add` (src/setkey/parse.y of ipsec-tools 0.8.2).
    Setkey,
    /// `pfkey_send_x1` (src/libipsec/pfkey.c of ipsec-tools 0.8.2).
    Libipsec,
}

impl Sender {
    /// The types of extensions in this sender's order.
    #[rustfmt::skip]
    fn order(self) -> &'static [u16] {
        use ext_type::{
            ADDRESS_DST, ADDRESS_PROXY, ADDRESS_SRC, KEY_AUTH, KEY_ENCRYPT, LIFETIME_CURRENT,
            LIFETIME_HARD, LIFETIME_SOFT, NAT_T_DPORT, NAT_T_OA, NAT_T_SPORT, NAT_T_TYPE, SA, SA2,
            SEC_CTX,
        };
        match self {
            Sender::AfKey => &[
                SA, LIFETIME_HARD, LIFETIME_SOFT, LIFETIME_CURRENT, ADDRESS_SRC, ADDRESS_DST,
                ADDRESS_PROXY, KEY_AUTH, KEY_ENCRYPT, SA2, NAT_T_TYPE, NAT_T_SPORT, NAT_T_DPORT,
                NAT_T_OA, SEC_CTX,
            ],
            Sender::Setkey => &[
                KEY_ENCRYPT, KEY_AUTH, LIFETIME_HARD, LIFETIME_SOFT, LIFETIME_CURRENT, SEC_CTX, SA,
                SA2, NAT_T_TYPE, NAT_T_OA, ADDRESS_SRC, ADDRESS_DST, ADDRESS_PROXY, NAT_T_SPORT,
                NAT_T_DPORT,
            ],
            Sender::Libipsec => &[
                SA, SA2, ADDRESS_SRC, ADDRESS_DST, ADDRESS_PROXY, KEY_ENCRYPT, KEY_AUTH,
                LIFETIME_HARD, LIFETIME_SOFT, LIFETIME_CURRENT, SEC_CTX, NAT_T_TYPE, NAT_T_SPORT,
                NAT_T_DPORT, NAT_T_OA,
            ],
        }
    }
}

/// The parts of a message about an SA: ADD, UPDATE, and what AF_KEY reports of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaParts {
    /// `SADB_SATYPE_*`.
    pub satype: u8,
    /// SPI, replay window, state, algorithms and flags.
    pub sa: ext::Sa,
    /// Mode and reqid.
    pub sa2: Sa2,
    /// Source.
    pub src: Address,
    /// Destination.
    pub dst: Address,
    /// The source of the SA's own selector.
    pub proxy: Option<Address>,
    /// The key of the cipher.
    pub encrypt_key: Option<Key>,
    /// The key of the authentication.
    pub auth_key: Option<Key>,
    /// Hard limits.
    pub hard: Option<Lifetime>,
    /// Soft limits.
    pub soft: Option<Lifetime>,
    /// What the SA has seen.
    pub current: Option<Lifetime>,
    /// NAT traversal.
    pub nat: Option<Nat>,
    /// The original address behind the NAT; it goes with NAT traversal only.
    pub nat_original: Option<Address>,
    /// Security context.
    pub sec_ctx: Option<SecCtx>,
}

impl SaParts {
    /// The parts of an SA: its addresses without protocol and port, both limits, and of its keys
    /// those that are not empty and belong to an algorithm with a number, as AF_KEY reports them.
    ///
    /// A mode without number is an error.
    pub(crate) fn of(sa: &Sa) -> Result<Self, Error> {
        let key = |keyed: &Keyed| Some(keyed.key.clone()).filter(|key| key.bits() != 0);
        let numbered = |aead: &&Keyed| aead.algorithm.pfkey.is_some();
        let encrypt = sa.crypt.as_ref().or(sa.aead.as_ref().filter(numbered));
        Ok(Self {
            satype: numbers::satype(sa.proto),
            sa: fixed(sa),
            sa2: Sa2 {
                mode: numbers::mode_number(sa.mode.installed())?,
                reqid: sa.reqid.map_or(0, ReqId::number),
                ..Sa2::default()
            },
            src: fields::host(sa.ends.src(), 0, 0),
            dst: fields::host(sa.ends.dst(), 0, 0),
            proxy: None,
            encrypt_key: encrypt.and_then(key),
            auth_key: sa.auth.as_ref().and_then(key),
            hard: Some((&sa.lifetimes.hard).into()),
            soft: Some((&sa.lifetimes.soft).into()),
            current: None,
            nat: sa.encap.map(|encap| Nat {
                kind: encap.kind.number(),
                src_port: encap.src_port.map_or(0, NonZeroU16::get),
                dst_port: encap.dst_port.map_or(0, NonZeroU16::get),
            }),
            nat_original: None,
            sec_ctx: sa.sec_ctx.as_ref().map(Into::into),
        })
    }

    /// The message, as this sender orders its extensions.
    #[must_use]
    pub fn message(self, msg_type: MessageType, sender: Sender) -> Message {
        let address = |kind| move |address| Extension::Address(kind, address);
        let key = |kind| move |key| Extension::Key(kind, key);
        let lifetime = |kind| move |lifetime| Extension::Lifetime(kind, lifetime);
        let nat_original = self.nat_original.filter(|_| self.nat.is_some());
        let mut extensions: Vec<Extension> = [
            Some(Extension::Sa(self.sa)),
            Some(Extension::Sa2(self.sa2)),
            Some(Extension::Address(AddressKind::Src, self.src)),
            Some(Extension::Address(AddressKind::Dst, self.dst)),
            self.proxy.map(address(AddressKind::Proxy)),
            self.encrypt_key.map(key(KeyKind::Encrypt)),
            self.auth_key.map(key(KeyKind::Auth)),
            self.hard.map(lifetime(LifetimeKind::Hard)),
            self.soft.map(lifetime(LifetimeKind::Soft)),
            self.current.map(lifetime(LifetimeKind::Current)),
            nat_original.map(address(AddressKind::NatOriginal)),
            self.sec_ctx.map(Extension::SecCtx),
        ]
        .into_iter()
        .flatten()
        .chain(self.nat.into_iter().flat_map(Nat::extensions))
        .collect();
        let order = sender.order();
        extensions.sort_by_key(|extension| order.iter().position(|&it| it == extension.number()));
        Message::new(msg_type, self.satype).with(extensions)
    }
}

/// SPI, window, algorithms and flags.
fn fixed(sa: &Sa) -> ext::Sa {
    let number = |algorithm: &model::Algorithm| algorithm.pfkey.unwrap_or(0);
    let keyed = |keyed: &Keyed| number(keyed.algorithm);
    // KAME compatible: sadb_sa_encrypt holds the number of the compression as well.
    let encrypt = sa.crypt.as_ref().or(sa.aead.as_ref()).map(keyed);
    ext::Sa {
        spi: sa.spi.0,
        replay: u8::try_from(sa.replay_window).unwrap_or(u8::MAX),
        state: 0,
        auth: sa.auth.as_ref().map_or(0, keyed),
        encrypt: encrypt.or(sa.comp.map(number)).unwrap_or(0),
        flags: sa.flags.pfkey_bits(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sender_orders_the_same_types() {
        let types = |sender: Sender| sender.order().iter().copied().collect::<BTreeSet<_>>();
        for sender in [Sender::AfKey, Sender::Setkey, Sender::Libipsec] {
            assert_eq!(sender.order().len(), 15);
            assert_eq!(types(sender), types(Sender::AfKey));
        }
    }
}
