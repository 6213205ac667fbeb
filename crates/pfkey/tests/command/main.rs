//! AF_KEY's answers to a request before it looks into the SAD and SPD (net/key/af_key.c). The
//! scenario `pfkey` of the whole workspace holds the same against AF_KEY itself.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

mod bytes;
mod fate;
mod policies;

use std::num::{NonZeroU16, NonZeroU32};

use bytes::*;
use fate::{Expected::*, Fate, assert_fate, assert_fates, fate};
use model::{Proto, Spi};
use pfkey::{
    Message,
    command::{Command, command, header},
};
use proptest::prelude::*;
use rustix::io::Errno;

#[test]
fn the_header() {
    let flush = message(FLUSH, 0, &[]);
    let table = [
        ("fewer bytes than a header", flush[..15].to_vec(), Send(Errno::MSGSIZE)),
        ("version 1", with(flush.clone(), 0, 1), Send(Errno::INVAL)),
        ("version before length", with(with(flush.clone(), 0, 1), 4, 9), Send(Errno::INVAL)),
        ("reserved field", with(flush.clone(), 6, 1), Send(Errno::INVAL)),
        ("type 0", with(flush.clone(), 1, 0), Send(Errno::INVAL)),
        ("type 25", with(flush.clone(), 1, 25), Send(Errno::INVAL)),
        ("length 1", with(flush.clone(), 4, 1), Send(Errno::MSGSIZE)),
        ("length 3 of 2", with(flush.clone(), 4, 3), Send(Errno::MSGSIZE)),
        ("length 2 of 3", [flush.clone(), vec![0; 8]].concat(), Send(Errno::MSGSIZE)),
        ("7 bytes too many", [flush.clone(), vec![0; 7]].concat(), Reply(Errno::INVAL)),
        ("whole", flush, Taken),
    ];
    assert_fates(&table);
}

#[test]
fn extensions() {
    let dump = |extensions: &[Vec<u8>]| message(DUMP, ESP, extensions);
    let short = |number: u16| {
        let mut bytes = vec![1, 0];
        bytes.extend(number.to_ne_bytes());
        bytes.resize(8, 0);
        bytes
    };
    let type_0 = ext(0, &[0; 4]);
    let length_0 = [0; 8].to_vec();
    let past = with(ext(27, &[0; 4]), 0, 2);
    let mut table = vec![
        ("type 0", dump(&[type_0]), Reply(Errno::INVAL)),
        ("length 0", dump(&[length_0]), Reply(Errno::INVAL)),
        ("length past the end", dump(&[past]), Reply(Errno::INVAL)),
        ("4 bytes", cut(dump(&[ext(27, &[0; 4])]), 20), Reply(Errno::INVAL)),
        ("unknown", dump(&[ext(27, &[0; 4])]), Taken),
        ("unknown, twice", dump(&[ext(0xffff, &[0; 4]), ext(0xffff, &[0; 4])]), Taken),
        ("known, twice", dump(&[sa2(0), sa2(0)]), Reply(Errno::INVAL)),
        ("another family", dump(&[address(5, 32, &[9; 16])]), Reply(Errno::INVAL)),
        ("IPv4 prefix 33", dump(&[address(5, 33, &v4(1))]), Reply(Errno::INVAL)),
        ("IPv6 prefix 129", dump(&[address(7, 129, &v6(1))]), Reply(Errno::INVAL)),
        ("IPv6 prefix 128", dump(&[address(7, 128, &v6(1))]), Taken),
        ("IPv4 cut", dump(&[address(23, 32, &v4(1)[..8])]), Reply(Errno::INVAL)),
        ("IPv4 and more", dump(&[address(23, 32, &[v4(1), v4(1)].concat())]), Reply(Errno::INVAL)),
        ("key longer than its room", dump(&[ext(8, &[65, 0, 0, 0, 1, 2])]), Reply(Errno::INVAL)),
        ("context of another length", dump(&[ext(24, &[1, 1, 3, 0])]), Reply(Errno::INVAL)),
        ("context and padding", dump(&[ext(24, &[1, 1, 3, 0, 65, 65, 0])]), Taken),
        (
            "context and a unit more",
            dump(&[ext(24, &[1, 1, 3, 0, 65, 65, 0, 0, 0, 0, 0, 0, 0])]),
            Reply(Errno::INVAL),
        ),
        ("proposal, cut", dump(&[ext(13, &[32, 0, 0, 0, 1, 2, 3])]), Taken),
        ("sensitivity, cut", dump(&[ext(12, &[0, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0])]), Taken),
        ("addresses of no family", dump(&[ext(25, &[0; 4])]), Taken),
        ("requests without end", dump(&[policy(2, 2, 0, &[vec![0xff; 16]])]), Taken),
        ("before the type", message(EXPIRE, 0, &[sa2(0), sa2(0)]), Reply(Errno::INVAL)),
    ];
    for number in [1, 2, 3, 4, 10, 11, 12, 16, 18, 19, 26] {
        table.push(("less than its struct", dump(&[short(number)]), Reply(Errno::INVAL)));
    }
    assert_fates(&table);
}

#[test]
fn types_without_a_handler() {
    for msg_type in [EXPIRE, 12, 17, 21, 23] {
        assert_fate("no handler", &message(msg_type, 0, &[]), Reply(Errno::OPNOTSUPP));
    }
    assert_fates(&[
        (
            "an ACQUIRE of the kernel's kind",
            message(ACQUIRE, ESP, &[src(), dst()]),
            Reply(Errno::OPNOTSUPP),
        ),
        ("REGISTER", message(REGISTER, 4, &[]), Taken),
        ("REGISTER of type 10", message(REGISTER, 10, &[]), Reply(Errno::INVAL)),
        ("X_PROMISC 2", message(PROMISC, 2, &[]), Reply(Errno::INVAL)),
        ("X_PROMISC 2 to all", message(PROMISC, 2, &[sa2(0)]), Taken),
        ("FLUSH of another type", message(FLUSH, RSVP, &[]), Reply(Errno::INVAL)),
        ("SPDDUMP", message(SPDDUMP, RSVP, &[]), Taken),
        ("SPDFLUSH", message(SPDFLUSH, RSVP, &[]), Taken),
    ]);
}

#[test]
fn add_and_update() {
    let without = |gone: &[usize]| {
        let all = [sa(3, 12), src(), dst(), auth_key(20), encrypt_key(16)];
        let kept = (0..all.len()).filter(|at| !gone.contains(at)).map(|at| all[at].clone());
        message(ADD, ESP, &kept.collect::<Vec<_>>())
    };
    let satype = |satype, extensions: &[Vec<u8>]| {
        message(UPDATE, satype, &[&[src(), dst()], extensions].concat())
    };
    assert_fates(&[
        ("whole", esp(&[]), Taken),
        ("no SA", without(&[0]), Reply(Errno::INVAL)),
        ("no source", without(&[1]), Reply(Errno::INVAL)),
        ("no destination", without(&[2]), Reply(Errno::INVAL)),
        (
            "two families",
            message(ADD, ESP, &[sa(0, 11), src(), address(6, 128, &v6(2)), encrypt_key(0)]),
            Reply(Errno::INVAL),
        ),
        ("ESP without cipher's key", without(&[4]), Reply(Errno::INVAL)),
        ("AH without key", satype(AH, &[sa(3, 0)]), Reply(Errno::INVAL)),
        ("hard alone", esp(&[lifetime(3)]), Reply(Errno::INVAL)),
        ("soft alone", esp(&[lifetime(4)]), Reply(Errno::INVAL)),
        ("both", esp(&[lifetime(3), lifetime(4)]), Taken),
        ("another type", satype(RSVP, &[sa(0, 0)]), Reply(Errno::INVAL)),
        ("any type", satype(0, &[sa(0, 0)]), Reply(Errno::PROTONOSUPPORT)),
        ("any type, unknown cipher", satype(0, &[sa(0, 99)]), Reply(Errno::NOSYS)),
        ("authentication 252", satype(AH, &[sa(252, 0), auth_key(16)]), Reply(Errno::INVAL)),
        ("cipher 254", satype(ESP, &[sa(0, 254), encrypt_key(16)]), Reply(Errno::INVAL)),
        ("compression 5", satype(IPCOMP, &[sa(0, 5)]), Reply(Errno::INVAL)),
        ("empty key", satype(AH, &[sa(3, 0), auth_key(0)]), Reply(Errno::INVAL)),
        ("empty key of null", satype(ESP, &[sa(251, 11), auth_key(0), encrypt_key(0)]), Taken),
        ("empty key of a cipher", satype(ESP, &[sa(0, 12), encrypt_key(0)]), Reply(Errno::INVAL)),
        ("authentication unknown", satype(AH, &[sa(250, 0), auth_key(16)]), Reply(Errno::NOSYS)),
        ("cipher unknown", satype(ESP, &[sa(0, 99), encrypt_key(16)]), Reply(Errno::NOSYS)),
        (
            "unknown before mode",
            satype(ESP, &[sa(0, 99), encrypt_key(16), sa2(4)]),
            Reply(Errno::NOSYS),
        ),
        ("mode 4", esp(&[sa2(4)]), Reply(Errno::INVAL)),
        ("mode 3", esp(&[sa2(3)]), Taken),
        ("NAT-T 3", esp(&[ext(20, &[3, 0, 0, 0])]), Reply(Errno::INVAL)),
        ("NAT-T 2", esp(&[ext(20, &[2, 0, 0, 0])]), Taken),
        // What AF_KEY cannot do.
        ("AES-GCM", satype(ESP, &[sa(0, 20), encrypt_key(20)]), Taken),
    ]);
}

#[test]
fn getspi_get_and_delete() {
    let getspi = |satype, extensions: &[Vec<u8>]| {
        message(GETSPI, satype, &[&[src(), dst()], extensions].concat())
    };
    let mut table = vec![
        ("whole", getspi(ESP, &[range(1, 9), sa2(0)]), Taken),
        ("no source", message(GETSPI, ESP, &[dst()]), Reply(Errno::INVAL)),
        ("another type", getspi(RSVP, &[]), Reply(Errno::INVAL)),
        ("any type", getspi(0, &[]), Reply(Errno::INVAL)),
        ("mode 4", getspi(ESP, &[sa2(4)]), Reply(Errno::INVAL)),
        ("9 to 1", getspi(ESP, &[range(9, 1)]), Reply(Errno::INVAL)),
        ("CPI over 16 bits", getspi(IPCOMP, &[range(1, 0x10000)]), Reply(Errno::INVAL)),
        ("no CPI given", getspi(IPCOMP, &[]), Reply(Errno::INVAL)),
        ("CPI", getspi(IPCOMP, &[range(1, 0xffff)]), Taken),
    ];
    for msg_type in [GET, DELETE] {
        let named = [sa(0, 0), src(), dst()];
        table.extend([
            ("whole", message(msg_type, ESP, &named), Taken),
            ("no SA", message(msg_type, RSVP, &named[1..]), Reply(Errno::INVAL)),
            ("no destination", message(msg_type, RSVP, &named[..2]), Reply(Errno::INVAL)),
            ("another type", message(msg_type, RSVP, &named), Reply(Errno::SRCH)),
            ("any type", message(msg_type, 0, &named), Reply(Errno::SRCH)),
        ]);
    }
    assert_fates(&table);
}

#[test]
fn a_running_dump_is_checked_before_the_query() {
    let query_of = |bytes: &[u8]| match fate(bytes) {
        Fate::Accepted(Command::DumpSad(query)) => query.map_err(|error| error.errno()),
        other => panic!("{other:?}"),
    };
    let esp = query_of(&message(DUMP, ESP, &[filter(128)])).unwrap();
    assert_eq!((esp.proto, esp.filter.unwrap().src_prefix_len), (Some(Proto::Esp), 128));
    assert_eq!(query_of(&message(DUMP, 0, &[])).unwrap().proto, None);
    assert_eq!(query_of(&message(DUMP, RSVP, &[])), Err(Errno::INVAL));
    assert_eq!(query_of(&message(DUMP, 0, &[filter(129)])), Err(Errno::INVAL));
}

#[test]
fn an_acquire_that_failed_has_number_and_errno() {
    let failed = |bytes: &[u8]| match fate(bytes) {
        Fate::Accepted(Command::Acquire(failed)) => failed,
        other => panic!("{other:?}"),
    };
    let acquire = message(ACQUIRE, ESP, &[]);
    assert_eq!(failed(&with(acquire.clone(), 2, 3)), NonZeroU32::new(7));
    assert_eq!(failed(&acquire), None);
    assert_eq!(failed(&with(with(acquire, 2, 3), 8, 0)), None);
}

#[test]
fn an_sa_is_read_with_what_af_key_looks_at() {
    let bytes =
        esp(&[address(7, 24, &v4(0)), ext(20, &[2, 0, 0, 0]), ext(21, &[0x11, 0x94, 0, 0])]);
    let Fate::Accepted(Command::AddSa(sa)) = fate(&bytes) else { panic!() };
    assert_eq!(
        (sa.proto, sa.spi, sa.seq, sa.replay_window),
        (Proto::Esp, Spi(0x1000), NonZeroU32::new(7), 4)
    );
    assert_eq!(
        sa.encap.map(|encap| (encap.src_port, encap.dst_port)),
        Some((NonZeroU16::new(4500), None))
    );
    let ah = message(ADD, AH, &[self::sa(3, 12), src(), dst(), auth_key(20), encrypt_key(16)]);
    let Fate::Accepted(Command::AddSa(ah)) = fate(&ah) else { panic!() };
    assert!(ah.auth.is_some() && ah.crypt.is_none());
    let selector = sa.selector.unwrap();
    assert_eq!((selector.src().length(), selector.dst().length()), (24, 0));
}

proptest! {
    /// Whatever comes is taken or refused, and a refusal is the header with an errno.
    #[test]
    fn any_bytes(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), whole in any::<bool>()) {
        if whole && bytes.len() >= 16 {
            let length = bytes.len();
            let msg_type = 1 + bytes[1] % 24;
            bytes = cut(with(with(with(with(bytes, 0, 2), 1, msg_type), 6, 0), 7, 0), length);
        }
        if let Ok(header) = header(&bytes)
            && let Err(error) = command(&header, &bytes)
        {
            let refusal = header.refusal(error.errno());
            prop_assert_eq!(Message::decode(&refusal.encode().unwrap()).unwrap(), refusal);
        }
    }
}
