//! What is known of a process that has ended.
//!
//! A test of its own process: the start of a program copies the descriptors of all threads.

use std::process::{Command, Stdio};

use rustix::{io::Errno, process::Pid};
use sys::pidfd::Process;

/// A process is there until its parent has waited for it, and nothing is read after that.
#[test]
fn a_process_that_has_ended_is_never_another_one() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    let number = Pid::from_child(&child);
    let process = Process::open(number).unwrap();
    drop(child.stdin.take());
    let mut ended = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut ended, None).unwrap();
    assert!(process.read("status").unwrap().contains("State:\tZ"));
    child.wait().unwrap();
    assert_eq!(process.is_there(), Err(Errno::SRCH));
    assert_eq!(process.read("status"), Err(Errno::SRCH));
    assert_eq!(process.stat("ns/user").unwrap_err(), Errno::SRCH);
    assert_eq!(Process::open(number).unwrap_err(), Errno::SRCH);
}
