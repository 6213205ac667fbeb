//! setkey that waits for its next statement has no key of those before in its memory.

use std::{
    io::Write,
    process::{ChildStdin, Stdio},
    thread,
    time::Duration,
};

use rustix::process::Pid;
use scenarios::{Host, setkey};

use crate::daemon::memory::copies_of;

const KEY: &[u8; 32] = b"\xb7\xe1\x51\x62\x8a\xed\x2a\x6a\xbf\x71\x58\x80\x9c\xf4\xf3\xc7\
    \x62\xe7\x16\x0f\x38\xb4\xda\x56\xa7\x84\xd9\x04\x51\x90\xcf\xef";
const DIGITS: &str = "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef";
const TEXT: &str = "Ooth3eiTh0eiF7ohLae2ieSh";

/// How long statements take at most.
const A_SECOND: Duration = Duration::from_secs(1);

#[test]
fn setkey_that_waits_keeps_no_key() {
    let host = Host::new("waiting");
    let mut command = host.command(setkey());
    command.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waiting = command.spawn().expect("setkey runs");
    let mut input = waiting.stdin.take().expect("it is a pipe");
    let process = Pid::from_child(&waiting);
    for statement in [
        // The SA is added and printed.
        format!("add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc 0x{DIGITS};"),
        "get 192.0.2.1 192.0.2.2 esp 0x1000;".to_owned(),
        "dump;".to_owned(),
        format!("add 192.0.2.1 192.0.2.2 esp 0x1001 -E 3des-cbc \"{TEXT}\";"),
        // Mistakes, of which the parser makes guesses.
        format!("add 192.0.2.1 192.0.2.2 esp 0x1002 -E aes-cbc {DIGITS};"),
        format!("add 192.0.2.1 192.0.2.2 esp 0x1003 -E aes-cbc 0x{DIGITS}00;"),
        format!("ad 192.0.2.1 192.0.2.2 esp 0x1004 -E 3des-cbc '{TEXT}';"),
    ] {
        send(&mut input, &statement);
        thread::sleep(A_SECOND);
        for key in [&KEY[..], DIGITS.as_bytes(), TEXT.as_bytes()] {
            let copies = copies_of(key, process);
            assert!(copies.is_empty(), "after `{statement}`: {copies:#?}");
        }
    }
    drop(input);
    let output = waiting.wait_with_output().expect("it ends");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("b7e15162 8aed2a6a"), "{printed}");
    assert_eq!(host.setkey("-D").stdout.matches("spi=").count(), 2);
}

fn send(input: &mut ChildStdin, statement: &str) {
    writeln!(input, "{statement}").expect("setkey reads");
}
