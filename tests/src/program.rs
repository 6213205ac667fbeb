//! A program that goes on.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A program that runs until it is dropped, and prints its process in its first line.
pub struct Program {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    ready: String,
}

impl Program {
    /// Starts it, and waits for the line.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let input = process.stdin.take().expect("it is piped");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut started = Self { process, input, output, ready: String::new() };
        started.ready = started.line();
        started
    }

    /// The next line that it prints.
    #[must_use]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it prints text");
        line
    }

    /// The process and the descriptor that it said first.
    #[must_use]
    pub fn socket(&self) -> (u32, u32) {
        socket_in(&self.ready)
    }

    /// The process and the descriptor that it prints next.
    #[must_use]
    pub fn next_socket(&mut self) -> (u32, u32) {
        socket_in(&self.line())
    }

    /// Sends a word to the other end, which must come back.
    pub fn talk(&mut self, word: &str) {
        writeln!(self.input, "{word}").expect("it listens");
        assert_eq!(self.line(), format!("received {word}\n"));
    }
}

fn socket_in(line: &str) -> (u32, u32) {
    let mut numbers = line.split_whitespace().skip(1).map(|word| word.parse().expect("a number"));
    let mut number = || numbers.next().unwrap_or_else(|| panic!("{line:?}"));
    (number(), number())
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
