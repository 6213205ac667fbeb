//! The tables of the peer, as a script and as JSON.

use std::io::Write;

use scenarios::{Pair, ipsecctl};
use tempfile::NamedTempFile;

use super::{Diagnosis, KEYS};

fn pair(of_b: &str) -> Pair {
    let pair = Pair::without_sas();
    let sas = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 {KEYS}; add 192.0.2.2 192.0.2.1 esp 0x1002 {KEYS};"
    );
    for (host, [own, other], sas) in [
        (&pair.a, ["192.0.2.1", "192.0.2.2"], sas.as_str()),
        (&pair.b, ["192.0.2.2", "192.0.2.1"], of_b),
    ] {
        host.load(sas);
        host.load(&format!(
            "spdadd {own} {other} any -P out ipsec esp/transport//require;
            spdadd {other} {own} any -P in ipsec esp/transport//require;"
        ));
    }
    pair
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("a temporary file");
    file
}

/// What the second host prints, as a script and as JSON.
fn dumps(pair: &Pair) -> [NamedTempFile; 2] {
    let script = pair.b.setkey("-D --script").stdout + &pair.b.setkey("-DP --script").stdout;
    let json =
        pair.b.ipsecctl("show sas --json").stdout + &pair.b.ipsecctl("show policies --json").stdout;
    [script, json].map(|text| file(&text))
}

fn sas(spi: &str, keys: &str) -> String {
    format!("add 192.0.2.1 192.0.2.2 esp {spi} {keys}; add 192.0.2.2 192.0.2.1 esp 0x1002 {keys};")
}

#[test]
fn ends_that_mirror_one_another() {
    let pair = pair(&sas("0x1001", KEYS));
    for dump in dumps(&pair) {
        Diagnosis::of(&pair.a, &format!("--peer {}", dump.path().display())).is_silent();
    }
}

#[test]
fn another_spi() {
    let pair = pair(&sas("0x1009", KEYS));
    for dump in dumps(&pair) {
        Diagnosis::of(&pair.a, &format!("--peer {}", dump.path().display())).names(
            "peer-lacks-sa",
            &["does not have esp 0x1001", "there is 0x1009", "add 192.0.2.1 192.0.2.2 esp 0x1001"],
        );
    }
}

/// Keys are compared with a script, which has them. They are not printed.
#[test]
fn other_keys() {
    let other = KEYS.replace("sixteen", "another");
    let pair = pair(&sas("0x1001", &other));
    let [script, json] = dumps(&pair);
    let diagnosis = Diagnosis::of(&pair.a, &format!("--peer {}", script.path().display()));
    diagnosis.names("peer-sa", &["is not the same at the peer", "keys differ"]);
    for key in ["sixteen", "7369787465656e", "another", "616e6f74686572"] {
        assert!(!diagnosis.text.contains(key), "{}", diagnosis.text);
    }
    Diagnosis::of(&pair.a, &format!("--peer {}", json.path().display())).is_silent();
}

#[test]
fn a_missing_policy() {
    let pair = pair(&sas("0x1001", KEYS));
    assert_eq!(pair.b.setkey("-FP").status, 0);
    for dump in dumps(&pair) {
        Diagnosis::of(&pair.a, &format!("--peer {}", dump.path().display()))
            .names("peer-lacks-policy", &["the peer has no", "at the peer: spdadd"]);
    }
}

/// ssh(1) is given fixed arguments and a host. The one of this test prints what the peer has.
#[test]
fn by_ssh() {
    let pair = pair(&sas("0x1009", KEYS));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [_, json] = dumps(&pair);
    let ssh = format!(
        "#!/bin/sh\necho \"$@\" >{0}/arguments\nprintf '\\033[31mred\\n' >&2\ncat {1}\n",
        directory.path().display(),
        json.path().display()
    );
    let path = directory.path().join("ssh");
    std::fs::write(&path, ssh).expect("a script");
    scenarios::Outcome::success(std::process::Command::new("chmod").arg("+x").arg(&path));
    let mut command = pair.a.command("env");
    command.arg(format!("PATH={}:/usr/sbin:/usr/bin:/sbin:/bin", directory.path().display()));
    command.arg(ipsecctl()).args(["diagnose", "--seconds=1", "--peer=ssh:root@b"]);
    let outcome = scenarios::Outcome::of(&mut command);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(outcome.stdout.starts_with("The peer does not have esp 0x1001"), "{outcome:?}");
    // Whatever the peer prints.
    assert!(outcome.stderr.contains("ipsecctl: \\u{1b}[31mred\n"), "{outcome:?}");
    let arguments = std::fs::read_to_string(directory.path().join("arguments")).expect("it ran");
    assert!(arguments.contains("-- root@b ipsecctl show sas --json"), "{arguments}");
}
