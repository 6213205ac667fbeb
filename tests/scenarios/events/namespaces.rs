//! `--all-netns`: events of other network namespaces, which are named.

use std::{thread::sleep, time::Duration};

use scenarios::Host;
use serde_json::Value;

use super::{Monitor, SA, count, spis_of_kernel};

/// The events of one host; those of the monitor's own have no `netns`.
fn of<'a>(events: &'a [Value], host: Option<&Host>) -> Vec<&'a Value> {
    let name = host.map(|host| host.name().into());
    events.iter().filter(|event| event.pointer("/netns/name") == name.as_ref()).collect()
}

fn names(events: &[&Value]) -> Vec<String> {
    let name = |event: &&Value| format!("{} {}", event["event"], event["sa"]["spi"]);
    events.iter().map(name).map(|it| it.replace('"', "")).collect()
}

#[test]
fn changes_of_two_namespaces_are_reported_with_their_names() {
    let (own, other) = (Host::new("own"), Host::new("other"));
    other.load("spdadd 192.0.2.8 192.0.2.9 any -P out none;");
    let monitor = Monitor::start(&own, "--all-netns");
    other.load(SA);
    other.load("spdupdate 192.0.2.8 192.0.2.9 any -P out discard;");
    other.load("spddelete 192.0.2.8 192.0.2.9 any -P out;");
    // One that comes later, and goes: the monitor does not keep it.
    let later = Host::new("later");
    sleep(Duration::from_secs(3));
    later.load("add 192.0.2.1 192.0.2.2 esp 0x4001 -E null;");
    own.load("add 192.0.2.1 192.0.2.2 esp 0x2001 -E null;");
    let events = monitor.until_marker(&own);

    let here = of(&events, None);
    assert!(names(&here).contains(&"new 8193".to_owned()), "{here:?}");
    let there = of(&events, Some(&other));
    assert_eq!((&there[0]["event"], &there[0]["entries"]), (&"netns".into(), &1.into()));
    let expected = ["netns null", "new 4097", "updated null", "deleted null"];
    assert_eq!(names(&there), expected, "{there:#?}");
    assert_eq!(there[2]["changed"][0]["member"], "action", "{}", there[2]);
    let there = of(&events, Some(&later));
    assert_eq!(names(&there), ["netns null", "new 16385"], "{there:#?}");
    assert!(there[1].pointer("/netns/number").and_then(Value::as_i64) >= Some(0));

    let file = later.namespace_file();
    let number = |host: &Host| {
        let listed = host.show("netns list-id");
        listed.lines().filter(|line| line.contains("later")).count()
    };
    assert_eq!(number(&own), 1);
    drop(later);
    sleep(Duration::from_secs(3));
    assert!(!file.exists());
    assert_eq!(number(&own), 0);
}

/// Without the option nothing of other namespaces is reported.
#[test]
fn one_namespace_is_reported_alone() {
    let (own, other) = (Host::new("own"), Host::new("other"));
    let monitor = Monitor::start(&own, "");
    other.load(SA);
    let events = monitor.until_marker(&own);
    assert_eq!(count(&events, "netns"), 0);
    assert!(!names(&of(&events, None)).contains(&"new 4097".to_owned()));
    // Nor does another namespace get a number.
    assert!(!own.show("netns list-id").contains(other.name()));
}

#[test]
fn a_gap_is_healed_in_all() {
    let (own, other) = (Host::new("own"), Host::new("other"));
    let monitor = Monitor::start(&own, "--all-netns");
    other.load("add 192.0.2.1 192.0.2.2 esp 0x2001 -E null;");
    sleep(Duration::from_secs(3));
    monitor.signal("STOP");
    super::overflow(&other);
    monitor.signal("CONT");
    monitor.until_marker(&own);
    // The marker may have been lost, too: then it comes with the tables of its namespace, and those of the other follow.
    let events = monitor.until(|events| {
        let there: Vec<Value> = of(events, Some(&other)).into_iter().cloned().collect();
        count(&there, "recovered") == count(events, "lost")
    });
    let gaps = count(&events, "lost");
    assert!(gaps > 0);
    let there: Vec<Value> = of(&events, Some(&other)).into_iter().cloned().collect();
    assert_eq!((count(&there, "lost"), count(&there, "recovered")), (0, gaps));
    assert_eq!(super::spis_after(&there), spis_of_kernel(&other));
    let is_seen_again = |event: &&Value| event["was_lost"] == true && event["event"] == "deleted";
    let deleted = there.iter().find(is_seen_again).expect("a deletion");
    assert_eq!(deleted["sa"]["spi"], 0x2001);
}

/// Root of another network namespace writes a port into its requests, which may be the number of any process of this host.
#[test]
fn a_process_of_another_namespace_is_not_blamed() {
    let (own, other) = (Host::new("own"), Host::new("other"));
    other.load(SA);
    let monitor = Monitor::start(&own, "--all-netns");
    sleep(Duration::from_secs(3));
    // `XFRM_MSG_FLUSHSA` of all protocols (linux/xfrm.h).
    let flush = format!(
        "import socket, struct\ns = socket.socket(16, 3, 6)\n\
         s.send(struct.pack('=IHHII4x', 20, 0x1c, 5, 1, {}))\ns.recv(8192)",
        std::process::id()
    );
    let mut python = other.command("python3");
    scenarios::Outcome::success(python.args(["-c", &flush]));
    let events = monitor.until_marker(&own);
    let there = of(&events, Some(&other));
    let flushed = there.iter().find(|event| event["event"] == "flushed").expect("an event");
    assert_eq!(flushed["by"]["port"], std::process::id(), "{flushed}");
    assert!(flushed["by"].get("program").is_none(), "{flushed}");
}
