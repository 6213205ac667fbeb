//! Killed at any moment, ipsecd leaves nothing behind that the next one does not set right.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use regex::Regex;
use rusqlite::{Connection, OpenFlags};
use scenarios::{Daemon, Host, Session, random, setkey, times};

/// How many policies there may be.
const POLICIES: usize = 1000;
/// How many tunnels they go through.
const TUNNELS: usize = 10;

#[test]
fn kills_under_load() {
    let mut random = random();
    let host = Host::new("host");
    let load = Load { host: &host, ended: AtomicBool::new(false) };
    let (mut for_policies, mut for_sas) = (random.fork(), random.fork());
    let (requested, sas) = thread::scope(|scope| {
        let requested = scope.spawn(|| load.change_policies(&mut for_policies));
        let sas = scope.spawn(|| load.change_sas(&mut for_sas));
        for _ in 0..times(100, 15) {
            let daemon = Daemon::begin(&host, "");
            thread::sleep(Duration::from_millis(random.u64(0..500)));
            drop(daemon);
        }
        load.ended.store(true, Ordering::Relaxed);
        (requested.join().expect("policies"), sas.join().expect("SAs"))
    });
    println!("{} policies, {} of {TUNNELS} SAs", requested.len(), sas.len());

    let _daemon = Daemon::start(&host);
    let reference = Host::new("reference");
    let script: String = requested.values().map(String::as_str).collect();
    assert_eq!(reference.setkey_text(&script).stdout, "");
    assert_eq!(shown(&host), shown(&reference));
    policies_follow(&host, &requested, &sas);
    records_are_those_of_parts(&host);
}

/// What happens meanwhile.
struct Load<'a> {
    host: &'a Host,
    ended: AtomicBool,
}

impl Load<'_> {
    /// Adds, replaces and deletes policies by one setkey; gives those that remain.
    fn change_policies(&self, random: &mut fastrand::Rng) -> BTreeMap<usize, String> {
        let mut session = Session::open(&mut self.host.command(setkey()));
        let mut requested: BTreeMap<usize, String> = BTreeMap::new();
        let everything: Vec<String> = (0..POLICIES).map(|number| policy(number, random)).collect();
        assert_eq!(session.run(&everything.concat()), "");
        requested.extend(everything.into_iter().enumerate());
        while !self.ended.load(Ordering::Relaxed) {
            let change = |_| {
                let number = random.usize(..POLICIES);
                let policy = policy(number, random);
                if requested.contains_key(&number) && random.bool() {
                    requested.remove(&number);
                    return format!("spddelete {} any -P out;\n", selector(number));
                }
                match requested.insert(number, policy.clone()) {
                    Some(_) => policy.replace("spdadd", "spdupdate"),
                    None => policy,
                }
            };
            let script: String = (0..20).map(change).collect();
            assert_eq!(session.run(&script), "", "{script}");
        }
        requested
    }

    /// Adds and deletes SAs by ip(8); gives the tunnels that have one in the end.
    fn change_sas(&self, random: &mut fastrand::Rng) -> HashSet<usize> {
        let mut there = HashSet::new();
        let key = "5a".repeat(16);
        while !self.ended.load(Ordering::Relaxed) {
            let change = |_| {
                let tunnel = random.usize(..TUNNELS);
                let sa = format!("src 192.0.2.1 dst 192.0.3.{tunnel} proto esp spi 0x1001");
                if there.remove(&tunnel) {
                    format!("xfrm state delete {sa}\n")
                } else {
                    there.insert(tunnel);
                    format!("xfrm state add {sa} mode tunnel enc cbc(aes) 0x{key}\n")
                }
            };
            let commands: String = (0..5).map(change).collect();
            self.host.ip(&commands);
        }
        there
    }
}

fn selector(number: usize) -> String {
    format!("10.1.{}.{} 10.2.0.0/24", number / 250, number % 250)
}

/// `spdadd` of a policy of this number: some at level `use`, some `default`, some plain.
fn policy(number: usize, random: &mut fastrand::Rng) -> String {
    let tunnel = format!("esp/tunnel/192.0.2.1-192.0.3.{}", random.usize(..TUNNELS));
    let action = match random.u8(..10) {
        0 => "none".to_owned(),
        1 => "discard".to_owned(),
        2 => format!("ipsec {tunnel}/require"),
        3 => "ipsec esp/transport//default".to_owned(),
        4 => format!("ipsec {tunnel}/default"),
        5 => format!("ipsec {tunnel}/use ah/transport//require"),
        _ => format!("ipsec {tunnel}/use"),
    };
    format!("spdadd {} any -P out {action};\n", selector(number))
}

/// What `setkey -DP` shows of each policy, but for its times and numbers.
pub(crate) fn shown(host: &Host) -> BTreeSet<String> {
    let dump = host.setkey("-DP").stdout;
    let volatile = Regex::new(r"(?m)^\t(created|spid=|refcnt).*\n").expect("a pattern");
    let entry = Regex::new(r"(?m)^\S.*\n(\t.*\n)*").expect("a pattern");
    let dump = volatile.replace_all(&dump, "");
    entry.find_iter(&dump).map(|entry| entry.as_str().to_owned()).collect()
}

/// The kernel holds the tunnels whose SAs are there, and everything that is required.
fn policies_follow(host: &Host, requested: &BTreeMap<usize, String>, sas: &HashSet<usize>) {
    let tunnel = Regex::new(r"192\.0\.3\.(\d)/use").expect("a pattern");
    let expected = requested.iter().map(|(number, policy)| {
        let not_installed = tunnel.captures(policy).is_some_and(|found| {
            let tunnel = found[1].parse().expect("a number");
            !sas.contains(&tunnel)
        });
        let requests = policy.matches('/').count() / 3;
        (selector(*number), requests - usize::from(not_installed))
    });
    let policy = Regex::new(r"(?m)^src (\S+) dst (\S+).*\n(\s.*\n)*").expect("a pattern");
    let kernel = host.show("xfrm policy");
    let installed = policy.captures_iter(&kernel).map(|found| {
        let source = found[1].trim_end_matches("/32");
        (format!("{source} {}", &found[2]), found[0].matches("\ttmpl ").count())
    });
    let (installed, expected): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (installed.collect(), expected.collect());
    assert_eq!(installed, expected);
}

/// No record but those of policies that the kernel holds a part of.
pub(crate) fn records_are_those_of_parts(host: &Host) {
    let store = host.kept().join("store.sqlite");
    let store = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let store = store.expect("the store");
    let mut query = store.prepare("SELECT DISTINCT policy FROM request").expect("its table");
    let records = query.query_map([], |row| row.get(0)).expect("its rows");
    let records: BTreeSet<u32> = records.collect::<Result<_, _>>().expect("indices");
    let part = Regex::new(r" index (\d+) .* flag localok").expect("a pattern");
    let kernel = host.show("-s xfrm policy");
    let parts = part.captures_iter(&kernel).map(|found| found[1].parse().expect("an index"));
    assert_eq!(records, parts.collect());
}
