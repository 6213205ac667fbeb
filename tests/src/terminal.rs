//! A terminal of which a test is the person. The tests of `setkey` and `ipsecctl` have this file, too.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    fs::File,
    io::{Read, Write},
    process::Stdio,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Far longer than a program takes for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A pseudo-terminal.
pub struct Terminal {
    keys: File,
    end: File,
    screen: Receiver<Vec<u8>>,
    /// What came after the last text that was waited for.
    seen: String,
}

impl Terminal {
    /// Opens a terminal, and reads what programs write to it.
    #[must_use]
    pub fn open() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = openpt(flags).expect("a terminal");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("a terminal");
        let name = ptsname(&terminal, Vec::new()).expect("a name").into_string().expect("text");
        let end = File::options().read(true).write(true).open(name).expect("the other end");
        let keys = File::from(terminal);
        let mut output = keys.try_clone().expect("a descriptor");
        let (sender, screen) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // EIO: no process has the other end any more.
            while let Ok(count) = output.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { keys, end, screen, seen: String::new() }
    }

    /// The program's end. Its attributes are those that the program sets.
    #[must_use]
    pub fn end(&self) -> &File {
        &self.end
    }

    /// The program's end, for a standard stream of it.
    #[must_use]
    pub fn stdio(&self) -> Stdio {
        self.end.try_clone().expect("a descriptor").into()
    }

    /// Waits for a text, and gives what came before it.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some((before, after)) = self.seen.split_once(text) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.seen = after;
                return before;
            }
            let part = self.screen.recv_timeout(PATIENCE);
            let part = part.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.seen));
            self.seen += &String::from_utf8_lossy(&part);
        }
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it takes keys");
    }

    /// What is written until no program has the terminal any more.
    #[must_use]
    pub fn rest(self) -> String {
        let Self { keys: _keys, end, screen, seen } = self;
        drop(end);
        screen.iter().fold(seen, |seen, part| seen + &String::from_utf8_lossy(&part))
    }
}
