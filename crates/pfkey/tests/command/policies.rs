//! Messages about policies.

use std::net::IpAddr;

use model::{Action, AddressPair, Level, ReqId, TemplateMode};
use pfkey::command::Command;
use rustix::io::Errno;

use crate::{
    bytes::*,
    fate::{Expected::*, Fate, assert_fates, fate},
};

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
