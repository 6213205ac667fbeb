//! A script of any length in the memory of one statement.

use std::{
    fs,
    io::{Read, Result},
    time::Instant,
};

use grammar::{Kind, Script, lower};
use ipsec::SystemNames;

const STATEMENTS: usize = 200_000;

/// An endless script, made as it is read: an SA and a policy for each number.
struct Generated {
    next: usize,
    line: Vec<u8>,
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.line.is_empty() && self.next < STATEMENTS {
            let n = self.next;
            let (a, b) = (n / 256 % 256, n % 256);
            self.line = if n % 2 == 0 {
                format!(
                    "add 10.0.{a}.{b} 10.1.{a}.{b} esp 0x{n:x} -m tunnel -u {n} \
                     -E aes-cbc 0x00112233445566778899aabbccddeeff \
                     -A hmac-sha1 0x00112233445566778899aabbccddeeff00112233;\n"
                )
            } else {
                format!(
                    "spdadd 10.2.{a}.{b}/32 10.3.{a}.{b}/32[80] tcp -P out ipsec\n\
                     \tesp/tunnel/10.0.{a}.{b}-10.1.{a}.{b}/require;\n"
                )
            }
            .into_bytes();
            self.next += 1;
        }
        let length = self.line.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.line[..length]);
        self.line.drain(..length);
        Ok(length)
    }
}

/// The most memory this process has had, in KiB.
fn high_water() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_script() {
    let mut script = Script::new(Generated { next: 0, line: Vec::new() });
    for _ in 0..1000 {
        script.next_statement().unwrap().unwrap();
    }
    let (before, began, mut read) = (high_water(), Instant::now(), 0);
    while let Some(statement) = script.next_statement() {
        let lowered = lower(&statement.unwrap(), &SystemNames).unwrap();
        assert!(lowered.operations[0].is_ok());
        read += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{read} statements in {seconds:.2} s");
    assert_eq!(read, STATEMENTS - 1000);
    assert!(high_water() - before < 1024, "{before} KiB, then {} KiB", high_water());
}

#[test]
fn a_line_without_end_is_an_error_and_not_read_into_memory() {
    let endless = std::io::repeat(b'x').take(100 << 20).chain(&b"; flush;"[..]);
    let mut script = Script::new(endless);
    let before = high_water();
    let error = script.next_statement().unwrap().unwrap_err();
    assert_eq!(error.kind(), &Kind::TooLong);
    assert_eq!(error.position().to_string(), "1:1");
    assert_eq!(script.next_statement().unwrap().unwrap().to_string(), "flush;");
    assert!(script.next_statement().is_none());
    assert!(high_water() - before < 1024);
}

#[test]
fn long_comments_are_skipped() {
    let comment = std::io::repeat(b'x').take(10 << 20);
    let script = b"flush #".chain(comment).chain(&b"\n; #"[..]);
    let script = Script::new(script.chain(std::io::repeat(b'y').take(10 << 20)));
    let statements: Vec<_> = script.map(|statement| statement.unwrap().line()).collect();
    assert_eq!(statements, [2]);
}
