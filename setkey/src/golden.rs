//! What `-D` and `-DP` of the BSDs' setkeys print of 40 entries each. The texts of `golden/` were made
//! from the C source of those systems, not from the output of this program: FreeBSD 15,
//! lib/libipsec/pfkey_dump.c (`pfkey_sadump`, `pfkey_spdump`), lib/libipsec/ipsec_dump_policy.c and, for
//! the messages, sys/netipsec/key.c (`key_setdumpsa`, `key_setdumpsp`); NetBSD 10,
//! crypto/dist/ipsec-tools/src/libipsec/pfkey_dump.c, ipsec_dump_policy.c there, sys/netipsec/key.c.

use std::num::NonZeroU64;

use chrono::{Local, TimeZone};
use grammar::{Script, lower};
use model::{
    Current, Dialect, Direction, Installation, Lifetime, Operation, PolicyEntry, SaEntry, SaState,
    Spi,
};
use sys::SystemNames;

use crate::{
    dump::DumpEntry,
    options,
    printer::{Printer, ResultSource},
};

use engine::{Outcome, Sink};

/// When every entry was added, Unix seconds: later than now, so that its age is 0.
const ADDED: i64 = 32_000_000_000;

#[test]
fn freebsd() {
    let script = include_str!("golden/freebsd.conf");
    assert_dumps(Dialect::FreeBsd, script, include_str!("golden/freebsd.txt"));
}

#[test]
fn netbsd() {
    let script = include_str!("golden/netbsd.conf");
    assert_dumps(Dialect::NetBsd, script, include_str!("golden/netbsd.txt"));
}

fn assert_dumps(dialect: Dialect, script: &str, expected: &str) {
    let (sad, spd) = entries(dialect, script);
    assert_eq!((sad.len(), spd.len()), (20, 20));
    let printed =
        printed(dialect, sad, Outcome::EndOfSad) + &printed(dialect, spd, Outcome::EndOfSpd);
    for (line, (printed, expected)) in printed.lines().zip(expected.lines()).enumerate() {
        assert_eq!(printed, expected, "{} in line {}", dialect.word(), line + 1);
    }
    assert_eq!(printed, expected);
}

/// The SAD and the SPD after a script, oldest entry first. An SA whose SPI is 0x2000 and more has been
/// used and is dying; one of 0x3000 and more is larval. The last policy ends after 100 seconds, or 50
/// without a packet.
fn entries(dialect: Dialect, script: &str) -> (Vec<DumpEntry>, Vec<DumpEntry>) {
    let added = Current { add_time: ADDED.unsigned_abs(), ..Current::default() };
    let used =
        Current { packets: 7, bytes: 924, use_time: NonZeroU64::new(added.add_time), ..added };
    let (mut sad, mut spd) = (Vec::new(), Vec::new());
    for statement in Script::new(script.as_bytes(), dialect) {
        let lowered = lower(&statement.expect("a statement"), &SystemNames).expect("its meaning");
        for operation in lowered.operations {
            match operation.expect("no refusal") {
                Operation::AddSa(sa) => {
                    let (state, current) = match sa.spi {
                        Spi(0x3000..) => (SaState::Larval, added),
                        Spi(0x2000..) => (SaState::Dying, used),
                        Spi(_) => (SaState::Mature, added),
                    };
                    sad.push(DumpEntry::Sa(Box::new(SaEntry::new(*sa, state, current))));
                }
                Operation::AddPolicy(policy) => {
                    let mut policy = *policy;
                    if spd.len() == 19 {
                        policy.lifetimes.hard = Lifetime::from_numbers([0, 0, 100, 50]);
                    }
                    let installation = Installation::plain(&policy);
                    let direction = u32::from(policy.id.direction == Direction::Out);
                    let index = 8 * u32::try_from(spd.len()).expect("few") + 8 + direction;
                    let (socket, current) = (false, added);
                    let entry = PolicyEntry { policy, installation, index, socket, current };
                    spd.push(DumpEntry::Policy(Box::new(entry), None));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    (sad, spd)
}

/// A dump, with words for what no other run prints.
fn printed(dialect: Dialect, oldest_first: Vec<DumpEntry>, end: Outcome) -> String {
    let words = ["setkey", "--dialect", dialect.word(), "-D"].map(Into::into);
    let command = options::parse(words).expect("a command");
    let mut printer = Printer::new(Vec::new(), ResultSource::Option, &command);
    for entry in oldest_first.into_iter().rev() {
        printer.entry(entry, None).expect("memory");
    }
    printer.outcome(0, end).expect("memory");
    let text = String::from_utf8(std::mem::take(printer.out())).expect("UTF-8");
    let pid = format!(" pid={}", std::process::id());
    let added = Local.timestamp_opt(ADDED, 0).unwrap().format("%b %e %H:%M:%S %Y").to_string();
    let masked = text.replace(&pid, " pid=PID").replace(&added, "ADDED");
    masked.lines().map(|line| without_now(line) + "\n").collect()
}

/// The line of `created:` without the time of the dump.
fn without_now(line: &str) -> String {
    match line.split_once("\tcurrent: ") {
        Some((created, _)) if created.starts_with("\tcreated: ") => {
            format!("{created}\tcurrent: NOW")
        }
        _ => line.to_owned(),
    }
}
