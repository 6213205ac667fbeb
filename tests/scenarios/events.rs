//! `ipsecctl monitor` reports every event, or that some were lost and what has changed meanwhile.

mod namespaces;

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::{self, File},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use scenarios::{Host, ipsecctl, linked_hosts};
use serde_json::Value;
use tempfile::TempDir;

const SA: &str =
    "add 192.0.2.1 192.0.2.2 esp 0x1001 -E null -A hmac-sha1 \"hmac-sha1 from a - b\";";
const MARKER: u32 = 0xfeed;

/// A monitor that writes JSON to a file.
struct Monitor {
    process: Child,
    directory: TempDir,
}

impl Monitor {
    fn start(host: &Host, words: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = File::create(directory.path().join("events")).expect("a file");
        let mut command = host.command(ipsecctl());
        let command = command.args(["monitor", "--json"]).args(words.split_whitespace());
        let process = command.stdout(file).spawn().expect("it runs");
        let monitor = Self { process, directory };
        // Until it has opened its socket, what happens is not reported.
        for number in 1.. {
            host.load(&format!("add 203.0.113.1 203.0.113.2 esp {} -E null;", 0xf000 + number));
            sleep(Duration::from_millis(100));
            if !monitor.lines().is_empty() {
                break;
            }
            assert!(number < 200, "it reports nothing");
        }
        host.load("deleteall 203.0.113.1 203.0.113.2 esp;");
        monitor
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("events")).expect("its output");
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let event = |line| serde_json::from_str::<Value>(line).expect("JSON")["event"].clone();
        lines.map(event).collect()
    }

    /// All events until one of the marker.
    fn until_marker(&self, host: &Host) -> Vec<Value> {
        host.load(&format!("add 192.0.2.1 192.0.2.9 esp {MARKER} -E null;"));
        self.until(|events| events.iter().any(|event| event["sa"]["spi"] == MARKER))
    }

    fn until(&self, has_come: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let begin = Instant::now();
        loop {
            let events = self.lines();
            if has_come(&events) {
                return events;
            }
            assert!(begin.elapsed() < Duration::from_secs(120), "{:?}", events.last());
            sleep(Duration::from_millis(200));
        }
    }

    fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args(["-s", name, &self.process.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The SPIs that there are after these events, beginning with none.
fn spis_after(events: &[Value]) -> BTreeSet<u64> {
    let mut spis = BTreeSet::new();
    for event in events {
        // Those of the start may have been there before.
        let spi = event["sa"]["spi"].as_u64().filter(|spi| !(0xf000..0xf100).contains(spi));
        match (event["event"].as_str(), spi) {
            (Some("new"), Some(spi)) => assert!(spis.insert(spi), "{event}"),
            (Some("deleted"), Some(spi)) => assert!(spis.remove(&spi), "{event}"),
            (Some("flushed"), _) => spis.clear(),
            _ => {}
        }
    }
    spis
}

fn spis_of_kernel(host: &Host) -> BTreeSet<u64> {
    let sas =
        serde_json::from_str::<Value>(&host.ipsecctl("show sas --json").stdout).expect("JSON");
    let sas = sas["sas"].as_array().expect("a list").iter();
    sas.map(|sa| sa["spi"].as_u64().expect("an SPI")).collect()
}

fn count(events: &[Value], name: &str) -> usize {
    events.iter().filter(|event| event["event"] == name).count()
}

#[test]
fn each_change_is_reported_without_keys() {
    let [a, _b] = linked_hosts();
    let monitor = Monitor::start(&a, "");
    a.load(SA);
    a.load("spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;");
    assert!(!a.ping("192.0.2.2"));
    a.load("spdupdate 192.0.2.1 192.0.2.2 any -P out ipsec ah/transport//require;");
    assert!(!a.ping("192.0.2.2"));
    a.load("spddelete 192.0.2.1 192.0.2.2 any -P out; delete 192.0.2.1 192.0.2.2 esp 0x1001;");
    a.load("add 192.0.2.1 192.0.2.3 ah 0x1002 -ls 1 -lh 2 -A hmac-md5 \"sixteen byte key\";");
    sleep(Duration::from_secs(3));
    a.ip("xfrm state flush proto ah");
    let events = monitor.until_marker(&a);
    let find = |name: &str, pointer: &str, value: &Value| {
        let fits = |event: &&Value| event["event"] == name && event.pointer(pointer) == Some(value);
        events.iter().find(fits).unwrap_or_else(|| panic!("{name} {pointer} {value}: {events:#?}"))
    };
    let new = find("new", "/sa/spi", &0x1001.into());
    assert!(new["by"]["program"].as_str().is_none_or(|name| name == "setkey"), "{new}");
    assert!(new["by"]["port"].as_u64() > Some(0), "{new}");
    find("count", "/spi", &0x1001.into());
    find("new", "/policy/direction", &"out".into());
    let updated = find("updated", "/policy/direction", &"out".into());
    let member = &updated["changed"][0];
    assert_eq!(member["member"], "templates[0].protocol", "{updated}");
    assert_eq!((&member["before"], &member["after"]), (&"\"esp\"".into(), &"\"ah\"".into()));
    find("acquire", "/protocol", &"ah".into());
    find("deleted", "/policy/direction", &"out".into());
    find("deleted", "/sa/spi", &0x1001.into());
    find("expired", "/hard", &false.into());
    find("expired", "/hard", &true.into());
    let text = format!("{events:?}");
    for key in ["686d61632d73686131", "73697874656e", "sixteen", "hmac-sha1 from"] {
        assert!(!text.contains(key), "{key}");
    }
}

#[test]
fn filters_select_events() {
    let host = Host::new("host");
    let monitor = Monitor::start(&host, "--dst 203.0.113.0/24 --proto esp");
    let before = monitor.lines().len();
    host.load(SA);
    host.load("add 203.0.113.1 203.0.113.2 esp 0x2001 -E null;");
    sleep(Duration::from_secs(1));
    let events = monitor.lines().split_off(before.min(monitor.lines().len()));
    let spis = events.iter().filter_map(|event| event["sa"]["spi"].as_u64());
    let spis = spis.filter(|spi| *spi < 0xf000).collect::<Vec<_>>();
    assert_eq!(spis, [0x2001]);
}

/// As fast as setkey can, for some seconds.
#[test]
fn a_flood_is_reported_or_named_as_a_gap() {
    let host = Host::new("host");
    let monitor = Monitor::start(&host, "");
    let each = |statement: &dyn Fn(u32) -> String| {
        (0..10_000).fold(String::new(), |mut script, number| {
            writeln!(script, "{}", statement(0x10000 + number)).expect("a String takes it");
            script
        })
    };
    let add = each(&|spi| format!("add 192.0.2.1 192.0.2.2 esp {spi} -E null;"));
    let delete = each(&|spi| format!("delete 192.0.2.1 192.0.2.2 esp {spi};"));
    let begin = Instant::now();
    for script in [&add, &delete, &add] {
        host.load(script);
    }
    let changes = 30_000_u16;
    let rate = u128::from(changes) * 1000 / begin.elapsed().as_millis().max(1);
    let events = monitor.until_marker(&host);
    let (lost, recovered) = (count(&events, "lost"), count(&events, "recovered"));
    let reported = count(&events, "new") + count(&events, "deleted");
    println!("{changes} changes, {rate} a second: {reported} events, {lost} gaps");
    assert_eq!(lost, recovered);
    assert_eq!(spis_after(&events), spis_of_kernel(&host));
    // Those of the start are the marker and what its beginning took.
    assert!(lost > 0 || reported >= usize::from(changes), "{reported} of {changes}");
}

/// More events than a monitor's socket has room for; the last SA before them is deleted.
fn overflow(host: &Host) {
    let script = (0..12_000).fold(String::new(), |mut script, number| {
        writeln!(script, "add 192.0.2.1 192.0.2.2 esp {} -E null;", 0x10000 + number)
            .expect("a String takes it");
        script
    });
    host.load(&script);
    host.load("delete 192.0.2.1 192.0.2.2 esp 0x2001;");
}

/// A reader that does not read for a while.
#[test]
fn a_gap_is_healed() {
    let host = Host::new("host");
    let monitor = Monitor::start(&host, "");
    host.load("add 192.0.2.1 192.0.2.2 esp 0x2001 -E null;");
    monitor.signal("STOP");
    overflow(&host);
    monitor.signal("CONT");
    let events = monitor.until_marker(&host);
    println!("{} events, {} gaps", events.len(), count(&events, "lost"));
    assert!(count(&events, "lost") > 0);
    assert_eq!(count(&events, "lost"), count(&events, "recovered"));
    assert_eq!(spis_after(&events), spis_of_kernel(&host));
    let is_seen_again = |event: &&Value| event["was_lost"] == true && event["event"] == "deleted";
    let deleted = events.iter().find(is_seen_again).expect("a deletion");
    assert_eq!(deleted["sa"]["spi"], 0x2001);
}
