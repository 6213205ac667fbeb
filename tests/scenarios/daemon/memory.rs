//! No key stays in the memory of ipsecd, and none goes to a core dump or to its log.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::{fs::FileExt, process::ExitStatusExt},
    process::{ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use scenarios::{Daemon, Host, Outcome, preload, setkey};
use tempfile::NamedTempFile;

use super::TUNNEL;

/// The key of the SAs, in hexadecimal: nothing else in the process has eight bytes of it in a row.
const KEY: &str = "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef";

/// Bytes of the key that are looked for: a wiped copy has none of them.
const PIECE: usize = 8;

/// Bytes of a page.
const PAGE: usize = 4096;

/// How long a key may be in memory after the last message that contains it.
const A_SECOND: Duration = Duration::from_secs(1);

/// A program with a socket of the service that receives all messages, answers and broadcasts, and keeps
/// its connection until its standard input ends.
const PROMISCUOUS: &str = "import socket, struct, sys
s = socket.socket(15, socket.SOCK_RAW, 2)
for type, satype in (7, 3), (11, 1):
    s.send(struct.pack('=BBBBHHII', 2, type, 0, satype, 2, 0, 1, 0))
    s.recv(1 << 16)
print('ready', flush=True)
sys.stdin.read()";

/// Runs setkey on this script as a client of the PF_KEY service.
fn load_by_pf_key(host: &Host, script: &str) {
    let file = NamedTempFile::new().expect("a temporary file");
    fs::write(&file, script).expect("a script");
    let loaded = host.setkey_file("--pfkey", file.path());
    assert_eq!((loaded.status, loaded.stdout.as_str()), (0, ""), "{loaded:?}");
}

fn add(spi: u32) -> String {
    format!(
        "add 192.0.2.1 192.0.2.2 esp {spi} -m tunnel -E aes-cbc 0x{KEY} -A hmac-sha256 0x{KEY};"
    )
}

fn copies(pid: Pid) -> Vec<String> {
    copies_of(&bytes(KEY), pid)
}

/// Where a process has a piece of a key in its memory.
pub(crate) fn copies_of(key: &[u8], pid: Pid) -> Vec<String> {
    let pieces: Vec<_> = key.chunks(PIECE).collect();
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its mappings");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("its memory");
    let mut found = Vec::new();
    for mapping in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) =
            mapping.split_once(' ').expect("a range").0.split_once('-').expect("two");
        let [start, end] = [start, end].map(|at| u64::from_str_radix(at, 16).expect("an address"));
        let mut content = vec![0; usize::try_from(end - start).expect("it fits")];
        // What cannot be read belongs to the kernel.
        if memory.read_exact_at(&mut content, start).is_err() {
            continue;
        }
        // Most pages were never used.
        for (page, bytes) in content.chunks(PAGE).enumerate().filter(|(_, page)| *page != [0; PAGE])
        {
            let in_page = bytes.windows(PIECE).enumerate();
            let in_page = in_page.filter(|(_, window)| pieces.contains(window));
            found.extend(in_page.map(|(at, _)| format!("{at:#x} of page {page} of {mapping}")));
        }
    }
    found
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
}

#[test]
fn no_key_stays_in_memory() {
    let host = Host::new("host");
    let daemon = Daemon::begin(&host, "-vv");
    daemon.wait_for_news("READY=1");
    let mut command = host.command("python3");
    command.env("LD_PRELOAD", preload()).env("XFRM_TOOLS_PFKEY", "service");
    command.args(["-u", "-c", PROMISCUOUS]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = command.spawn().expect("python3 runs");
    client.stdout.take().expect("it is piped").read_exact(&mut [0; 6]).expect("it is ready");

    // An SA that a template refers to is read by the reconciler, one that is dumped by the service.
    let policy = format!("spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec {TUNNEL};");
    load_by_pf_key(&host, &(policy + &add(0x1001)));
    thread::sleep(A_SECOND);
    assert_eq!(copies(daemon.pid()), [""; 0], "after an ADD");
    // Few enough that the kernel takes all that the client does not read.
    load_by_pf_key(&host, &(0x2000..0x2008).map(add).collect::<Vec<_>>().join("\n"));
    Outcome::success(host.command(setkey()).args(["--pfkey", "-D"]));
    Outcome::success(host.command(setkey()).args(["-F"]));
    thread::sleep(A_SECOND);
    assert_eq!(copies(daemon.pid()), [""; 0], "after dumps and a flush");
    let log = daemon.log();
    assert!(log.contains("SaAdded"), "the level is that of events: {log}");
    for digits in [&KEY[..16], "b7, e1, 51", "183, 225, 81"] {
        assert!(!log.contains(digits), "{digits} in the log");
    }
    client.kill().expect("it is there");
    client.wait().expect("it ends");
}

/// Ends a process by a signal that makes a core dump, whatever its limit was.
fn abort(pid: Pid) {
    let unlimited = Rlimit { current: None, maximum: None };
    let before = prlimit(Some(pid), Resource::Core, unlimited).expect("root may");
    assert_eq!((before.current, before.maximum), (Some(0), Some(0)), "the limit of core dumps");
    kill_process(pid, Signal::ABORT).expect("it is there");
}

fn assert_not_dumped(status: ExitStatus) {
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped(), "there is a core dump");
}

#[test]
fn no_core_is_dumped() {
    let host = Host::new("host");
    let mut daemon = Daemon::start(&host);
    abort(daemon.pid());
    assert_not_dumped(daemon.wait());

    let mut command = host.command(setkey());
    command.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut setkey = command.spawn().expect("it runs");
    writeln!(setkey.stdin.as_mut().expect("it is piped"), "dump;").expect("it reads");
    let mut result = [0; 16];
    setkey.stdout.as_mut().expect("it is piped").read_exact(&mut result).expect("an answer");
    assert_eq!(&result, b"No SAD entries.\n");
    abort(Pid::from_child(&setkey));
    assert_not_dumped(setkey.wait().expect("it ends"));
}
