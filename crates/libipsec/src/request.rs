//! The messages of `pfkey_send_*`, as ipsec-tools 0.8.2 puts them together (src/libipsec/pfkey.c).
//!
//! What a program gives as a C integer and the message has fewer bits for is refused, where the
//! original cut it. A message gets its sender's process number when it is sent.

mod ends;

use std::net::SocketAddr;

use model::{Key, Spi};
use pfkey::{
    Extension, Message, MessageType, Nat, SaParts, Sender,
    ext::{KmAddress, Lifetime, LifetimeKind, Policy, Sa, Sa2, SecCtx, SpiRange},
};

use crate::{
    error::Code,
    key_lengths::{AH, ESP, IPCOMP, UNSPEC},
    soft_rate,
};

pub(crate) use ends::{Ends, SelectorArguments};

/// An algorithm by its number in PF_KEY, 0 for none, and its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyedNumber<'a> {
    pub number: u32,
    pub key: &'a [u8],
}

/// What a program gives for ADD and UPDATE.
#[derive(Debug)]
pub(crate) struct SaRequest<'a> {
    pub satype: u32,
    pub mode: u32,
    pub ends: Ends,
    /// Host order.
    pub spi: u32,
    pub reqid: u32,
    pub window: u32,
    pub encrypt: KeyedNumber<'a>,
    pub auth: KeyedNumber<'a>,
    pub flags: u32,
    pub limits: Lifetime,
    pub seq: u32,
    pub nat: Option<Nat>,
    pub nat_original: Option<SocketAddr>,
    pub sec_ctx: Option<SecCtx>,
}

/// NAT traversal of this kind (`UDP_ENCAP_*`, linux/udp.h), 0 for none. Ports are in host order.
pub(crate) fn nat(kind: u8, src_port: u16, dst_port: u16) -> Option<Nat> {
    (kind != 0).then_some(Nat { kind, src_port, dst_port })
}

/// ADD, UPDATE.
pub(crate) fn sa(msg_type: MessageType, request: SaRequest<'_>) -> Result<Message, Code> {
    check_algorithms(&request)?;
    let algorithm = |number: u32| u8::try_from(number).map_err(|_| Code::InvalidAlgorithm);
    let key = |key: &[u8]| Key::new(key.to_vec());
    let has_encrypt_key = request.encrypt.number != 0 && request.satype != IPCOMP;
    let parts = SaParts {
        satype: satype(request.satype)?,
        sa: Sa {
            spi: request.spi,
            // The kernel takes 32 packets for more.
            replay: u8::try_from(request.window).unwrap_or(u8::MAX),
            state: 0,
            auth: algorithm(request.auth.number)?,
            encrypt: algorithm(request.encrypt.number)?,
            flags: request.flags,
        },
        sa2: sa2(request.mode, request.reqid)?,
        src: ends::host(request.ends.src),
        dst: ends::host(request.ends.dst),
        proxy: None,
        encrypt_key: has_encrypt_key.then(|| key(request.encrypt.key)),
        auth_key: (request.auth.number != 0).then(|| key(request.auth.key)),
        soft: Some(soft_rate::soft(&request.limits)),
        hard: Some(request.limits),
        current: None,
        nat: request.nat,
        nat_original: request.nat_original.map(ends::host),
        sec_ctx: request.sec_ctx,
    };
    Ok(parts.message(msg_type, Sender::Libipsec).numbered(request.seq, 0))
}

/// Whether the SA type has the algorithms that it needs, and no others.
fn check_algorithms(request: &SaRequest<'_>) -> Result<(), Code> {
    let (encrypt, auth) = (request.encrypt.number != 0, request.auth.number != 0);
    match (request.satype, encrypt, auth) {
        (ESP, false, _) | (AH, false, false) | (IPCOMP, true, true) => Err(Code::NoAlgorithm),
        (AH, true, _) | (IPCOMP, false, _) => Err(Code::InvalidAlgorithm),
        (AH, ..) if request.nat.is_some() => Err(Code::NoAlgorithm),
        (ESP | AH | IPCOMP, ..) => Ok(()),
        _ => Err(Code::InvalidSaType),
    }
}

/// GETSPI, for an SPI of a range; with 0 to the largest number for any.
pub(crate) fn get_spi(
    (satype, mode, reqid): (u32, u32, u32),
    ends: Ends,
    nat: Option<Nat>,
    (min, max): (u32, u32),
    seq: u32,
) -> Result<Message, Code> {
    if min > max || (1..Spi::FIRST_FREE.0).contains(&min) {
        return Err(Code::InvalidSpi);
    }
    let mut extensions = vec![Extension::Sa2(sa2(mode, reqid)?)];
    extensions.extend(ends.hosts());
    extensions.extend(nat.into_iter().flat_map(Nat::extensions));
    if min >= Spi::FIRST_FREE.0 && max < u32::MAX {
        extensions.push(Extension::SpiRange(SpiRange { min, max }));
    }
    Ok(message(MessageType::GETSPI, satype)?.numbered(seq, 0).with(extensions))
}

/// DELETE, GET. The SPI is in host order.
pub(crate) fn by_spi(
    msg_type: MessageType,
    satype: u32,
    ends: Ends,
    spi: u32,
) -> Result<Message, Code> {
    let sa = Sa { spi, replay: 0, state: 0, auth: 0, encrypt: 0, flags: 0 };
    let mut extensions = vec![Extension::Sa(sa)];
    extensions.extend(ends.hosts());
    Ok(message(msg_type, satype)?.with(extensions))
}

/// DELETE without an SPI, which Linux refuses.
pub(crate) fn delete_all(satype: u32, ends: Ends) -> Result<Message, Code> {
    Ok(message(MessageType::DELETE, satype)?.with(ends.hosts().into()))
}

/// REGISTER, FLUSH, DUMP, SPDFLUSH, SPDDUMP.
pub(crate) fn bare(msg_type: MessageType, satype: u32) -> Result<Message, Code> {
    match satype {
        UNSPEC | AH | ESP | IPCOMP => message(msg_type, satype),
        _ => Err(Code::InvalidSaType),
    }
}

/// PROMISC, on or off.
pub(crate) fn promisc(on: bool) -> Message {
    Message::new(MessageType::PROMISC, on.into())
}

/// SPDADD, SPDUPDATE, SPDDELETE, SPDSETIDX; the policy follows. Lifetime and valid time
/// are seconds.
pub(crate) fn policy(
    msg_type: MessageType,
    selector: SelectorArguments,
    (lifetime, valid_time): (u64, u64),
    seq: u32,
) -> Result<Message, Code> {
    let mut extensions = Vec::from(selector.extensions()?);
    let limits = Lifetime { add_time: lifetime, use_time: valid_time, ..Lifetime::default() };
    extensions.push(Extension::Lifetime(LifetimeKind::Hard, limits));
    Ok(Message::new(msg_type, 0).numbered(seq, 0).with(extensions))
}

/// SPDGET, SPDDELETE2: by the policy's index.
pub(crate) fn by_index(msg_type: MessageType, id: u32) -> Message {
    Message::new(msg_type, 0).with(vec![Extension::Policy(Policy { id, ..Policy::bare(0) })])
}

/// MIGRATE; the policy, whose requests come in pairs of old and new, follows.
pub(crate) fn migrate(
    daemons: Ends,
    selector: SelectorArguments,
    seq: u32,
) -> Result<Message, Code> {
    let (local, remote) = (daemons.src, daemons.dst);
    let mut extensions = vec![Extension::KmAddress(KmAddress { reserved: 0, local, remote })];
    extensions.extend(selector.extensions()?);
    Ok(Message::new(MessageType::MIGRATE, 0).numbered(seq, 0).with(extensions))
}

fn message(msg_type: MessageType, satype: u32) -> Result<Message, Code> {
    Ok(Message::new(msg_type, self::satype(satype)?))
}

fn satype(number: u32) -> Result<u8, Code> {
    u8::try_from(number).map_err(|_| Code::InvalidSaType)
}

fn sa2(mode: u32, reqid: u32) -> Result<Sa2, Code> {
    let mode = u8::try_from(mode).map_err(|_| Code::InvalidMode)?;
    Ok(Sa2 { mode, reqid, ..Sa2::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAT: Nat = Nat { kind: 2, src_port: 4500, dst_port: 4500 };

    fn ends() -> Ends {
        Ends::new(([192, 0, 2, 1], 0).into(), ([192, 0, 2, 2], 0).into()).unwrap()
    }

    fn request(satype: u32, encrypt: u32, auth: u32) -> SaRequest<'static> {
        SaRequest {
            satype,
            mode: 1,
            ends: ends(),
            spi: 0x1000,
            reqid: 7,
            window: 300,
            encrypt: KeyedNumber { number: encrypt, key: &[1; 16] },
            auth: KeyedNumber { number: auth, key: &[2; 20] },
            flags: 0,
            limits: Lifetime::default(),
            seq: 9,
            nat: None,
            nat_original: Some(([192, 0, 2, 3], 0).into()),
            sec_ctx: None,
        }
    }

    fn numbers(message: &Message) -> Vec<u16> {
        message.extensions.iter().map(Extension::number).collect()
    }

    #[test]
    fn the_order_is_the_originals() {
        let mut esp = request(ESP, 12, 3);
        esp.nat = Some(NAT);
        esp.sec_ctx = Some(SecCtx { alg: 1, doi: 1, context: b"a".into() });
        let message = sa(MessageType::ADD, esp).unwrap();
        assert_eq!(numbers(&message), [1, 19, 5, 6, 9, 8, 3, 4, 24, 20, 21, 22, 23]);
        assert_eq!(message.sa().unwrap().replay, 255);
        let comp = sa(MessageType::UPDATE, request(IPCOMP, 2, 0)).unwrap();
        assert_eq!(numbers(&comp), [1, 19, 5, 6, 3, 4]);
        let spi = get_spi((ESP, 2, 0), ends(), None, (0x100, 0x200), 1).unwrap();
        assert_eq!(numbers(&spi), [19, 5, 6, 16]);
        let any = get_spi((ESP, 2, 0), ends(), None, (0, u32::MAX), 1).unwrap();
        assert_eq!(numbers(&any), [19, 5, 6]);
    }

    #[test]
    fn an_sa_has_the_algorithms_of_its_type() {
        let refusal = |satype, encrypt, auth| sa(MessageType::ADD, request(satype, encrypt, auth));
        for (satype, encrypt, auth, code) in [
            (ESP, 0, 3, Code::NoAlgorithm),
            (AH, 12, 3, Code::InvalidAlgorithm),
            (AH, 0, 0, Code::NoAlgorithm),
            (IPCOMP, 0, 0, Code::InvalidAlgorithm),
            (IPCOMP, 2, 3, Code::NoAlgorithm),
            (ESP, 300, 0, Code::InvalidAlgorithm),
            (5, 12, 3, Code::InvalidSaType),
            (300, 12, 3, Code::InvalidSaType),
        ] {
            assert_eq!(refusal(satype, encrypt, auth), Err(code), "{satype} {encrypt} {auth}");
        }
        let mut ah = request(AH, 0, 3);
        ah.nat = Some(NAT);
        assert_eq!(sa(MessageType::ADD, ah), Err(Code::NoAlgorithm));
    }

    #[test]
    fn numbers_have_their_ranges() {
        let spi = |min, max| get_spi((ESP, 2, 0), ends(), None, (min, max), 1);
        for (min, max) in [(2, 1), (1, 1000), (255, 1000)] {
            assert_eq!(spi(min, max), Err(Code::InvalidSpi));
        }
        let selector = |src, dst| {
            let selector = SelectorArguments { ends: ends(), lengths: (src, dst), proto: 255 };
            policy(MessageType::SPDADD, selector, (0, 0), 0)
        };
        assert!(selector(32, 0).is_ok());
        for (src, dst) in [(33, 0), (0, 33), (256, 0)] {
            assert_eq!(selector(src, dst), Err(Code::InvalidPrefixLength));
        }
        assert_eq!(bare(MessageType::DUMP, 5), Err(Code::InvalidSaType));
        let v6 = "[2001:db8::1]:0".parse().unwrap();
        let mixed = Ends::new(([192, 0, 2, 1], 0).into(), v6);
        assert_eq!(mixed.unwrap_err(), Code::FamilyMismatch);
    }
}
