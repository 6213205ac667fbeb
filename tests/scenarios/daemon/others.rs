//! Others, who know nothing of xfrm-tools, change the SPD meanwhile.

use std::{fmt::Write, fs, thread, time::Duration};

use rustix::process::Signal;
use scenarios::{Daemon, Host};

use super::{SA, TUNNEL, add_sa, eventually, templates};

/// A policy of an outbound tunnel at level `use`, by number.
fn selector(number: usize) -> String {
    format!("src 10.1.{}.{}/32 dst 10.2.0.0/24 dir out", number / 250, number % 250)
}

fn policies(count: usize) -> String {
    let mut script = String::new();
    for number in 0..count {
        let (high, low) = (number / 250, number % 250);
        let source = format!("10.1.{high}.{low}/32");
        let _ = writeln!(script, "spdadd {source} 10.2.0.0/24 any -P out ipsec {TUNNEL};");
    }
    script
}

/// Deleted policies stay deleted, though the daemon rewrites them all the time.
#[test]
fn a_deleted_policy_does_not_come_back() {
    const COUNT: usize = 300;
    let host = Host::new("host");
    let _daemon = Daemon::start(&host);
    host.load(&policies(COUNT));
    let flips = format!("{}\nxfrm state delete {SA}\n", add_sa()).repeat(200);
    let deletion = |number| format!("xfrm policy delete {}\n", selector(number));
    let deletions: Vec<String> = (0..COUNT).map(deletion).collect();
    thread::scope(|scope| {
        scope.spawn(|| host.ip(&flips));
        for some in deletions.chunks(10) {
            host.ip(&some.concat());
        }
    });
    thread::sleep(Duration::from_millis(300));
    assert_eq!(host.show("xfrm policy"), "");
    assert_eq!(host.setkey("-DP").stdout, "No SPD entries.\n");
}

/// A policy that another program replaces belongs to that program.
#[test]
fn a_replaced_policy_is_theirs() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    host.load(&policies(2));
    let template = "tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel";
    host.ip(&format!("xfrm policy update {} {template}", selector(0)));
    host.ip(&add_sa());
    eventually("both have their template", || templates(&host) == 2);
    host.ip(&format!("xfrm state delete {SA}"));
    eventually("theirs stays", || templates(&host) == 1);
    daemon.signal(Signal::HUP);
    daemon.wait_for_news("RELOADING=1");
    daemon.wait_for_news("READY=1");
    assert_eq!(templates(&host), 1);
    let dump = host.setkey("-DP").stdout;
    let required = dump.matches("\tesp/tunnel/192.0.2.1-192.0.2.2/require\n").count();
    assert_eq!((required, dump.matches(TUNNEL).count()), (1, 1), "{dump}");
}

/// Whatever empties the SPD, packets that no policy matches are dropped.
#[test]
fn the_default_policy_survives() {
    let host = Host::new("host");
    let daemon = Daemon::start(&host);
    host.set("net.inet.ipsec.def_policy=0 net.inet6.ipsec6.def_policy=0");
    let catch_alls = || host.show("xfrm policy").matches("action block").count();
    assert_eq!(catch_alls(), 6);
    assert_eq!(host.setkey("-FP").stdout, "");
    assert_eq!(catch_alls(), 6, "after setkey -FP");
    assert_eq!(host.setkey("-DP").stdout, "No SPD entries.\n");

    host.ip("xfrm policy flush");
    eventually("all of them are back", || catch_alls() == 6);
    host.ip("xfrm policy deleteall dir out");
    eventually("those of packets that leave are back", || catch_alls() == 6);

    host.set("net.inet.ipsec.def_policy=1 net.inet6.ipsec6.def_policy=1");
    daemon.signal(Signal::HUP);
    daemon.wait_for_news("RELOADING=1");
    daemon.wait_for_news("READY=1");
    assert_eq!(host.show("xfrm policy"), "");
}

/// More events come than fit the receive buffer.
#[test]
fn events_are_lost() {
    let host = Host::new("host");
    let daemon = Daemon::begin(&host, "-v");
    daemon.wait_for_news("READY=1");
    host.load(&policies(3));
    daemon.signal(Signal::STOP);
    host.ip(&add_sa());
    let policy = "src 10.9.0.0/24 dst 10.8.0.0/24 dir in";
    host.ip(&format!("xfrm policy add {policy}\nxfrm policy delete {policy}\n").repeat(10_000));
    daemon.signal(Signal::CONT);
    eventually("the policies are whole", || templates(&host) == 3);
    daemon.wait_for_log("reason=events were lost");

    host.ip(&format!("xfrm state delete {SA}"));
    eventually("it receives events again", || templates(&host) == 0);
}

/// Without what is kept it is not the daemon any more.
#[test]
fn what_is_kept_is_taken_away() {
    let host = Host::new("host");
    let mut daemon = Daemon::start(&host);
    fs::remove_dir_all(host.kept()).expect("root may");
    assert_eq!(daemon.wait().code(), Some(1));
    assert!(daemon.log().contains("ipsecd.lock is gone: another daemon may"), "{}", daemon.log());
    let _next = Daemon::start(&host);
}
