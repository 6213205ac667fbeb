//! What is on a terminal. Statements are carried out in a network namespace of their own.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

#[path = "../../tests/src/terminal.rs"]
mod terminal;

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use terminal::Terminal;

/// Runs these commands of sh(1) on a terminal, in a network namespace of their own; `$SETKEY` is setkey, and
/// `$SCRIPT` a file with this script. Gives what is on the terminal.
fn on_a_terminal(script: &str, commands: &str) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), script).unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--map-root-user", "script", "--quiet", "--return", "--command"]);
    unshare.args([commands, "/dev/null"]).env("NO_COLOR", "1").stdin(Stdio::null());
    unshare.env("SETKEY", assert_cmd::cargo::cargo_bin("setkey")).env("SCRIPT", file.path());
    let text = String::from_utf8(unshare.output().unwrap().stdout).unwrap();
    text.replace("\r\n", "\n").replace(file.path().to_str().unwrap(), "FILE")
}

#[test]
fn a_mistake_is_printed_once() {
    let text = on_a_terminal("flush nonsense;\n", "\"$SETKEY\" -n -f \"$SCRIPT\"");
    assert!(text.starts_with("setkey: FILE:1:7: syntax error\n"), "{text}");
    assert!(!text.contains("line 1:") && !text.contains("parse failed"), "{text}");
    // Both are there where only one of them is read by people.
    let text = on_a_terminal("flush nonsense;\n", "\"$SETKEY\" -n -f \"$SCRIPT\" | cat");
    assert!(text.contains("line 1: syntax error at [nonsense]\nparse failed, line 1.\n"), "{text}");
}

#[test]
fn a_refusal_is_printed_once() {
    let twice = "spdadd 192.0.2.1 192.0.2.2 any -P in none;\n".repeat(2);
    let text = on_a_terminal(&twice, "\"$SETKEY\" -f \"$SCRIPT\"");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("setkey: FILE:2: a policy with this selector"), "{text}");
}

#[test]
fn notes_are_for_people() {
    let script = "spdadd 192.0.2.0/24[80] 198.51.100.0/24 any -P in none;";
    let text = on_a_terminal(script, "\"$SETKEY\" -n -f \"$SCRIPT\"");
    assert!(text.contains("port"), "{text}");
    assert_eq!(on_a_terminal(script, "\"$SETKEY\" -n -f \"$SCRIPT\" 2>&1 | cat"), "");
}

/// This machine's kernel may have no ESP; then a policy that requires it must not stay alone.
#[test]
fn a_kernel_without_esp_is_not_left_with_policies() {
    let script = "spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;\n\
                  add 192.0.2.1 192.0.2.2 esp 0x1001 -E null;\n";
    let whole = "\"$SETKEY\" --all-or-nothing -f \"$SCRIPT\"; \"$SETKEY\" -D; \"$SETKEY\" -DP";
    let text = on_a_terminal(script, whole);
    if text.contains("esp4") {
        let unchanged = "setkey: FILE: the kernel would refuse it: nothing was changed\n\
                         No SAD entries.\nNo SPD entries.\n";
        assert!(text.ends_with(unchanged), "{text}");
    } else {
        assert!(text.contains("spi=4097") && text.contains("esp/transport//require"), "{text}");
    }
}

/// `setkey -n -c` on a terminal of which this test is the person.
struct Conversation {
    setkey: Child,
    terminal: Terminal,
}

impl Conversation {
    fn start() -> Self {
        let terminal = Terminal::open();
        let mut setkey = Command::new(assert_cmd::cargo::cargo_bin("setkey"));
        setkey.args(["-n", "-c"]).env("TERM", "vt100").env("NO_COLOR", "1");
        setkey.stdin(terminal.stdio()).stdout(terminal.stdio()).stderr(terminal.stdio());
        Self { setkey: setkey.spawn().unwrap(), terminal }
    }

    fn wait_for(&mut self, text: &str) -> String {
        self.terminal.wait_for(text)
    }

    /// Types keys at the next prompt.
    fn answer(&mut self, keys: &str) {
        self.wait_for("setkey> ");
        self.press(keys);
    }

    fn press(&mut self, keys: &str) {
        self.terminal.press(keys);
    }
}

#[test]
fn a_prompt_has_help_history_and_statements_of_several_lines() {
    let mut person = Conversation::start();
    let greeting = person.wait_for("setkey> ");
    assert!(greeting.contains("`help` lists them"), "{greeting}");
    person.press("help\r");
    person.wait_for("Ctrl-C cancels a statement");
    person.answer("?;\r");
    person.wait_for("Ctrl-C cancels a statement");
    person.answer("\r");
    person.answer("spdadd 192.0.2.1 192.0.2.2 any\r");
    person.wait_for("     -> ");
    person.press("-P outt none;\r");
    // It is one statement, whose mistake is in its second line.
    person.wait_for("<stdin>:2:4: ");
    person.answer("never read\r");
    person.wait_for("     -> ");
    person.press("\x03");
    person.answer("wrong;\r");
    let before = person.wait_for("<stdin>:3:1: ");
    assert!(!before.contains("never"), "{before}");
    // The arrow up.
    person.answer("\x1b[A\r");
    person.wait_for("<stdin>:4:1: ");
    person.answer("\x04");
    assert_eq!(person.setkey.wait().unwrap().code(), Some(0));
}

#[test]
fn a_prompt_ends_by_a_word_or_a_key() {
    for end in ["exit\r", "quit\r", "exit;\r", "\x04"] {
        let mut person = Conversation::start();
        person.answer("wrong;\r");
        person.wait_for("<stdin>:1:1: ");
        person.answer(end);
        assert_eq!(person.setkey.wait().unwrap().code(), Some(0), "{end:?}");
    }
    // The end of the input ends a statement, too.
    let mut person = Conversation::start();
    person.answer("spdadd 192.0.2.1\r");
    person.wait_for("     -> ");
    person.press("\x04");
    person.wait_for("<stdin>:1:");
    assert_eq!(person.setkey.wait().unwrap().code(), Some(0));
}
