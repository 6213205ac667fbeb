//! `setkey FILE`: PF_KEY messages that AF_KEY sent (`crates/pfkey/tests/captures`), printed as dumps.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{fs, path::Path};

use assert_cmd::Command;

/// What AF_KEY answered in a capture: its lines that begin with `<`.
fn received(capture: &str) -> Vec<u8> {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/pfkey/tests/captures");
    let text = fs::read_to_string(captures.join(capture)).unwrap();
    let messages = text.lines().filter_map(|line| line.strip_prefix("< "));
    messages.flat_map(bytes).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Prints a file of these bytes: status, standard output, standard error.
fn print(bytes: &[u8], options: &[&str]) -> (i32, String, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, bytes).unwrap();
    let mut setkey = Command::cargo_bin("setkey").unwrap();
    let output = setkey.args(options).arg(file.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The lines without the time.
fn timeless(text: &str) -> String {
    let is_timeless = |line: &&str| !line.contains("created: ") && !line.contains("diff: ");
    text.split_inclusive('\n').filter(is_timeless).collect()
}

#[test]
fn an_sa_behind_nat() {
    let (status, out, err) = print(&received("esp_udp.hex"), &[]);
    assert_eq!((status, err.as_str()), (0, ""));
    let blank = " ".repeat(20);
    let expected = format!(
        "192.0.2.1[4500] 192.0.2.2[4501] \n\
         \tesp-udp mode=transport spi=4100(0x00001004) reqid=0(0x00000000)\n\
         \tE: aes-cbc  00010203 04050607 08090a0b 0c0d0e0f\n\
         \tA: hmac-sha1  40414243 44454647 48494a4b 4c4d4e4f 50515253\n\
         \tseq=0x00000000 replay=0 flags=0x00000000 state=mature \n\
         \tlast: {blank}\thard: 0(s)\tsoft: 0(s)\n\
         \tcurrent: 0(bytes)\thard: 0(bytes)\tsoft: 0(bytes)\n\
         \tallocated: 0\thard: 0\tsoft: 0\n\
         \tsadb_seq=0 pid=4242 refcnt=0\n"
    );
    assert_eq!(timeless(&out), expected);
}

#[test]
fn a_policy_of_a_socket() {
    let (status, out, err) = print(&received("spd_socket.hex"), &[]);
    assert_eq!((status, err.as_str()), (0, ""));
    let expected = "(per-socket policy) \n\
                    \tout(socket) ipsec\n\
                    \tesp/transport//require\n\
                    \tlifetime: 0(s) validtime: 0(s)\n\
                    \tspid=68 seq=0 pid=4242\n\
                    \trefcnt=1\n";
    assert_eq!(timeless(&out), expected);
}

#[test]
fn refusals_have_their_words() {
    let (status, out, err) = print(&received("dump.hex"), &[]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.starts_with("No SAD entries.\n192.0.2.1 192.0.2.2 \n\tesp "), "{out}");
    let (status, out, err) = print(&received("spd.hex"), &[]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.starts_with("No SPD entries.\n"), "{out}");
    assert!(out.ends_with("No entry.\n"), "{out}");
}

#[test]
fn options_of_a_dump() {
    let (_, out, _) = print(&received("esp_udp.hex"), &["-p", "--redact"]);
    assert!(out.starts_with("192.0.2.1[0][4500] 192.0.2.2[0][4501] \n"), "{out}");
    assert!(out.contains("\tE: aes-cbc  xxxxxxxx xxxxxxxx xxxxxxxx xxxxxxxx\n"), "{out}");
    let (_, out, _) = print(&received("esp_udp.hex"), &["-v", "-H"]);
    assert!(out.starts_with("00000000: 02 03 00 03 "), "{out}");
    assert!(out.contains("sadb_x_nat_t_type{ type=2 }\n"), "{out}");
}

#[test]
fn keys_are_redacted_as_text_and_bytes() {
    let (_, out, _) = print(&received("esp_udp.hex"), &["-v", "-H", "--redact"]);
    assert!(out.contains("  key= xxxxxxxx xxxxxxxx xxxxxxxx xxxxxxxx }\n"), "{out}");
    for digits in ["00010203", "00 01 02 03", "04 05 06 07", "40414243", "40 41 42 43"] {
        assert!(!out.contains(digits), "{out}");
    }
}

#[test]
fn an_endless_file_is_not_read_to_its_end() {
    let mut setkey = Command::cargo_bin("setkey").unwrap();
    setkey.timeout(std::time::Duration::from_secs(10)).arg("/dev/zero");
    setkey.assert().code(1).stdout("").stderr(predicates::str::starts_with("setkey: /dev/zero: "));
}

#[test]
fn a_file_of_something_else() {
    let (status, out, err) = print(b"flush; # a script, not a recording\n", &[]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.starts_with("setkey: /"), "{err}");
    assert_eq!(print(&[], &["-D"]).0, 1);
}

#[test]
fn a_script_is_no_recording() {
    let (status, out, err) = print(b"spdflush;\n", &[]);
    assert_eq!((status, out.as_str()), (1, ""));
    let words = ": no recorded messages: `setkey -f FILE` carries out a script\n";
    assert!(err.ends_with(words), "{err}");
}

#[test]
fn a_statement_in_the_place_of_a_file_is_not_shown() {
    const ADD: &str = "add ::1 ::2 esp 9 -E aes-cbc \"key\";";
    let long = format!("{}{ADD}", "flush; ".repeat(50));
    let behind_blank = format!("\n {ADD}");
    let misspelt = ADD.replace("add", "ad");
    for words in [
        &["-n", "add", "::1"][..],
        &["-c", ADD],
        &["-n", &long],
        &["-n", "-f", ADD],
        &["-n", "-f", &long],
        &["-n", "-f", &behind_blank],
        &["-n", "-f", &misspelt],
        &["--check", "-f", ADD],
    ] {
        let output = Command::cargo_bin("setkey").unwrap().args(words).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        let expected = "setkey: a statement is no file: write it to standard input of `setkey -c`, with its `;`\n";
        assert_eq!((output.status.code(), err.as_str()), (Some(1), expected));
    }
}
