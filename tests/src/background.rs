//! A program whose lines are read as they come.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

/// A program that goes on until it is dropped.
pub struct Background {
    process: Child,
    /// What it prints.
    pub lines: Receiver<String>,
}

impl Background {
    /// Starts it.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it runs");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { process, lines }
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Sends it a signal and waits for its end: its exit status, if it had one.
    pub fn end_by(&mut self, signal: Signal) -> Option<i32> {
        kill_process(self.pid(), signal).expect("it runs");
        self.process.wait().expect("it ends").code()
    }

    /// Ends it; what it has printed can still be read.
    pub fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}
