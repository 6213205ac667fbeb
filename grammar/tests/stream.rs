//! A script of any length in the memory of one statement.

use std::{
    fs,
    io::{Read, Result},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use grammar::{Fault, Script};
use model::Dialect;
use sys::SystemNames;

const STATEMENTS: usize = if cfg!(debug_assertions) { 20_000 } else { 200_000 };
const LONG: u64 = if cfg!(debug_assertions) { 16 << 20 } else { 100 << 20 };

/// What the memory may grow by, in KiB: the needs of the allocator, and pages of the program that are used first.
const ROOM: usize = 4 << 10;

/// The memory is that of the process, so that one test at a time can measure it.
static MEMORY: Mutex<()> = Mutex::new(());

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
            self.line = if n & 1 == 0 {
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
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok());
    number.expect("the kernel counts memory")
}

#[test]
fn memory_does_not_grow_with_the_script() {
    let _alone = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let mut script = Script::new(Generated { next: 0, line: Vec::new() }, Dialect::Linux);
    for _ in 0..1000 {
        script.next_statement().unwrap().unwrap();
    }
    let (before, began, mut read) = (high_water(), Instant::now(), 0);
    while let Some(next) = script.next_lowered(&SystemNames) {
        let (_, lowered) = next.unwrap();
        assert!(lowered.operations[0].is_ok());
        read += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{read} statements in {seconds:.2} s");
    assert_eq!(read, STATEMENTS - 1000);
    assert!(high_water().saturating_sub(before) < ROOM, "{before} KiB, then {} KiB", high_water());
}

#[test]
fn a_line_without_end_is_an_error_and_not_read_into_memory() {
    let _alone = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let endless = std::io::repeat(b'x').take(LONG).chain(&b"; flush;"[..]);
    let mut script = Script::new(endless, Dialect::Linux);
    let before = high_water();
    let error = script.next_statement().unwrap().unwrap_err();
    assert_eq!(error.kind(), &Fault::TooLong);
    assert_eq!(error.position().to_string(), "1:1");
    assert_eq!(script.next_statement().unwrap().unwrap().to_string(), "flush;");
    assert!(script.next_statement().is_none());
    let grown = high_water().saturating_sub(before);
    assert!(grown < ROOM, "{grown} KiB");
}

#[test]
fn long_comments_are_skipped() {
    let _alone = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let comment = std::io::repeat(b'x').take(LONG);
    let script = b"flush #".chain(comment).chain(&b"\n; #"[..]);
    let script = Script::new(script.chain(std::io::repeat(b'y').take(LONG)), Dialect::Linux);
    let statements: Vec<_> = script.map(|statement| statement.unwrap().line()).collect();
    assert_eq!(statements, [2]);
}

/// Hands out one piece at a read, as a pipe does.
struct Pieces(Vec<&'static str>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(piece) = self.0.pop() else { return Ok(0) };
        buffer[..piece.len()].copy_from_slice(piece.as_bytes());
        Ok(piece.len())
    }
}

#[test]
fn a_script_is_drained_when_no_whole_statement_is_left() {
    let _alone = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    let pieces = vec!["spdflush;", "ush;\n# a; b\n \"", "flush; dump; spdfl"];
    let mut script = Script::new(Pieces(pieces), Dialect::Linux);
    assert!(script.is_drained());
    let mut next = || {
        let statement = script.next_statement()?;
        Some((statement.map_or(String::new(), |read| read.to_string()), script.is_drained()))
    };
    assert_eq!(next(), Some(("flush;".into(), false)));
    assert_eq!(next(), Some(("dump;".into(), true)));
    assert_eq!(next(), Some(("spdflush;".into(), true)));
    assert_eq!(next(), Some((String::new(), true)));
    assert_eq!(next(), None);
}
