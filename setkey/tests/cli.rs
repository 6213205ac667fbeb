//! The command line, and what is wrong with scripts: all that needs no kernel.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{fs, io::Write, process::Stdio, time::Duration};

use assert_cmd::Command;
use predicates::prelude::*;

const USAGE: &str = "\
setkey @(#) ipsec-tools 0.8.2 (http://ipsec-tools.sourceforge.net)
usage: setkey [-vrk] file ...
       setkey [-nvrk] -c
       setkey [-nvrk] -f filename
       setkey [-Palpvrk] -D
       setkey [-Pv] -F
       setkey [-H] -x
       setkey [-V] [-h]
";

fn setkey(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("setkey").unwrap();
    command.args(args).timeout(Duration::from_secs(20));
    command
}

/// Standard error after a command line that is wrong.
fn wrong(reason: &str) -> String {
    format!("setkey: {reason}\nsetkey: `setkey --help` lists the options\n")
}

/// Reads a script without carrying it out: status, standard output, standard error.
fn read(script: impl AsRef<[u8]>) -> (i32, String, String) {
    let mut file = tempfile::Builder::new().suffix(".conf").tempfile().unwrap();
    file.write_all(script.as_ref()).unwrap();
    let path = file.path().to_str().unwrap();
    let output = setkey(&["-n", "-f", path]).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).replace(path, "FILE");
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn usage_is_the_originals_and_fails() {
    for args in [&["-h"][..], &[], &["-P"], &["-n"]] {
        setkey(args).assert().code(1).stdout(USAGE).stderr("");
    }
    let expected = wrong("invalid option -- 'z'");
    setkey(&["-z"]).assert().code(1).stdout(USAGE).stderr(expected);
    setkey(&["-d"]).assert().code(1).stdout(USAGE);
    setkey(&["-f"])
        .assert()
        .code(1)
        .stdout(USAGE)
        .stderr(wrong("option requires an argument -- 'f'"));
    let first = USAGE.lines().next().unwrap();
    setkey(&["-V"]).assert().code(1).stdout(format!("{first}\n"));
    setkey(&["--version"]).assert().code(0).stdout(predicate::str::contains("xfrm-tools"));
}

#[test]
fn help_is_ours_and_succeeds() {
    for args in [&["--help"][..], &["--dialect=freebsd", "--help"]] {
        let output = setkey(args).assert().code(0).stderr("").get_output().clone();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.starts_with("setkey (xfrm-tools) ") && help.contains("setkey(8)"), "{help}");
        for option in ["--check", "--json", "--script", "--strict", "--redact", "--pfkey"] {
            assert!(help.contains(option), "{help}");
        }
        assert!(!help.contains("sourceforge"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
}

#[test]
fn a_good_script_is_read_in_silence() {
    let script = "flush; spdflush;\n\
        add 192.0.2.1 192.0.2.2 esp 0x10001 -E aes-cbc \"sixteen byte key\";\n\
        spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;\n";
    assert_eq!(read(script), (0, String::new(), String::new()));
    assert_eq!(read(""), (0, String::new(), String::new()));
    // A selector with a port and without a protocol is worth a warning, to people and to --check.
    let script = "spdadd 192.0.2.0/24[80] 198.51.100.0/24 any -P in none;\n";
    assert_eq!(read(script), (0, String::new(), String::new()));
    let port = predicate::str::contains("port");
    setkey(&["--check", "-f", "-"]).write_stdin(script).assert().code(0).stdout("").stderr(port);
    let port = predicate::str::contains("port");
    setkey(&["-v", "-n", "-f", "-"]).write_stdin(script).assert().code(0).stdout("").stderr(port);
    setkey(&["-n", "-f", "-"]).write_stdin(script).assert().code(0).stdout("").stderr("");
    setkey(&["-n", "-D"]).assert().code(0).stdout("").stderr("");
}

#[test]
fn a_mistake_has_its_place_on_both_outputs() {
    let (code, out, err) = read("flush;\nspdadd ::/0 ::/0 icmp6 135 -P out none;\n");
    assert_eq!(code, 1);
    assert_eq!(out, "line 2: syntax error at [135]\nparse failed, line 2.\n");
    let mut lines = err.lines();
    assert_eq!(lines.next(), Some("setkey: FILE:2:24: syntax error"));
    assert!(err.contains("spdadd ::/0 ::/0 icmp6 135 -P out none;"), "{err}");
    assert!(err.contains("expected"), "{err}");
}

#[test]
fn keys_do_not_reach_standard_error() {
    let (code, out, err) =
        read("add 192.0.2.1 192.0.2.2 esp 9 -E aes-cbc 0x00112233445566778899;\n");
    assert_eq!(code, 1);
    assert!(out.starts_with("line 1: Invalid key length at [0x00112233445566778899]\n"));
    assert!(err.contains("80 bits") && err.contains("128, 192 or 256 bits"), "{err}");
    assert!(!err.contains("00112233"), "{err}");
}

#[test]
fn a_lexer_error_ends_without_parse_failed() {
    let (code, out, _) = read("flush;\r\n");
    assert_eq!((code, out.as_str()), (1, "line 1: Syntax error at [\\r]\n"));
    let (code, out, err) = read(b"flush;\0");
    assert_eq!((code, out.as_str()), (1, "line 1: Syntax error at [\\u{0}]\n"));
    assert!(err.contains("0x00"), "{err}");
}

#[test]
fn rubbish_is_an_error_and_never_a_panic() {
    let mut noise = vec![0u8; 1 << 20];
    let mut state = 1u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    let (code, _, err) = read(noise);
    assert_eq!(code, 1);
    assert!(!err.contains("panicked"), "{err}");
}

#[test]
fn an_endless_line_is_an_error_and_takes_no_memory() {
    let (code, out, err) = read(vec![b'a'; 100 << 20]);
    assert_eq!(code, 1);
    assert_eq!(out, "parse failed, line 1.\n");
    assert!(err.contains("longer than 65536 bytes"), "{err}");
}

#[test]
fn an_unclosed_quote_names_where_it_opened() {
    let mut script = b"flush;\nadd 192.0.2.1 192.0.2.2 esp 9 -E des-cbc \"abc;\n".to_vec();
    script.extend(vec![b'x'; 1 << 20]);
    let (code, _, err) = read(script);
    assert_eq!(code, 1);
    assert!(err.starts_with("setkey: FILE:2:42: unclosed quote\n"), "{err}");
}

#[test]
fn files_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none.conf");
    let no_file = predicate::str::contains("No such file or directory");
    setkey(&["-n", "-f", missing.to_str().unwrap()]).assert().code(1).stdout("").stderr(no_file);
    let is_dir = predicate::str::contains("Is a directory");
    setkey(&["-n", "-f", dir.path().to_str().unwrap()]).assert().code(1).stderr(is_dir);
    let script = dir.path().join("x.conf");
    fs::write(&script, "flush;").unwrap();
    setkey(&["-n", "-f", script.to_str().unwrap()]).assert().code(0);
}

#[test]
fn interactive_goes_on_after_a_mistake() {
    setkey(&["-n", "-c"])
        .write_stdin("flush; nonsense here;\nspdflush;\nflush")
        .assert()
        .code(0)
        .stdout("line 0: syntax error at [nonsense]\n");
}

#[test]
fn what_a_script_or_its_name_contains_changes_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x\u{1b}[31m\nsetkey: y:1:1: all is well\u{202e}");
    fs::write(&path, "flush \u{1b}]0;title\u{7};").unwrap();
    let unreadable = folder.path().join("none\u{1b}[2J\n");
    for options in
        [&["-n", "-f"][..], &["--check", "-f"], &["--dialect=netbsd", "--check", "-f"], &[]]
    {
        for path in [&path, &unreadable] {
            let output = setkey(options).arg(path).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            assert!(text.chars().all(|c| c == '\n' || model::is_visible(c)), "{text:?}");
            assert!(!text.contains("\nsetkey: y"), "{text}");
        }
    }
}

#[test]
fn exit_ends_the_script_unread() {
    assert_eq!(read("flush;\nexit;\n\u{1}{rubbish}\n").0, 0);
}

#[test]
fn without_the_capability_it_is_named() {
    let binary = assert_cmd::cargo::cargo_bin("setkey");
    let output = std::process::Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
        .arg(binary)
        .arg("-D")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.starts_with("setkey: CAP_NET_ADMIN is missing"), "{err}");
}

#[test]
fn an_empty_variable_is_none_and_a_wrong_one_is_named() {
    setkey(&["-n", "-D"]).env("SETKEY_DIALECT", "").assert().code(0).stdout("").stderr("");
    let words = wrong("SETKEY_DIALECT is `vms`: one of linux, netbsd, freebsd");
    setkey(&["-n", "-D"]).env("SETKEY_DIALECT", "vms").assert().code(1).stderr(words);
    setkey(&["--dialect", "netbsd", "-n", "-D"]).env("SETKEY_DIALECT", "vms").assert().code(0);
}

#[test]
fn messages_have_no_number_of_an_errno() {
    let words = "setkey: cannot open /nonexistent: No such file or directory\n";
    setkey(&["-f", "/nonexistent"]).assert().code(1).stderr(words);
    let words = "setkey: cannot read /: Is a directory\n";
    setkey(&["-n", "-f", "/"]).assert().code(1).stderr(words);
}

#[test]
fn shells_complete_every_option() {
    let script = setkey(&["--completions", "bash"]).assert().code(0).get_output().stdout.clone();
    let script = String::from_utf8(script).unwrap();
    for option in ["-D", "-f", "--all-or-nothing", "--dialect"] {
        assert!(script.contains(&format!(" {option} ")), "{option}: {script}");
    }
    let mut bash = Command::new("bash");
    bash.args(["-n"]).write_stdin(script).assert().code(0).stderr("");
    let wrong = setkey(&["--completions", "csh"]).assert().code(1).get_output().stderr.clone();
    assert!(String::from_utf8(wrong).unwrap().contains("possible values: bash"));
}
