//! `ipsecctl top` on this host's kernel, which may have no ESP: `tests/scenarios/top.rs` has packets. A terminal is as
//! before when the screen was left.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod manual;
mod namespace;

use std::{
    fs::File,
    io::{Read, Write},
    os::{fd::AsFd, unix::process::ExitStatusExt},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use namespace::{as_nobody, run, stdout};
use rustix::{
    process::{Pid, Signal, WaitOptions, kill_process, waitpid},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Termios, Winsize, tcgetattr, tcsetwinsize},
};
use serde_json::Value;

/// The escape sequences that show and leave the alternate screen, and that show the cursor.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";

/// The screen on a terminal of 80 columns and 24 lines.
struct Terminal {
    top: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// The other end, kept open: its attributes are those that the program sets.
    end: File,
    before: Termios,
}

impl Terminal {
    fn start() -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let open = || File::options().read(true).write(true).open(&name).unwrap();
        let (end, size) = (open(), Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 });
        tcsetwinsize(&end, size).unwrap();
        let before = tcgetattr(&end).unwrap();
        // Both become the program, without --fork. The program that runs this may ignore signals, as nohup(1) does.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP,INT,TERM,TSTP,CONT", "unshare", "--net"]);
        command.args(["--map-root-user", env!("CARGO_BIN_EXE_ipsecctl"), "top"]);
        command.args(["--interval", "0.2"]).env("TERM", "xterm");
        let stdio = || Stdio::from(open());
        let top = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let keys = File::from(terminal);
        let mut output = keys.try_clone().unwrap();
        let (sender, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = output.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { top, keys, screen, seen: String::new(), end, before }
    }

    fn wait_for(&mut self, text: &str) {
        loop {
            if let Some((_, after)) = self.seen.split_once(text) {
                self.seen = after.to_owned();
                return;
            }
            let part = self.screen.recv_timeout(Duration::from_secs(60));
            let part = part.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.seen));
            self.seen += &String::from_utf8_lossy(&part);
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn send(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.top)
    }

    fn is_raw(&self) -> bool {
        !tcgetattr(self.end.as_fd()).unwrap().local_modes.contains(LocalModes::ICANON)
    }

    /// Whether the terminal has the attributes that it had before.
    fn is_as_before(&self) -> bool {
        let now = tcgetattr(self.end.as_fd()).unwrap();
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
        let mut terminal = Terminal::start();
        terminal.wait_for(ENTER);
        terminal.wait_for("SAs 0");
        assert!(terminal.is_raw());
        // Only cells that change are written, so words without blanks are whole.
        terminal.press("p");
        terminal.wait_for("policy");
        terminal.press("?");
        terminal.wait_for("arrows");
        terminal.press(key);
        terminal.wait_left();
        assert_eq!(terminal.top.wait().unwrap().code(), Some(0), "{key:?}");
        assert!(terminal.is_as_before());
    }
}

#[test]
fn a_signal_leaves_the_terminal_as_before() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2), (Signal::HUP, 1)] {
        let mut terminal = Terminal::start();
        terminal.wait_for("SAs 0");
        terminal.send(signal);
        terminal.wait_left();
        assert_eq!(terminal.top.wait().unwrap().signal(), Some(number));
        assert!(terminal.is_as_before(), "{signal:?}");
    }
}

#[test]
fn a_stopped_program_has_left_the_screen() {
    let mut terminal = Terminal::start();
    terminal.wait_for("SAs 0");
    // By a signal and by the key, which makes no signal in raw mode.
    for stop in [None, Some("\x1a")] {
        match stop {
            None => terminal.send(Signal::TSTP),
            Some(key) => terminal.press(key),
        }
        let options = WaitOptions::UNTRACED;
        let (_, status) = waitpid(Some(terminal.pid()), options).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
        terminal.wait_left();
        assert!(terminal.is_as_before());
        terminal.send(Signal::CONT);
        terminal.wait_for(ENTER);
        terminal.wait_for("SAs 0");
        assert!(terminal.is_raw());
    }
    terminal.press("q");
    terminal.wait_left();
    assert_eq!(terminal.top.wait().unwrap().code(), Some(0));
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
    let Some(output) = as_nobody(&["top", "--once"]) else { return };
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(String::from_utf8(output.stderr).unwrap().contains("CAP_NET_ADMIN"));
}
