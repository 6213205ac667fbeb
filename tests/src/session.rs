//! A program that reads statements as long as there are any.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A setkey, or another that reads its language, with `-f -`: one process for many scripts, since processes are what takes
/// the test kernel longest.
pub struct Session {
    program: Child,
    statements: ChildStdin,
    results: BufReader<ChildStdout>,
    /// Lines said so far.
    lines: usize,
}

impl Session {
    /// Starts the program.
    #[must_use]
    pub fn open(command: &mut Command) -> Self {
        command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.stderr(Stdio::null()).spawn().expect("it runs");
        let statements = program.stdin.take().expect("it is piped");
        let results = BufReader::new(program.stdout.take().expect("it is piped"));
        Self { program, statements, results, lines: 0 }
    }

    /// What it prints for statements. After them comes one that is refused, so that there is an end.
    pub fn run(&mut self, statements: &str) -> String {
        let script = format!("{statements}\ndelete 127.0.0.1 127.0.0.1 esp 0xffffffff;\n");
        self.statements.write_all(script.as_bytes()).expect("it listens");
        self.lines += script.lines().count();
        let end = format!("The result of line {}: No such process.\n", self.lines);
        let mut printed = String::new();
        while !printed.ends_with(&end) {
            let read = self.results.read_line(&mut printed).expect("it prints text");
            assert_ne!(read, 0, "it has ended: {statements}\n{printed}");
        }
        printed.truncate(printed.len() - end.len());
        printed
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its last words are not read.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
