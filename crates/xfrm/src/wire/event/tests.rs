use model::{
    DeviceName, Direction, Level, Mark, Mode, PathChange, PortMasks, Prefix, Selector, Upper,
};

use super::*;
use crate::wire::testing::hex;

// What Linux 6.1 multicasts, each with the command that made it.

// ip xfrm state delete dst 192.0.2.2 proto esp spi 0x1000 mark 0x10 mask 0xff
// after ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel flag esn \
//     replay-window 128 aead 'rfc4106(gcm(aes))' 0x3031323334353637383930313233343541424344 96 \
//     mark 0x10 mask 0xff output-mark 0x20 mask 0xff0 if_id 7 extra-flag oseq-may-wrap
const SA_DELETED: &str = "
    c4010000 11000000 14f1056b 00000000 c0000202 00000000 00000000 00000000 00001000 02003200
    e4000600 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 02000000 00000000 00000000 00000000 c0000202 00000000 00000000 00000000 00001000
    32000000 c0000201 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff
    ffffffff ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 10f1056b 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 02000100 80000000 00000000 08001800 02000000 60001200
    72666334 31303628 67636d28 61657329 29000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 a0000000 60000000 30313233 34353637
    38393031 32333435 41424344 0c001500 10000000 ff000000 08001d00 20000000 08001e00 f00f0000
    2c001700 04000000 00000000 00000000 00000000 00000000 80000000 00000000 00000000 00000000
    00000000 08001f00 07000000";

// ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode transport \
//     enc 'ecb(cipher_null)' '' limit time-soft 1 limit time-hard 3
const SA_ADDED: &str = "
    48010000 10000000 15f1056b 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 02000000 00000000 00000000 00000000 c0000202 00000000
    00000000 00000000 00001001 32000000 c0000201 00000000 00000000 00000000 ffffffff ffffffff
    ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 01000000 00000000 03000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 14f1056b 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 02000000 00000000 00000000
    48000200 65636228 63697068 65725f6e 756c6c29 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 10000a00 00000000
    00000000 00000000";

// The same SA, one second and three seconds later.
const SA_EXPIRED_SOFT: &str = "
    f8000000 18000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 02000000 00000000 00000000 00000000 c0000202 00000000
    00000000 00000000 00001001 32000000 c0000201 00000000 00000000 00000000 ffffffff ffffffff
    ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 01000000 00000000 03000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 14f1056b 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 02000000 00000000 00000000
    00000000 00000000";
const SA_EXPIRED_HARD: &str = "
    f8000000 18000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 02000000 00000000 00000000 00000000 c0000202 00000000
    00000000 00000000 00001001 32000000 c0000201 00000000 00000000 00000000 ffffffff ffffffff
    ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 01000000 00000000 03000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 14f1056b 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 02000000 00000000 00000000
    01000000 00000000";

// ip xfrm state flush proto esp; ip xfrm state flush
const ESP_FLUSHED: &str = "14000000 1c000000 1af1056b 00000000 32000000";
const SAD_FLUSHED: &str = "14000000 1c000000 59f1056b 00000000 00000000";

// ping -c 1 198.51.100.7 after ip xfrm policy add src 0.0.0.0/0 dst 198.51.100.7 proto icmp \
//     dir out tmpl src 198.51.100.1 dst 198.51.100.9 proto esp reqid 5 mode tunnel
const ACQUIRE: &str = "
    78010000 17000000 00000000 00000000 c6336409 00000000 00000000 00000000 00000000 32000000
    c6336401 00000000 00000000 00000000 c6336407 00000000 00000000 00000000 c6336401 00000000
    00000000 00000000 0000ffff 0008ffff 02002020 01000000 03000000 00000000 c6336407 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 02002000 01000000
    00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 1ef1056b 00000000 00000000 00000000 00000000 11000000 01000000 00000000
    ffffffff ffffffff ffffffff 01000000 44000500 c6336409 00000000 00000000 00000000 00000000
    32000000 02000000 c6336401 00000000 00000000 00000000 05000000 01000000 ffffffff ffffffff
    ffffffff 0a001000 00000000 00000000";

// ip xfrm policy add src 192.0.2.0/24 dst 198.51.100.7 dir out mark 0x10 mask 0xff if_id 7 \
//     tmpl proto esp reqid 3 mode transport
const POLICY_ADDED: &str = "
    1c010000 13000000 1bf1056b 00000000 c6336407 00000000 00000000 00000000 c0000200 00000000
    00000000 00000000 00000000 00000000 02002018 00000000 00000000 00000000 ffffffff ffffffff
    ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 1af1056b 00000000
    00000000 00000000 00000000 01000000 01000000 00000000 44000500 00000000 00000000 00000000
    00000000 00000000 32000000 02000000 00000000 00000000 00000000 00000000 03000000 00000000
    ffffffff ffffffff ffffffff 0a001000 00000000 00000000 0c001500 10000000 ff000000 08001f00
    07000000";

// ip xfrm policy update src 192.0.2.0/24 dst 198.51.100.7 dir out mark 0x10 mask 0xff if_id 7 \
//     priority 9
const POLICY_UPDATED: &str = "
    d8000000 19000000 1cf1056b 00000000 c6336407 00000000 00000000 00000000 c0000200 00000000
    00000000 00000000 00000000 00000000 02002018 00000000 00000000 00000000 ffffffff ffffffff
    ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 1bf1056b 00000000
    00000000 00000000 09000000 01000000 01000000 00000000 0a001000 00000000 00000000 0c001500
    10000000 ff000000 08001f00 07000000";

// ip xfrm policy delete src 192.0.2.0/24 dst 198.51.100.7 dir out mark 0x10 mask 0xff if_id 7
const POLICY_DELETED: &str = "
    1c010000 14000000 1cf1056b 00000000 c6336407 00000000 00000000 00000000 c0000200 00000000
    00000000 00000000 00000000 00000000 02002018 00000000 00000000 00000000 00000000 01000000
    ac000700 c6336407 00000000 00000000 00000000 c0000200 00000000 00000000 00000000 00000000
    00000000 02002018 00000000 00000000 00000000 ffffffff ffffffff ffffffff ffffffff ffffffff
    ffffffff ffffffff ffffffff 00000000 00000000 00000000 00000000 00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000 1bf1056b 00000000 00000000 00000000 09000000
    01000000 01000000 00000000 0a001000 00000000 00000000 0c001500 10000000 ff000000 08001f00
    07000000";

// ip xfrm policy add src 192.0.2.0/24 dst 198.51.100.7 dir in limit time-hard 1; sleep 2
const POLICY_EXPIRED: &str = "
    cc000000 1b000000 00000000 00000000 c6336407 00000000 00000000 00000000 c0000200 00000000
    00000000 00000000 00000000 00000000 02002018 00000000 00000000 00000000 ffffffff ffffffff
    ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff 00000000 00000000 01000000 00000000
    00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 1cf1056b 00000000
    00000000 00000000 00000000 08000000 00000000 00000000 01000000 00000000 0a001000 00000000
    00000000";

// ip xfrm policy flush; ip xfrm policy flush ptype sub
const SPD_FLUSHED: &str = "1c000000 1d000000 22f1056b 00000000 0a001000 00000000 00000000";
const SUB_SPD_FLUSHED: &str = "1c000000 1d000000 23f1056b 00000000 0a001000 01000000 00000000";

// An ESP packet from port 4501 for ip xfrm state add src 198.51.100.9 dst 198.51.100.1 proto esp \
//     spi 0x88 reqid 6 mode transport enc 'ecb(cipher_null)' '' auth digest_null '' \
//     encap espinudp 4500 4500 0.0.0.0
const MAPPING: &str = "
    50000000 26000000 00000000 00000000 c6336401 00000000 00000000 00000000 00000088 02003200
    06000000 c6336409 00000000 00000000 00000000 c6336409 00000000 08515971 00000000 11941195";

// XFRM_MSG_MIGRATE of ip xfrm policy add src 192.0.2.0/24 dst 198.51.100.0/24 dir out \
//     tmpl src 198.51.100.1 dst 198.51.100.9 proto esp reqid 5 mode tunnel
// to 203.0.113.1 and 203.0.113.9, with these as XFRMA_KMADDRESS
const MIGRATED: &str = "
    d8000000 21000000 00000000 00000000 c6336400 00000000 00000000 00000000 c0000200 00000000
    00000000 00000000 00000000 00000000 02001818 00000000 00000000 00000000 00000000 01000000
    2c001300 cb007101 00000000 00000000 00000000 cb007109 00000000 00000000 00000000 00000000
    02000000 0a001000 00000000 00000000 50001100 c6336409 00000000 00000000 00000000 c6336401
    00000000 00000000 00000000 cb007109 00000000 00000000 00000000 cb007101 00000000 00000000
    00000000 32010000 05000000 02000200";

/// Every message, with the number of lengths that it can be cut to and still be read: after the
/// fixed structure, after an attribute, or in the padding.
const ALL: [(&str, usize); 15] = [
    (SA_DELETED, 7),
    (SA_ADDED, 2),
    (SA_EXPIRED_SOFT, 0),
    (SA_EXPIRED_HARD, 0),
    (ESP_FLUSHED, 3),
    (SAD_FLUSHED, 3),
    (ACQUIRE, 4),
    (POLICY_ADDED, 6),
    (POLICY_UPDATED, 5),
    (POLICY_DELETED, 5),
    (POLICY_EXPIRED, 3),
    (SPD_FLUSHED, 3),
    (SUB_SPD_FLUSHED, 3),
    (MAPPING, 0),
    (MIGRATED, 5),
];

fn event(captured: &str) -> Event {
    read(&hex(captured), || 0, &Devices::UNNAMED).unwrap()
}

fn ends(src: [u8; 4], dst: [u8; 4]) -> AddressPair {
    AddressPair::new(src.into(), dst.into()).unwrap()
}

fn between(src: [u8; 4], from: u32, dst: [u8; 4], to: u32) -> Selector {
    let prefix = |address: [u8; 4], length| Prefix::new(address.into(), Some(length)).unwrap();
    Selector::new(prefix(src, from), prefix(dst, to)).unwrap()
}

#[test]
fn an_added_sa_has_its_keys_and_its_origin() {
    let Event::SaAdded { entry, origin } = event(SA_ADDED) else { panic!() };
    assert_eq!((entry.sa.spi, entry.state), (Spi(0x1001), SaState::Mature));
    assert_eq!(entry.sa.crypt.unwrap().algorithm.name, "null");
    assert_eq!(origin, Origin { seq: 1_795_551_509, pid: 0 });
}

#[test]
fn a_deleted_sa_is_whole() {
    let Event::SaDeleted { entry, .. } = event(SA_DELETED) else { panic!() };
    assert_eq!(entry.state, SaState::Dead);
    let sa = entry.sa;
    assert_eq!((sa.ends, sa.spi), (ends([192, 0, 2, 1], [192, 0, 2, 2]), Spi(0x1000)));
    assert_eq!(
        (sa.mark, sa.if_id, sa.replay_window),
        (Mark { value: 0x10, mask: 0xff }, NonZeroU32::new(7), 128)
    );
    let aead = sa.aead.unwrap();
    assert_eq!(
        (aead.algorithm.name, aead.key.bytes()),
        ("aes-gcm-12", &b"0123456789012345ABCD"[..])
    );
}

#[test]
fn limits_make_dying_and_dead() {
    for (captured, limit, left) in
        [(SA_EXPIRED_SOFT, false, SaState::Dying), (SA_EXPIRED_HARD, true, SaState::Dead)]
    {
        let Event::SaExpired { entry, hard, origin } = event(captured) else { panic!() };
        assert_eq!((hard, entry.state, origin), (limit, left, Origin::default()));
        assert_eq!(entry.sa.lifetimes.hard.numbers()[2], 3);
    }
    let Event::PolicyExpired { entry, hard: true, .. } = event(POLICY_EXPIRED) else { panic!() };
    assert_eq!((entry.index, entry.policy.id.direction), (8, Direction::In));
}

#[test]
fn flushes_say_what_of() {
    let origin = Origin { seq: 1_795_551_514, pid: 0 };
    assert_eq!(event(ESP_FLUSHED), Event::SadFlushed { proto: Some(Proto::Esp), origin });
    assert!(matches!(event(SAD_FLUSHED), Event::SadFlushed { proto: None, .. }));
    assert!(matches!(event(SPD_FLUSHED), Event::SpdFlushed { .. }));
    assert_eq!(event(SUB_SPD_FLUSHED), Event::Other { kind: XFRM_MSG_FLUSHPOLICY });
}

#[test]
fn an_acquire_names_packet_policy_and_sa() {
    let Event::Acquire(acquire) = event(ACQUIRE) else { panic!() };
    assert_eq!(acquire.ends, ends([198, 51, 100, 1], [198, 51, 100, 9]));
    let mut packet = between([198, 51, 100, 1], 32, [198, 51, 100, 7], 32);
    (packet.upper, packet.src_port) = (Upper::ICMP, 8);
    packet.port_masks = Some(PortMasks { src: u16::MAX, dst: u16::MAX });
    packet.device = Some(DeviceName::of_number(3));
    assert_eq!((acquire.proto, acquire.selector), (Proto::Esp, packet));
    let policy = acquire.policy.policy;
    assert_eq!((acquire.policy.index, policy.id.direction), (17, Direction::Out));
    let [template] = policy.action.templates() else { panic!() };
    assert_eq!(template.mode.endpoints(), Some(acquire.ends));
    assert_eq!(template.level, Level::Unique(ReqId::new(5)));
    assert_eq!(
        (acquire.seq, acquire.auth_mask, acquire.sec_ctx),
        (NonZeroU32::new(1), u32::MAX, None)
    );
}

/// As in AF_KEY, whose templates have no masks.
#[test]
fn an_acquire_of_an_own_template_has_no_algorithms() {
    // The template's mode, `share` and `optional`, behind its number.
    let own = ACQUIRE.replace("05000000 01000000 ffffffff", "05000000 01030000 ffffffff");
    let Event::Acquire(acquire) = event(&own) else { panic!() };
    assert_eq!([acquire.auth_mask, acquire.crypt_mask, acquire.comp_mask], [0; 3]);
}

#[test]
fn policies_come_whole_even_when_deleted() {
    let Event::PolicyAdded { entry, .. } = event(POLICY_ADDED) else { panic!() };
    assert_eq!(entry.policy.action.templates().len(), 1);
    let id = entry.policy.id;
    assert_eq!((id.mark, id.if_id), (Mark { value: 0x10, mask: 0xff }, NonZeroU32::new(7)));
    let Event::PolicyUpdated { entry, .. } = event(POLICY_UPDATED) else { panic!() };
    assert_eq!((entry.index, entry.policy.priority.0), (1, 9));
    let Event::PolicyDeleted { entry, by_index: false, origin } = event(POLICY_DELETED) else {
        panic!()
    };
    assert_eq!((entry.index, entry.policy.id), (1, id));
    assert_eq!(origin, Origin { seq: 1_795_551_516, pid: 0 });
}

#[test]
fn a_mapping_has_old_and_new_port() {
    let Event::MappingChanged(mapping) = event(MAPPING) else { panic!() };
    assert_eq!((mapping.spi, mapping.reqid), (Spi(0x88), ReqId::new(6)));
    let peer = [198, 51, 100, 9];
    assert_eq!((mapping.old, mapping.new), ((peer, 4500).into(), (peer, 4501).into()));
}

#[test]
fn a_migration_has_both_paths() {
    let Event::Migrated(migration) = event(MIGRATED) else { panic!() };
    assert_eq!(migration.selector, between([192, 0, 2, 0], 24, [198, 51, 100, 0], 24));
    assert_eq!(migration.direction, Direction::Out);
    let new = ends([203, 0, 113, 1], [203, 0, 113, 9]);
    let change = PathChange {
        proto: Proto::Esp,
        mode: Mode::Tunnel,
        reqid: ReqId::new(5),
        old: ends([198, 51, 100, 1], [198, 51, 100, 9]),
        new,
    };
    assert_eq!((migration.changes, migration.key_management), (vec![change], Some(new)));
}

#[test]
fn what_is_not_known_is_other() {
    let mut message = hex(SAD_FLUSHED);
    // XFRM_MSG_GETDEFAULT, which reports a new default policy.
    message[4] = 0x28;
    assert_eq!(read(&message, || 0, &Devices::UNNAMED).unwrap(), Event::Other { kind: 0x28 });
}

#[test]
fn cut_messages_are_errors_not_panics() {
    for (captured, readable) in ALL {
        let whole = hex(captured);
        let cut = |length: usize| {
            let mut message = whole[..length].to_vec();
            assert!(read(&message, || 0, &Devices::UNNAMED).is_err());
            let field = message.first_chunk_mut()?;
            *field = u32::try_from(length).ok()?.to_ne_bytes();
            read(&message, || 0, &Devices::UNNAMED).ok()
        };
        assert_eq!((0..whole.len()).filter_map(cut).count(), readable, "{captured}");
    }
}
