//! The kernel has one drop monitor: a trace leaves it as it was, and shares it with others.

use std::time::Duration;

use rustix::process::Signal;
use scenarios::{Background, Host, Outcome, eventually, ipsecctl, report_skipped};
use serde_json::Value;

use super::lab::{Lab, alone, begin, first, has_drop_monitor, is_traced, net_dm, trace};

/// The configuration before a trace: not the kernel's own.
const BEFORE: &str = "0 77 500";

/// The drop monitor stopped and configured.
fn reset() {
    net_dm("stop");
    assert_eq!(net_dm(&format!("config {BEFORE}")), "");
}

/// A lab in which the peer's packets come in clear.
fn with_a_fault() -> Lab {
    let lab = Lab::new();
    let _ = lab.a.setkey("-FP");
    lab
}

#[test]
fn the_drop_monitor_is_left_as_it_was() {
    let _alone = alone();
    if !has_drop_monitor() {
        report_skipped("the configuration of the drop monitor: this kernel has none");
        return;
    }
    reset();
    let host = Host::new("host");
    for signal in [Signal::TERM, Signal::INT] {
        let mut traced = trace(&host, "");
        eventually("a trace has started the drop monitor", is_traced);
        assert_eq!(net_dm(&format!("config {BEFORE}")), "EBUSY");
        assert_eq!(traced.end_by(signal), Some(0));
        assert_eq!(net_dm("get"), BEFORE);
        assert_eq!(net_dm(&format!("config {BEFORE}")), "", "it is not stopped");
    }
    // What a killed one has left is restored by the next.
    let mut killed = trace(&host, "");
    eventually("a trace has started the drop monitor", is_traced);
    killed.end_by(Signal::KILL);
    assert!(is_traced());
    let outcome = host.ipsecctl("trace --seconds 1");
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    assert_eq!(net_dm("get"), BEFORE);
    assert_eq!(net_dm(&format!("config {BEFORE}")), "");
}

#[test]
fn another_program_keeps_it() {
    let _alone = alone();
    if !has_drop_monitor() {
        report_skipped("a drop monitor that another program has started: this kernel has none");
        return;
    }
    reset();
    assert_eq!(net_dm("start"), "");
    let lab = with_a_fault();
    let outcome = lab.b.ipsecctl("trace --seconds 1");
    let expected = "ipsecctl: another program has started the kernel's drop monitor, in mode summary: \
        counters are read once a second instead of packets\n";
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, expected));
    // It goes on.
    assert_eq!(net_dm("config 0 0 1"), "EBUSY");
    assert_eq!(net_dm("get"), BEFORE);
    net_dm("stop");
    // In packet mode it is read along.
    assert_eq!((net_dm("config 1 0 1000"), net_dm("start")), (String::new(), String::new()));
    let dropped = first(&begin(&lab.b, "--count 1"), || _ = lab.ping("10.2.0.5"));
    assert_eq!(dropped["kind"], "packet", "{dropped}");
    assert_eq!(net_dm("config 0 0 1"), "EBUSY");
    assert_eq!(net_dm("get"), "1 0 1000");
    reset();
}

#[test]
fn two_traces_share_it() {
    let _alone = alone();
    if !has_drop_monitor() {
        report_skipped("two traces at once: this kernel has no drop monitor");
        return;
    }
    reset();
    let lab = with_a_fault();
    let mut one = trace(&lab.b, "");
    eventually("a trace has started the drop monitor", is_traced);
    let mut other = begin(&lab.b, "");
    for traced in [&one, &other] {
        let dropped = first(traced, || _ = lab.ping("10.2.0.5"));
        assert_eq!(dropped["kind"], "packet", "{dropped}");
    }
    // The other starts it again within a second.
    one.end_by(Signal::TERM);
    eventually("a trace has started the drop monitor", is_traced);
    while other.lines.recv_timeout(Duration::from_millis(1500)).is_ok() {}
    assert_eq!(first(&other, || _ = lab.ping("10.2.0.5"))["kind"], "packet");
    other.end_by(Signal::TERM);
    assert_eq!(net_dm("get"), BEFORE);
}

/// As many lines as permitted, the others are counted, and the heads are in a file of this user's.
#[test]
fn a_flood_is_summed_up() {
    let _alone = alone();
    let lab = with_a_fault();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("drops.pcap");
    let traced = trace(&lab.b, &format!("--seconds 6 --rate 3 --pcap {}", file.display()));
    let mut ping = lab.a.command("ping");
    let _flood =
        Background::start(ping.args(["-q", "-I", "10.1.0.5", "-f", "-w", "8", "10.2.0.5"]));
    let drops = traced.lines.iter().map(|line| {
        let document: Value = serde_json::from_str(&line).expect("JSON");
        document["drop"].clone()
    });
    let drops = drops.collect::<Vec<_>>();
    let of_kind = |kind: &str| drops.iter().filter(|it| it["kind"] == kind).count();
    assert!(of_kind("packet") <= 3 * 7, "{} packets", of_kind("packet"));
    assert!(of_kind("counted") <= 7, "{} counted", of_kind("counted"));
    let sum = drops.iter().map(|it| it["packets"].as_u64().expect("a number")).sum::<u64>();
    assert!(sum > 100, "{sum} packets");
    if has_drop_monitor() {
        assert!(of_kind("omitted") >= 1, "{drops:#?}");
        let again = lab.b.ipsecctl(&format!("explain in --from {}", file.display()));
        assert!(again.stdout.contains("XfrmInTmplMismatch"), "{again:?}");
    }
}

/// Without privilege one line reports that, and the counters are printed.
#[test]
fn any_user_reads_the_counters() {
    let _alone = alone();
    let lab = with_a_fault();
    let mut command = lab.b.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]);
    command.arg(ipsecctl()).args(["trace", "--json", "--count", "1"]);
    let dropped = first(&Background::start(&mut command), || _ = lab.ping("10.2.0.5"));
    assert_eq!(
        (&dropped["kind"], &dropped["counters"][0]),
        (&"counted".into(), &"XfrmInTmplMismatch".into())
    );
    assert!(dropped.get("policies").is_none(), "{dropped}");
    let mut command = lab.b.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]);
    let outcome = Outcome::of(command.arg(ipsecctl()).args(["trace", "--seconds", "1"]));
    assert_eq!((outcome.status, outcome.stderr.lines().count()), (0, 1), "{outcome:?}");
    assert!(
        outcome.stderr.contains("which cannot be entered: Operation not permitted"),
        "{outcome:?}"
    );
}
