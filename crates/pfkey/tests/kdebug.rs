//! `setkey -v` and `-x`: the text that `kdebug_sadb` of ipsec-tools 0.8.2 prints.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use model::Key;
use pfkey::{
    Extension, Kdebug, Message, MessageType, event,
    ext::{
        Address, AddressKind, Comb, End, Identity, IpsecRequest, KeyKind, KmAddress, Lifetime,
        LifetimeKind, Policy, Proposal, Sa, Sa2, SecCtx, SpiRange,
    },
};

fn text(extensions: Vec<Extension>) -> String {
    let message = Message::new(MessageType::ADD, 3).with(extensions).numbered(0, 8780);
    Kdebug::of(&message).to_string()
}

/// What is printed of one extension, behind the header.
fn of(extension: Extension) -> String {
    text(vec![extension]).lines().skip(3).fold(String::new(), |all, line| all + line + "\n")
}

fn address(text: &str) -> Address {
    let sockaddr: std::net::SocketAddr = text.parse().unwrap();
    Address { proto: 255, prefix_len: if sockaddr.is_ipv4() { 32 } else { 128 }, sockaddr }
}

#[test]
fn an_add() {
    let sa = Sa { spi: 5, replay: 0, state: 0, auth: 0, encrypt: 11, flags: 0x40 };
    assert_eq!(
        text(vec![
            Extension::Key(KeyKind::Encrypt, Key::default()),
            Extension::Sa(sa),
            Extension::Sa2(Sa2::default()),
            Extension::Address(AddressKind::Src, address("1.1.1.1:0")),
            Extension::Address(AddressKind::Dst, address("2.2.2.2:0")),
        ]),
        "sadb_msg{ version=2 type=3 errno=0 satype=3\n  len=13 reserved=0 seq=0 pid=8780\n\
         sadb_ext{ len=1 type=9 }\nsadb_key{ bits=0 reserved=0\n  key= }\n\
         sadb_ext{ len=2 type=1 }\nsadb_sa{ spi=5 replay=0 state=0\n  auth=0 encrypt=11 flags=0x00000040 }\n\
         sadb_ext{ len=2 type=19 }\nsadb_x_sa2{ mode=0 reqid=0\n  reserved1=0 reserved2=0 sequence=0 }\n\
         sadb_ext{ len=3 type=5 }\nsadb_address{ proto=255 prefixlen=32 reserved=0x0000 }\n\
         sockaddr{ len=16 family=2 port=0\n 01010101  }\n\
         sadb_ext{ len=3 type=6 }\nsadb_address{ proto=255 prefixlen=32 reserved=0x0000 }\n\
         sockaddr{ len=16 family=2 port=0\n 02020202  }\n"
    );
}

#[test]
fn keys_wrap_after_32_bytes_and_end_with_the_key() {
    let key = |bytes| of(Extension::Key(KeyKind::Encrypt, Key::new((0..bytes).collect())));
    assert_eq!(
        key(16),
        "sadb_key{ bits=128 reserved=0\n  key= 00010203 04050607 08090a0b 0c0d0e0f }\n"
    );
    assert!(key(36).ends_with(" 1c1d1e1f\n 20212223 }\n"));
}

#[test]
fn lifetime_and_nat_traversal() {
    let lifetime = Lifetime { allocations: 0, bytes: 1000, add_time: 3600, use_time: 0 };
    assert_eq!(
        of(Extension::Lifetime(LifetimeKind::Hard, lifetime)),
        "sadb_lifetime{ alloc=0, bytes=1000\n  addtime=3600, usetime=0 }\n"
    );
    assert_eq!(of(Extension::NatType(2)), "sadb_x_nat_t_type{ type=2 }\n");
    assert_eq!(of(Extension::NatPort(End::Dst, 4500)), "sadb_x_nat_t_port{ port=4500 }\n");
    assert_eq!(
        of(Extension::Address(AddressKind::NatOriginal, address("[2001:db8::1]:500"))),
        "sadb_address{ proto=255 prefixlen=128 reserved=0x0000 }\n\
         sockaddr{ len=28 family=10 port=500\n  flowinfo=0x00000000, scope_id=0x00000000\n \
         20010db8 00000000 00000000 00000001  }\n"
    );
}

#[test]
fn policies_with_their_requests() {
    let ends = ("1.2.3.4:0".parse().unwrap(), "5.6.7.8:0".parse().unwrap());
    let transport = IpsecRequest { proto: 50, mode: 1, level: 2, reqid: 0, ends: None };
    let tunnel = IpsecRequest { proto: 51, mode: 2, level: 3, reqid: 7, ends: Some(ends) };
    let policy = Policy {
        policy_type: 2,
        dir: 2,
        id: 26,
        priority: 2_147_483_648,
        requests: vec![transport, tunnel],
    };
    assert_eq!(
        of(Extension::Policy(policy.clone())),
        "sadb_x_policy{ type=2 dir=2 id=1a priority=2147483648 }\n \
         { len=16 proto=50 mode=1 level=2 reqid=0\n }\n \
         { len=48 proto=51 mode=2 level=3 reqid=7\n\
         sockaddr{ len=16 family=2 port=0\n 01020304  }\n\
         sockaddr{ len=16 family=2 port=0\n 05060708  }\n }\n"
    );
    // Of other types the original does not look at the requests.
    let discard = Policy { policy_type: 0, ..policy };
    assert_eq!(of(Extension::Policy(discard)).lines().count(), 1);
}

#[test]
fn proposals_and_offers() {
    let lifetime = |number| Lifetime {
        allocations: 0,
        bytes: 0,
        add_time: u64::from(number),
        use_time: u64::from(number) + 1,
    };
    let comb = Comb {
        auth: 3,
        encrypt: 12,
        auth_min_bits: 160,
        auth_max_bits: 160,
        encrypt_min_bits: 128,
        encrypt_max_bits: 256,
        soft: lifetime(10_u8),
        hard: lifetime(20),
        ..Comb::default()
    };
    assert_eq!(
        of(Extension::Proposal(Proposal { replay: 32, combs: vec![comb] })),
        "sadb_prop{ replay=32\n\
         sadb_comb{ auth=3 encrypt=12 flags=0x0000 reserved=0x00000000\n  \
         auth_minbits=160 auth_maxbits=160 encrypt_minbits=128 encrypt_maxbits=256\n  \
         soft_alloc=0 hard_alloc=0 soft_bytes=0 hard_bytes=0\n  \
         soft_alloc=10 hard_alloc=20 soft_bytes=11 hard_bytes=21 }\n}\n"
    );
    let offers = Kdebug::of(&event::register(3)).to_string();
    assert!(
        offers.contains("sadb_ext{ len=9 type=14 }\nsadb_sup{\n  { id=251 ivlen=0 min=0 max=0 }\n")
    );
    assert!(offers.ends_with("  { id=13 ivlen=8 min=160 max=288 }\n}\n"));
}

#[test]
fn identities_and_key_management_addresses() {
    let identity = Identity { ident_type: 2, id: 0, name: b"a.example\x07".to_vec() };
    assert_eq!(
        of(Extension::Identity(End::Src, identity)),
        "sadb_ident_src{ type=2 id=0\n  str=\"a.example\\007\" }\n"
    );
    let unnamed = Identity { ident_type: 0, id: 1000, name: Vec::new() };
    assert_eq!(of(Extension::Identity(End::Dst, unnamed)), "sadb_ident_dst{ type=0 id=1000 }\n");
    let (local, remote) = ("1.2.3.4:0".parse().unwrap(), "5.6.7.8:0".parse().unwrap());
    assert_eq!(
        of(Extension::KmAddress(KmAddress { reserved: 0, local, remote })),
        "sadb_x_kmaddress{ reserved=0x00000000 }\n\
         sockaddr{ len=16 family=2 port=0\n 01020304  }\n\
         sockaddr{ len=16 family=2 port=0\n 05060708  }\n"
    );
}

#[test]
fn known_silence_and_the_unknown() {
    assert_eq!(of(Extension::SpiRange(SpiRange { min: 256, max: 512 })), "");
    let ctx = SecCtx { alg: 1, doi: 1, context: b"a:b:c\0".to_vec() };
    let stopped = text(vec![Extension::SecCtx(ctx), Extension::NatType(2)]);
    assert!(
        stopped
            .ends_with("sadb_ext{ len=2 type=24 }\nkdebug_sadb: invalid ext_type 24 was passed.\n")
    );
    assert_eq!(
        of(Extension::Unknown(27, vec![0; 4])),
        "kdebug_sadb: invalid ext_type 27 was passed.\n"
    );
}
