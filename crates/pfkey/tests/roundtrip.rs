//! Any message is read back as it was written, and any bytes are read or refused.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::net::{SocketAddr, SocketAddrV6};

use model::Key;
use pfkey::{
    Error, Extension, Kdebug, Message, MessageType,
    ext::{
        Address, AddressKind, Algorithm, Comb, End, Filter, Identity, IpsecRequest, KeyKind,
        KmAddress, Lifetime, LifetimeKind, Policy, Proposal, Sa, Sa2, SecCtx, Sensitivity,
        SpiRange,
    },
    messages, sad, spd,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn sockaddr() -> impl Strategy<Value = SocketAddr> {
    let v4 = any::<([u8; 4], u16)>().prop_map(SocketAddr::from);
    let v6 = any::<([u8; 16], u16, u32, u32)>()
        .prop_map(|(ip, port, flow, scope)| SocketAddrV6::new(ip.into(), port, flow, scope).into());
    prop_oneof![v4, v6]
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    any::<(u32, u64, u64, u64)>().prop_map(|(allocations, bytes, add_time, use_time)| Lifetime {
        allocations,
        bytes,
        add_time,
        use_time,
    })
}

fn address() -> impl Strategy<Value = Address> {
    (any::<u8>(), 0..=32_u8, sockaddr()).prop_map(|(proto, prefix_len, sockaddr)| Address {
        proto,
        prefix_len,
        sockaddr,
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let request = (any::<(u16, u8, u8, u32)>(), option::of((sockaddr(), sockaddr())));
    let request = request.prop_map(|((proto, mode, level, reqid), ends)| IpsecRequest {
        proto,
        mode,
        level,
        reqid,
        ends,
    });
    (any::<(u16, u8, u32, u32)>(), vec(request, 0..7)).prop_map(
        |((policy_type, dir, id, priority), requests)| Policy {
            policy_type,
            dir,
            id,
            priority,
            requests,
        },
    )
}

fn comb() -> impl Strategy<Value = Comb> {
    (any::<(u8, u8, u16)>(), any::<[u16; 4]>(), lifetime(), lifetime()).prop_map(
        |((auth, encrypt, flags), bits, soft, hard)| Comb {
            auth,
            encrypt,
            flags,
            auth_min_bits: bits[0],
            auth_max_bits: bits[1],
            encrypt_min_bits: bits[2],
            encrypt_max_bits: bits[3],
            soft,
            hard,
        },
    )
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    any::<(u8, u8, u16, u16)>().prop_map(|(id, iv_len, min_bits, max_bits)| Algorithm {
        id,
        iv_len,
        min_bits,
        max_bits,
    })
}

/// Bytes that fill whole units behind length and type.
fn opaque() -> impl Strategy<Value = Vec<u8>> {
    (0..5_usize).prop_flat_map(|units| vec(any::<u8>(), 4 + 8 * units))
}

fn about_sas() -> impl Strategy<Value = Extension> {
    use LifetimeKind::{Current, Hard, Soft};
    let sa = any::<(u32, u8, u8, u8, u8, u32)>().prop_map(
        |(spi, replay, state, auth, encrypt, flags)| {
            Extension::Sa(Sa { spi, replay, state, auth, encrypt, flags })
        },
    );
    let sa2 = any::<(u8, u8, u16, u32, u32)>().prop_map(
        |(mode, reserved1, reserved2, sequence, reqid)| {
            Extension::Sa2(Sa2 { mode, reserved1, reserved2, sequence, reqid })
        },
    );
    let key_kind = || select(vec![KeyKind::Auth, KeyKind::Encrypt]);
    let key = vec(any::<u8>(), 0..70).prop_map(Key::new);
    let end = || select(vec![End::Src, End::Dst]);
    prop_oneof![
        sa,
        sa2,
        (select(vec![Current, Hard, Soft]), lifetime())
            .prop_map(|(kind, lifetime)| Extension::Lifetime(kind, lifetime)),
        (key_kind(), key).prop_map(|(kind, key)| Extension::Key(kind, key)),
        (key_kind(), vec(algorithm(), 0..12))
            .prop_map(|(kind, all)| Extension::Supported(kind, all)),
        (any::<u8>(), vec(comb(), 0..5))
            .prop_map(|(replay, combs)| Extension::Proposal(Proposal { replay, combs })),
        any::<u8>().prop_map(Extension::NatType),
        (end(), any::<u16>()).prop_map(|(end, port)| Extension::NatPort(end, port)),
        any::<(u32, u32)>().prop_map(|(min, max)| Extension::SpiRange(SpiRange { min, max })),
        (end(), any::<(u16, u64)>(), "[a-z@.\\x00]{0,20}[a-z]").prop_map(
            |(end, (ident_type, id), name)| {
                Extension::Identity(end, Identity { ident_type, id, name: name.into() })
            }
        ),
    ]
}

fn about_the_rest() -> impl Strategy<Value = Extension> {
    use AddressKind::{Dst, NatOriginal, Proxy, Src};
    let words = || vec(any::<u64>(), 0..4);
    let sensitivity = (any::<(u32, u8, u8)>(), words(), words()).prop_map(
        |((domain, level, integrity_level), bitmap, integrity_bitmap)| {
            Extension::Sensitivity(Sensitivity {
                domain,
                level,
                integrity_level,
                bitmap,
                integrity_bitmap,
            })
        },
    );
    let filter = any::<([u8; 16], [u8; 16], u16, u8, u8)>().prop_map(
        |(src, dst, family, src_prefix_len, dst_prefix_len)| {
            Extension::Filter(Filter { src, dst, family, src_prefix_len, dst_prefix_len })
        },
    );
    prop_oneof![
        (select(vec![Src, Dst, Proxy, NatOriginal]), address())
            .prop_map(|(kind, address)| Extension::Address(kind, address)),
        policy().prop_map(Extension::Policy),
        sensitivity,
        filter,
        opaque().prop_map(Extension::KmPrivate),
        (any::<(u8, u8)>(), vec(any::<u8>(), 0..40))
            .prop_map(|((alg, doi), context)| { Extension::SecCtx(SecCtx { alg, doi, context }) }),
        (any::<u32>(), sockaddr(), sockaddr()).prop_map(|(reserved, local, remote)| {
            Extension::KmAddress(KmAddress { reserved, local, remote })
        }),
        (27..=u16::MAX, opaque()).prop_map(|(number, body)| Extension::Unknown(number, body)),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    let extensions = vec(prop_oneof![about_sas(), about_the_rest()], 0..14);
    let header = any::<(u8, u8, u8, u16, u32, u32)>();
    (header, extensions).prop_map(
        |((msg_type, errno, satype, reserved, seq, pid), mut extensions)| {
            // Of the known types each may occur once.
            let mut seen = Vec::new();
            extensions.retain(|extension| {
                let number = extension.number();
                let first = number > 26 || !seen.contains(&number);
                seen.push(number);
                first
            });
            let msg_type = MessageType(msg_type);
            Message { msg_type, errno, satype, reserved, seq, pid, extensions }
        },
    )
}

/// Everything that may be done with bytes.
fn read(bytes: &[u8]) {
    for message in messages(bytes).chain([Message::decode(bytes)]).flatten() {
        let _ = (sad::read(&message), spd::read(&message));
        let _ = Kdebug::of(&message).to_string();
        let encoded = message.encode().unwrap();
        assert_eq!(Message::decode(&encoded), Ok(message));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn written_and_read(message in message()) {
        let bytes = message.encode().unwrap();
        prop_assert_eq!(bytes.len() % 8, 0);
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn one_behind_the_other(all in vec(message(), 0..4)) {
        let bytes: Vec<u8> = all.iter().flat_map(|it| it.encode().unwrap().to_vec()).collect();
        let read: Result<Vec<Message>, Error> = messages(&bytes).collect();
        prop_assert_eq!(read, Ok(all));
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    /// A header that is right, so that the bytes after it are read.
    #[test]
    fn any_extensions(units in vec((0..6_u16, 0..30_u16, any::<u32>()), 0..20)) {
        let body = units.iter().flat_map(|(len, number, rest)| {
            [len.to_ne_bytes(), number.to_ne_bytes()].concat().into_iter().chain(rest.to_ne_bytes())
        });
        let mut bytes = Message::new(MessageType::ADD, 3).encode().unwrap().to_vec();
        bytes.extend(body);
        let len = u16::try_from(bytes.len() / 8).unwrap();
        bytes[4..6].copy_from_slice(&len.to_ne_bytes());
        read(&bytes);
    }

    /// A message that was right before some bytes changed.
    #[test]
    fn damaged(message in message(), damage in vec((any::<usize>(), any::<u8>()), 1..4)) {
        let mut bytes = message.encode().unwrap().to_vec();
        for (place, byte) in damage {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        read(&bytes);
    }
}

#[test]
fn lengths_that_do_not_fit() {
    let bytes = Message::new(MessageType::DUMP, 0).encode().unwrap().to_vec();
    assert_eq!(Message::decode(&bytes[..15]), Err(Error::Short(15)));
    let long = [&bytes[..], &[0; 8]].concat();
    let error = Message::decode(&long).unwrap_err();
    assert_eq!(error, Error::MessageLength { claimed: 16, given: 24 });
    assert_eq!(error.errno(), rustix::io::Errno::MSGSIZE);
    // AF_KEY divides, so less than a unit behind the message does not count.
    assert!(Message::decode(&long[..23]).is_ok());

    let old = [&[1], &bytes[1..]].concat();
    assert_eq!(Message::decode(&old), Err(Error::Version(1)));

    let key = Extension::Key(KeyKind::Auth, Key::new(vec![0; 8192]));
    let message = Message::new(MessageType::ADD, 3).with(vec![key]);
    assert_eq!(message.encode().unwrap_err(), Error::TooLong("the key"));
}

#[test]
fn a_known_extension_occurs_once() {
    let twice = vec![Extension::NatType(2), Extension::NatType(2)];
    let bytes = Message::new(MessageType::ADD, 3).with(twice).encode().unwrap();
    assert_eq!(Message::decode(&bytes), Err(Error::Duplicate(20)));
}

#[test]
fn prefixes_fit_the_address() {
    let sockaddr = "192.0.2.1:0".parse().unwrap();
    let address = Address { proto: 255, prefix_len: 33, sockaddr };
    let extension = Extension::Address(AddressKind::Src, address);
    let bytes = Message::new(MessageType::SPDADD, 0).with(vec![extension]).encode().unwrap();
    let error = Message::decode(&bytes).unwrap_err();
    assert_eq!((error.errno(), error), (rustix::io::Errno::INVAL, Error::Malformed(5)));
}

/// 28 bytes of `sockaddr_in6` in 32 bytes of extension: the kernel left the rest as it was
/// (CVE-2026-43088).
#[test]
fn an_ipv6_address_ends_with_zeros() {
    let sockaddr = SocketAddrV6::new([0xff; 16].into(), 0xffff, u32::MAX, u32::MAX).into();
    let address = Address { proto: 255, prefix_len: 128, sockaddr };
    let bytes = Extension::Address(AddressKind::Dst, address).encode().unwrap();
    assert_eq!((bytes.len(), &bytes[36..]), (40, &[0; 4][..]));
}
