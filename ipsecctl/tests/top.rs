//! `ipsecctl top` on this host's kernel, which may have no ESP: `tests/scenarios/top.rs` has packets. A terminal is as
//! before when the screen was left.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;
#[path = "../../tests/src/terminal.rs"]
mod terminal;

use std::{
    os::unix::process::ExitStatusExt,
    process::{Child, Command},
};

use namespace::{refuses_nobody, run, stdout};
use rustix::{
    process::{Pid, Signal, WaitOptions, kill_process, waitpid},
    termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize},
};
use serde_json::Value;
use terminal::Terminal;

/// The escape sequences that show and leave the alternate screen, and that show the cursor.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";

/// The screen on a terminal of 80 columns and 24 lines.
struct Screen {
    top: Child,
    terminal: Terminal,
    before: Termios,
}

impl Screen {
    fn start() -> Self {
        let terminal = Terminal::open();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(terminal.end(), size).unwrap();
        let before = tcgetattr(terminal.end()).unwrap();
        // Both become the program, without --fork. The program that runs this may ignore signals, as nohup(1) does.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP,INT,TERM,TSTP,CONT", "unshare", "--net"]);
        command.args(["--map-root-user", env!("CARGO_BIN_EXE_ipsecctl"), "top"]);
        command.args(["--interval", "0.2"]).env("TERM", "xterm");
        command.stdin(terminal.stdio()).stdout(terminal.stdio()).stderr(terminal.stdio());
        Self { top: command.spawn().unwrap(), terminal, before }
    }

    fn wait_for(&mut self, text: &str) {
        self.terminal.wait_for(text);
    }

    fn press(&mut self, keys: &str) {
        self.terminal.press(keys);
    }

    fn send(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.top)
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(self.terminal.end()).unwrap().local_modes.contains(LocalModes::ICANON)
    }

    /// Whether the terminal has the attributes that it had before.
    fn is_as_before(&self) -> bool {
        let now = tcgetattr(self.terminal.end()).unwrap();
        let modes =
            |it: &Termios| (it.input_modes, it.output_modes, it.control_modes, it.local_modes);
        modes(&now) == modes(&self.before)
    }

    /// Waits until the screen was left.
    fn wait_left(&mut self) {
        self.wait_for(LEAVE);
        self.wait_for(CURSOR);
    }
}

#[test]
fn q_leaves_the_terminal_as_before() {
    for key in ["q", "\x03"] {
        let mut screen = Screen::start();
        screen.wait_for(ENTER);
        screen.wait_for("SAs 0");
        assert!(screen.is_raw());
        // Only cells that change are written, so words without blanks are whole.
        screen.press("p");
        screen.wait_for("policy");
        screen.press("?");
        screen.wait_for("arrows");
        screen.press(key);
        screen.wait_left();
        assert_eq!(screen.top.wait().unwrap().code(), Some(0), "{key:?}");
        assert!(screen.is_as_before());
    }
}

#[test]
fn a_signal_leaves_the_terminal_as_before() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2), (Signal::HUP, 1)] {
        let mut screen = Screen::start();
        screen.wait_for("SAs 0");
        screen.send(signal);
        screen.wait_left();
        assert_eq!(screen.top.wait().unwrap().signal(), Some(number));
        assert!(screen.is_as_before(), "{signal:?}");
    }
}

#[test]
fn a_stopped_program_has_left_the_screen() {
    let mut screen = Screen::start();
    screen.wait_for("SAs 0");
    // By a signal and by the key, which makes no signal in raw mode.
    for stop in [None, Some("\x1a")] {
        match stop {
            None => screen.send(Signal::TSTP),
            Some(key) => screen.press(key),
        }
        let options = WaitOptions::UNTRACED;
        let (_, status) = waitpid(Some(screen.pid()), options).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
        screen.wait_left();
        assert!(screen.is_as_before());
        screen.send(Signal::CONT);
        screen.wait_for(ENTER);
        screen.wait_for("SAs 0");
        assert!(screen.is_raw());
    }
    screen.press("q");
    screen.wait_left();
    assert_eq!(screen.top.wait().unwrap().code(), Some(0));
}

#[test]
fn the_examples_of_the_manual() {
    for line in manual::examples("ipsecctl top") {
        let line = line.split(" | ").next().unwrap();
        let text = stdout(&run(&format!("{line} </dev/null")));
        assert!(text.contains("bytes/s") || text.contains("\"rates\":"), "{line}: {text}");
    }
}

#[test]
fn json_is_a_document_an_interval() {
    let output = run("ipsecctl top --json --interval 0.1 | head -n 3");
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 3, "{text}");
    for line in text.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        assert!(document["rates"]["milliseconds"].as_u64().unwrap() >= 100, "{line}");
        assert_eq!(document["rates"]["sas"], Value::Array(Vec::new()));
    }
}

#[test]
fn a_wrong_word_is_a_wrong_command_line() {
    for words in ["--interval 0", "--interval x", "--sort speed", "--dst host", "--spi x"] {
        assert_eq!(run(&format!("ipsecctl top --once {words}")).status.code(), Some(2), "{words}");
    }
}

#[test]
fn no_other_user_reads_them() {
    refuses_nobody(&["top", "--once"]);
}
