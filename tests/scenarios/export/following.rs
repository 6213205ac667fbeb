//! `--follow` appends the SAs that come, also those whose events were lost.

use std::{fs, path::Path, thread::sleep, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use scenarios::{Host, eventually, ipsecctl};
use tempfile::TempDir;

use crate::daemon::memory::copies_of;

/// SAs whose events the socket of a stopped process has no room for, with the window that makes an event longest.
const MANY: u32 = 6_000;
const WINDOW: &str = "-r 4096";

#[test]
fn what_comes_is_appended_and_a_gap_is_healed() {
    let host = Host::new("host");
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("esp_sa");
    let sa = |spi: u32, key: &str| {
        format!("add 192.0.2.1 192.0.2.2 esp {spi:#x} {WINDOW} -E aes-cbc \"{key}\";\n")
    };
    host.load(&sa(0x1000, "sixteen byte key"));
    let mut export = host.command(ipsecctl());
    export.args(["export", "--to", "wireshark", "--follow", "-o"]).arg(&file);
    let mut export = export.spawn().expect("it runs");
    wait_for(&file, 1);
    // Another key is another line, and the same one is not.
    host.load("deleteall 192.0.2.1 192.0.2.2 esp;");
    host.load(&sa(0x1000, "another byte key"));
    wait_for(&file, 2);

    let pid = Pid::from_child(&export);
    kill_process(pid, Signal::STOP).expect("it is stopped");
    host.load(&(0..MANY).map(|it| sa(0x2000 + it, "sixteen byte key")).collect::<String>());
    kill_process(pid, Signal::CONT).expect("it goes on");
    wait_for(&file, 2 + MANY as usize);
    host.load(&sa(0x1001, "sixteen byte key"));
    wait_for(&file, 3 + MANY as usize);
    let text = fs::read_to_string(&file).expect("the file");
    for it in 0..MANY {
        let spi = format!("\"{:#010x}\"", 0x2000 + it);
        assert_eq!(text.matches(&spi).count(), 1, "{spi}");
    }
    let _ = export.kill();
    let _ = export.wait();
    assert!(text.contains("# events were lost"), "the socket has room for {MANY} events");
}

/// The keys that were written do not stay in memory for as long as it follows.
#[test]
fn no_key_stays_in_memory() {
    let host = Host::new("host");
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("esp_sa");
    let keys = ["KeYoFtHeFiRsTsA1", "kEyOfThEsEcOnDsA"];
    let sa = |number: usize| {
        format!("add 192.0.2.1 192.0.2.2 esp 0x100{number} -E aes-cbc \"{}\";", keys[number])
    };
    host.load(&sa(0));
    let mut export = host.command(ipsecctl());
    export.args(["export", "--to", "wireshark", "--follow", "-o"]).arg(&file);
    let mut export = export.spawn().expect("it runs");
    wait_for(&file, 1);
    host.load(&sa(1));
    wait_for(&file, 2);
    sleep(Duration::from_secs(1));
    // In the file, keys are in hexadecimal.
    let digits =
        keys.map(|key| key.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat());
    let text = fs::read_to_string(&file).expect("the file");
    assert!(digits.iter().all(|digits| text.contains(digits)), "{text}");
    let of = |text: &str| copies_of(text.as_bytes(), Pid::from_child(&export));
    let copies = [of(keys[0]), of(keys[1]), of(&digits[0]), of(&digits[1])];
    let _ = export.kill();
    let _ = export.wait();
    assert_eq!(copies, [[""; 0]; 4]);
}

fn lines(file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter(|line| line.starts_with('"')).count()
}

fn wait_for(file: &Path, count: usize) {
    eventually("the SAs are appended", || lines(file) >= count);
    assert_eq!(lines(file), count);
}
