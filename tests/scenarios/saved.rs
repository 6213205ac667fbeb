//! `ipsecctl save` and `ipsecctl restore`: after a restart traffic goes on, no sequence number is sent twice, and what was
//! received before is not accepted again.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use scenarios::{Host, Outcome, Packet, Wire, ipsecctl, linked_hosts};
use serde_json::Value;
use tempfile::TempDir;

use super::manual;

/// Two hosts and a folder. Between 192.0.2.1 and 192.0.2.2 is a cipher with initialization vectors of its own, between
/// 198.51.100.1 and 198.51.100.2 one in counter mode, with ESN.
struct Lab {
    a: Host,
    b: Host,
    folder: TempDir,
}

const SAS: &str = r#"
    add 192.0.2.1 192.0.2.2 esp 0x1001 -r 32 -ph 50 -ps 45 -E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!";
    add 192.0.2.2 192.0.2.1 esp 0x1002 -r 32 -E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!";
    add 198.51.100.1 198.51.100.2 esp 0x2001 -r 64 -esn -E aes-gcm-16 "sixteen byte keysalt";
    add 198.51.100.2 198.51.100.1 esp 0x2002 -r 64 -esn -E aes-gcm-16 "sixteen byte keysale";
"#;

impl Lab {
    fn new() -> Self {
        let [a, b] = linked_hosts();
        a.ip("addr add 198.51.100.1/24 dev b");
        b.ip("addr add 198.51.100.2/24 dev a");
        for (host, own, other) in [(&a, 1, 2), (&b, 2, 1)] {
            host.load(SAS);
            for network in ["192.0.2", "198.51.100"] {
                host.load(&format!(
                    "spdadd {network}.{own} {network}.{other} any -P out ipsec esp/transport//require;
                    spdadd {network}.{other} {network}.{own} any -P in ipsec esp/transport//require;"
                ));
            }
        }
        Self { a, b, folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Both networks, so many packets.
    fn ping(&self, count: usize) {
        assert!(self.a.ping(&format!("-c {count} -i 0.01 192.0.2.2")));
        assert!(self.a.ping(&format!("-c {count} -i 0.01 198.51.100.2")));
    }
}

fn run(host: &Host, words: &str, path: &Path) -> Outcome {
    let mut command = host.command(ipsecctl());
    Outcome::of(command.args(words.split_whitespace()).arg(path))
}

fn assert_done(outcome: &Outcome, line: &str) {
    assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (0, line, ""), "{outcome:?}");
}

fn flush_sas(host: &Host) {
    host.load("flush;");
    assert!(!host.show("xfrm state").contains("spi"));
}

/// The SPI and the sequence number of ESP packets; no two are the same.
fn numbers(packets: &[Packet]) -> HashSet<(u32, u32)> {
    let numbers = packets.iter().filter_map(|packet| packet.spi.zip(packet.sequence));
    let numbers: Vec<(u32, u32)> = numbers.collect();
    let distinct: HashSet<(u32, u32)> = numbers.iter().copied().collect();
    assert_eq!(distinct.len(), numbers.len(), "a sequence number was sent twice: {numbers:?}");
    distinct
}

/// A member of an SA of `ipsecctl show sas --json`.
fn member(host: &Host, spi: u32, name: &str) -> Value {
    let shown: Value =
        serde_json::from_str(&host.ipsecctl("show sas --json").stdout).expect("JSON");
    let sas = shown["sas"].as_array().expect("SAs");
    sas.iter().find(|sa| sa["spi"] == spi).expect("the SA")[name].clone()
}

#[test]
fn traffic_goes_on_and_no_number_is_sent_twice() {
    let lab = Lab::new();
    let wire = Wire::leaving(&lab.a, "b");
    let file = lab.path("sas");
    lab.ping(10);
    assert_done(&run(&lab.a, "save", &file), "saved 4 SAs and 0 policies\n");
    let mode = fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let added = member(&lab.a, 0x1001, "added");
    // Numbers that the file does not know.
    lab.ping(5);
    flush_sas(&lab.a);

    // Of a counter mode it has to be given how many may have been used.
    let outcome = run(&lab.a, "restore", &file);
    assert_eq!((outcome.status, &*outcome.stdout), (2, ""), "{outcome:?}");
    assert!(outcome.stderr.contains("the esp SA with SPI 0x2001"), "{outcome:?}");
    assert!(
        !outcome.stderr.contains("0x1001") && !outcome.stderr.contains("0x2002"),
        "{outcome:?}"
    );
    assert!(outcome.stderr.ends_with("nothing was changed\n"), "{outcome:?}");
    assert!(!lab.a.show("xfrm state").contains("spi"));

    let outcome = run(&lab.a, "restore --gap 1000", &file);
    assert_done(&outcome, "restored 4 SAs and 0 policies\n");
    assert_eq!(member(&lab.a, 0x1001, "added"), added);
    lab.ping(10);
    let sent = numbers(&wire.received());
    for spi in [0x1001, 0x2001] {
        let of_spi = |number: &u32| sent.contains(&(spi, *number));
        assert!((1..=15).all(|number| of_spi(&number)), "{sent:?}");
        assert!((1011..=1020).all(|number| of_spi(&number)), "{sent:?}");
        assert_eq!(sent.iter().filter(|(of, _)| *of == spi).count(), 25, "{sent:?}");
    }
    // Limits go on counting from what was saved: 10 and 10 packets of 50.
    assert_eq!(member(&lab.a, 0x1001, "packets"), 20);
    assert!(lab.a.ping("-c 30 -i 0.01 192.0.2.2"));
    assert!(!lab.a.ping("-c 2 -i 0.1 -W 1 192.0.2.2"));

    // Once, also by another name.
    flush_sas(&lab.a);
    let copy = lab.path("copy");
    fs::copy(&file, &copy).expect("a copy");
    for path in [&file, &copy] {
        let outcome = run(&lab.a, "restore --gap 1000", path);
        assert_eq!(outcome.status, 1);
        assert!(outcome.stderr.contains("it was restored before"), "{outcome:?}");
    }
    assert!(!lab.a.show("xfrm state").contains("spi"));
}

/// Sends captured frames again.
pub fn send_again(host: &Host, packets: &[Packet]) {
    // Without modules that take long to load: AF_PACKET, SOCK_RAW.
    let script = "import _socket, sys
s = _socket.socket(17, 3)
s.bind(('b', 0))
for frame in sys.argv[1:]:
    s.send(bytes.fromhex(frame))";
    let frames = packets.iter().map(|packet| {
        packet.frame.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    });
    let mut command = host.command("/usr/bin/python3");
    let outcome = Outcome::of(command.args(["-ISc", script]).args(frames));
    assert_eq!(outcome.status, 0, "{outcome:?}");
}

#[test]
fn the_examples_of_the_manual() {
    let lab = Lab::new();
    let run = |verb: &str, line: &str| {
        for example in manual::examples(verb) {
            let folder = lab.folder.path().to_str().expect("a path");
            let words = example.replace("ipsecctl ", "").replace("/var/lib", folder);
            assert_done(&lab.a.ipsecctl(&words), line);
        }
    };
    run("ipsecctl save", "saved 4 SAs and 0 policies\n");
    flush_sas(&lab.a);
    run("ipsecctl restore", "restored 4 SAs and 0 policies\n");
    lab.ping(2);
}

/// The higher half of a sequence number is saved, put forward and restored, at both ends.
#[test]
fn sequence_numbers_pass_32_bits() {
    const LAST: u64 = u32::MAX as u64;
    const GAP: u64 = 1 << 31;
    let [a, b] = linked_hosts();
    // Packet 6 is the first whose number has a higher half.
    let sas = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -r 64 -esn NUMBER {0} -E aes-gcm-16 \"sixteen byte keysalt\";
        add 192.0.2.2 192.0.2.1 esp 0x1002 -r 64 -esn -E aes-gcm-16 \"sixteen byte keysale\";",
        LAST - 5
    );
    for (host, number, [out, inward]) in [(&a, "-oseq", ["1", "2"]), (&b, "-seq", ["2", "1"])] {
        host.load(&sas.replace("NUMBER", number));
        host.load(&format!(
            "spdadd 192.0.2.{out} 192.0.2.{inward} any -P out ipsec esp/transport//require;
            spdadd 192.0.2.{inward} 192.0.2.{out} any -P in ipsec esp/transport//require;"
        ));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let restored_with = |gap: u64| {
        for (host, name) in [(&a, "a"), (&b, "b")] {
            let file = folder.path().join(format!("{name}-{gap}"));
            assert_done(&run(host, "save", &file), "saved 2 SAs and 0 policies\n");
            flush_sas(host);
            let outcome = run(host, &format!("restore --gap {gap}"), &file);
            assert_done(&outcome, "restored 2 SAs and 0 policies\n");
        }
    };
    let sequence = |host: &Host, spi: u32, of: &str| member(host, spi, "sequence")[of].as_u64();
    assert!(a.ping("-c 3 -i 0.01 192.0.2.2"));
    assert_eq!(sequence(&a, 0x1001, "sent"), Some(LAST - 2));
    assert_eq!(sequence(&b, 0x1001, "received"), Some(LAST - 2));
    // The gap passes them, then packets do, and then both are behind.
    restored_with(1);
    assert_eq!(sequence(&a, 0x1001, "sent"), Some(LAST - 1));
    assert!(a.ping("-c 5 -i 0.01 192.0.2.2"));
    assert_eq!(sequence(&a, 0x1001, "sent"), Some(LAST + 4));
    assert_eq!(sequence(&b, 0x1001, "received"), Some(LAST + 4));
    // The largest gap: the receiver concludes from the lower half that the higher one is another, or is not.
    for round in 1..=4 {
        restored_with(GAP);
        assert!(a.ping("-c 5 -i 0.01 192.0.2.2"), "{round}");
        let expected = Some(LAST + 4 + round * (GAP + 5));
        assert_eq!(sequence(&a, 0x1001, "sent"), expected);
        assert_eq!(sequence(&b, 0x1001, "received"), expected);
    }
    let file = folder.path().join("a-1");
    let outcome = run(&a, &format!("restore --gap {}", GAP + 1), &file);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(outcome.stderr.contains("2147483649 is not in 0..=2147483648"), "{outcome:?}");
}

#[test]
fn what_was_received_before_is_dropped() {
    let lab = Lab::new();
    let wire = Wire::leaving(&lab.a, "b");
    lab.ping(10);
    let packets: Vec<Packet> = wire.packets(20);
    let file = lab.path("sas");
    assert_done(&run(&lab.b, "save --policies", &file), "saved 4 SAs and 6 policies\n");
    lab.b.load("flush; spdflush;");
    // In the other network namespace it is as if the files of a machine were restored in a new one.
    assert_done(&run(&lab.b, "restore --gap 100", &file), "restored 4 SAs and 6 policies\n");
    let answers = Wire::leaving(&lab.b, "a");
    send_again(&lab.a, &packets);
    for spi in [0x1001, 0x2001] {
        let dropped = member(&lab.b, spi, "dropped");
        let replayed = dropped["replay"].as_u64().unwrap_or(0);
        let old = dropped["replay_window"].as_u64().unwrap_or(0);
        assert_eq!(replayed + old, 10, "{dropped}");
    }
    assert_eq!(answers.received(), []);
    lab.ping(5);
}

#[test]
fn what_is_there_is_not_overwritten_and_a_refusal_is_undone() {
    let lab = Lab::new();
    let file = lab.path("sas");
    assert_done(&run(&lab.a, "save --spi 0x1001", &file), "saved 1 SA and 0 policies\n");
    let outcome = run(&lab.a, "restore", &file);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert_eq!(
        outcome.stderr,
        "ipsecctl: left out: the esp SA with SPI 0x1001 to 192.0.2.2: it is there\nipsecctl: nothing was changed\n"
    );
    assert_done(&run(&lab.a, "save --policies", &file), "saved 4 SAs and 6 policies\n");
    // The kernel has no such device any more: it refuses a part.
    lab.a.ip("link add wire type dummy
        xfrm policy add src 10.8.0.0/16 dst 10.9.0.0/16 dev wire dir out");
    let devices = lab.path("devices");
    assert_done(&run(&lab.a, "save --policies", &devices), "saved 4 SAs and 7 policies\n");
    lab.a.load("flush; spdflush;");
    lab.a.ip("link del wire");
    let outcome = run(&lab.a, "restore --gap 1", &devices);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("a device that it names is missing"), "{outcome:?}");
    assert!(!lab.a.show("xfrm state").contains("spi"));
    let outcome = run(&lab.a, "restore --json --gap 1", &file);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let restored: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let expected = serde_json::json!({"sas": 4, "policies": 6, "gap": 1});
    assert_eq!(restored["restored"], expected);
    lab.ping(3);
}

#[test]
fn a_file_is_its_owners_alone_and_whole() {
    let lab = Lab::new();
    let file = lab.path("sas");
    let save = || assert_done(&run(&lab.a, "save", &file), "saved 4 SAs and 0 policies\n");
    save();
    flush_sas(&lab.a);
    let refused = |path: &Path, reason: &str| {
        let outcome = run(&lab.a, "restore --gap 1", path);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.contains(reason), "{outcome:?}");
        assert!(!lab.a.show("xfrm state").contains("spi"));
    };
    let chmod = |mode| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode");
    };
    for mode in [0o640, 0o602] {
        chmod(mode);
        refused(&file, "other users may read or write it");
    }
    chmod(0o600);
    let bytes = fs::read(&file).expect("the file");
    for place in [25, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        fs::write(&file, &damaged).expect("a file");
        refused(&file, "it is damaged");
    }
    for length in [0, 5, 17, 19, 40, bytes.len() - 1] {
        fs::write(&file, &bytes[..length]).expect("a file");
        refused(&file, if length < 16 { "it is no file of" } else { "it is damaged" });
    }
    fs::write(&file, &bytes).expect("a file");
    let link = lab.path("link");
    symlink(&file, &link).expect("a link");
    refused(&link, "Too many levels of symbolic links");
    refused(lab.folder.path(), "");
    // A link is replaced, and not followed.
    lab.a.load(SAS);
    assert_eq!(run(&lab.a, "save", &link).status, 0);
    assert!(fs::symlink_metadata(&link).expect("it is there").is_file());
    assert_eq!(fs::read(&file).expect("the file"), bytes);
    let names = fs::read_dir(lab.folder.path()).expect("the folder").count();
    assert_eq!(names, 2, "nothing else is left");
}
