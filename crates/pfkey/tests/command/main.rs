//! AF_KEY's answers to a request before it looks into the SAD and SPD (net/key/af_key.c). The
//! scenario `pfkey` of the whole workspace holds the same against AF_KEY itself.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

mod bytes;

use std::num::{NonZeroU16, NonZeroU32};

use std::net::IpAddr;

use bytes::*;
use model::{Action, AddressPair, Level, Proto, ReqId, Spi, TemplateMode};
use pfkey::{
    Message,
    command::{Command, command, header},
};
use proptest::prelude::*;
use rustix::io::Errno;

/// What becomes of a message before the SAD and SPD are asked.
#[derive(Debug)]
enum Fate {
    /// `send(2)` fails.
    NotSent(Errno),
    /// The reply has an errno.
    Refused(Errno),
    Accepted(Command),
}

fn fate(bytes: &[u8]) -> Fate {
    match header(bytes) {
        Err(error) => Fate::NotSent(error.errno()),
        Ok(header) => match command(&header, bytes) {
            Err(error) => Fate::Refused(error.errno()),
            Ok(command) => Fate::Accepted(command),
        },
    }
}

/// The errnos of `send(2)`, of the message, or none.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    Send(Errno),
    Reply(Errno),
    Taken,
}
use Expected::{Reply, Send, Taken};

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
fn policies() {
    let add = |requests: &[Vec<u8>]| spd(SPDADD, policy(IPSEC, OUT, 0, requests));
    let mut table = vec![
        ("whole", add(&[tunnel(), transport(3)]), Taken),
        ("no requests", add(&[]), Taken),
        ("8 bytes too many", add(&[transport(2), vec![0xff; 8]]), Taken),
        ("type 3", spd(SPDADD, policy(3, OUT, 0, &[])), Reply(Errno::INVAL)),
        ("no policy", message(SPDADD, 0, &[src(), dst()]), Reply(Errno::INVAL)),
        ("no source", message(SPDADD, 0, &[policy(1, OUT, 0, &[]), dst()]), Reply(Errno::INVAL)),
        ("request of 15 bytes", add(&[with(transport(2), 0, 15)]), Reply(Errno::INVAL)),
        ("request past the end", add(&[with(transport(2), 0, 32)]), Reply(Errno::INVAL)),
        ("not looked at", spd(SPDADD, policy(1, OUT, 0, &[vec![0xff; 16]])), Taken),
        ("request of mode any", add(&[request(50, 0, 2, 0, &[])]), Reply(Errno::INVAL)),
        ("request of mode 4", add(&[request(50, 4, 2, 0, &[])]), Reply(Errno::INVAL)),
        ("request of TCP", add(&[request(6, 1, 2, 0, &[])]), Reply(Errno::INVAL)),
        ("request of any", add(&[request(255, 1, 2, 0, &[])]), Reply(Errno::INVAL)),
        // AF_KEY keeps the low 8 bits: ESP.
        ("request of 306", add(&[request(306, 1, 2, 0, &[])]), Taken),
        ("request of 300", add(&[request(300, 1, 2, 0, &[])]), Reply(Errno::INVAL)),
        ("routing header", add(&[request(43, 1, 2, 0, &[])]), Taken),
        ("level 9", add(&[transport(9)]), Taken),
        ("use, BEET, out", add(&[request(50, 3, 1, 0, &[])]), Reply(Errno::INVAL)),
        ("tunnel of one end", add(&[request(50, 2, 2, 0, &v4(1))]), Reply(Errno::INVAL)),
        (
            "tunnel of two families",
            add(&[request(50, 2, 2, 0, &[v4(1), v6(2)].concat())]),
            Reply(Errno::INVAL),
        ),
        ("six requests", add(&vec![transport(2); 6]), Taken),
        ("seven requests", add(&vec![transport(2); 7]), Reply(Errno::LOOP)),
        (
            "a bad one before",
            add(&[vec![request(6, 1, 2, 0, &[])], vec![transport(2); 6]].concat()),
            Reply(Errno::INVAL),
        ),
        (
            "a bad seventh",
            add(&[vec![transport(2); 6], vec![request(6, 1, 2, 0, &[])]].concat()),
            Reply(Errno::LOOP),
        ),
        ("update", spd(SPDUPDATE, policy(0, 3, 0, &[])), Taken),
        ("delete", spd(SPDDELETE, policy(9, 1, 0, &[vec![0xff; 16]])), Taken),
        ("delete without policy", message(SPDDELETE, 0, &[src(), dst()]), Reply(Errno::INVAL)),
    ];
    for dir in [0, 4, 5, 9] {
        table.push(("direction", spd(SPDADD, policy(1, dir, 0, &[])), Reply(Errno::INVAL)));
        table.push(("direction", spd(SPDDELETE, policy(1, dir, 0, &[])), Reply(Errno::INVAL)));
    }
    for msg_type in [SPDGET, SPDDELETE2] {
        table.push(("no policy", message(msg_type, 0, &[]), Reply(Errno::INVAL)));
        for (index, expected) in [(0, Taken), (10, Taken), (11, Reply(Errno::INVAL))] {
            table.push(("index", message(msg_type, 0, &[policy(0, 0, index, &[])]), expected));
        }
    }
    assert_fates(&table);
}

#[test]
fn what_the_levels_mean() {
    let requests = [
        transport(0),
        transport(1),
        transport(7),
        request(50, 1, 3, 7, &[]),
        request(50, 1, 3, 0x4000, &[]),
        request(51, 3, 2, 9, &v4(1)),
    ];
    let bytes = spd(SPDADD, policy(IPSEC, OUT, 0, &requests));
    let Fate::Accepted(Command::AddPolicy(policy)) = fate(&bytes) else { panic!() };
    let Action::Ipsec(requests) = policy.action else { panic!() };
    let levels: Vec<Level> = requests.iter().map(|request| request.level).collect();
    let unique = |id: Option<u32>| Level::Unique(id.and_then(ReqId::new));
    let require = Level::Require;
    let expected = [Level::Default, Level::Use, require, unique(Some(7)), unique(None), require];
    assert_eq!(levels, expected);
    // As the kernel shows it.
    let any = IpAddr::from([0; 4]);
    assert_eq!(requests[5].mode, TemplateMode::Beet(AddressPair::new(any, any).unwrap()));
}

#[test]
fn migrations() {
    let pair = |reqid, old: &[u8], new: &[u8]| {
        [request(50, 2, 3, reqid, old), request(50, 2, 3, reqid, new)].concat()
    };
    let ends = [v4(1), v4(2)].concat();
    let one = pair(5, &ends, &[v6(1), v6(2)].concat());
    let migrate = |requests: &[Vec<u8>]| spd(MIGRATE, policy(IPSEC, OUT, 0, requests));
    let km_address = |body: &[u8]| {
        let policy = policy(IPSEC, OUT, 0, std::slice::from_ref(&one));
        message(MIGRATE, 0, &[policy, src(), dst(), ext(25, body)])
    };
    assert_fates(&[
        ("whole", migrate(std::slice::from_ref(&one)), Taken),
        ("six", migrate(&vec![one.clone(); 6]), Taken),
        ("seven", migrate(&vec![one.clone(); 7]), Reply(Errno::INVAL)),
        ("none", migrate(&[]), Reply(Errno::INVAL)),
        ("half of one", migrate(&[request(50, 2, 3, 5, &ends)]), Reply(Errno::INVAL)),
        ("no addresses", migrate(&[pair(5, &[], &ends)]), Reply(Errno::INVAL)),
        (
            "two numbers",
            migrate(&[request(50, 2, 3, 5, &ends), request(50, 2, 3, 6, &ends)]),
            Reply(Errno::INVAL),
        ),
        ("8 bytes too many", migrate(&[one.clone(), vec![0; 8]]), Reply(Errno::INVAL)),
        (
            "direction 0",
            spd(MIGRATE, policy(IPSEC, 0, 0, std::slice::from_ref(&one))),
            Reply(Errno::INVAL),
        ),
        ("no policy", message(MIGRATE, 0, &[src(), dst()]), Reply(Errno::INVAL)),
        ("key management", km_address(&[vec![0; 4], ends.clone()].concat()), Taken),
        ("key management, cut", km_address(&[vec![0; 4], v4(1)].concat()), Reply(Errno::INVAL)),
    ]);
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

#[track_caller]
fn assert_fate(what: &str, bytes: &[u8], expected: Expected) {
    let fate = match fate(bytes) {
        Fate::NotSent(errno) => Send(errno),
        Fate::Refused(errno) => Reply(errno),
        Fate::Accepted(_) => Taken,
    };
    assert_eq!(fate, expected, "{what}");
}

#[track_caller]
fn assert_fates(table: &[(&str, Vec<u8>, Expected)]) {
    for (what, bytes, expected) in table {
        assert_fate(what, bytes, *expected);
    }
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
