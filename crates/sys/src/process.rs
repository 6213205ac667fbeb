//! What a process does to itself: it keeps its memory to itself, or leaves a process behind that stays when
//! it executes a program.
//!
//! Hand-written because `fork` and `signal` are `unsafe` in nix and absent from rustix, and
//! close_range(2) is in neither. No upstream change would end it: a library cannot know that a process
//! has one thread, nor that it goes on to use none of its descriptors.
#![allow(unsafe_code, reason = "fork(2), close_range(2), signal(2) and _exit(2)")]

use std::{
    fs, io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind},
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::{Errno, retry_on_intr},
    process::{
        DumpableBehavior, Pid, Resource, Rlimit, WaitOptions, chdir, set_dumpable_behavior,
        setrlimit, setsid, waitpid,
    },
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
};

use crate::errno::checked;

/// Keeps the memory of this process, which contains keys, out of core dumps, also those that a program
/// of `core_pattern` receives (core(5)), and from other processes of its user (ptrace(2)). A program
/// that it executes is not concerned, but for the limit of core dumps.
pub fn keep_memory_private() {
    // Neither call fails: a process may always lower its own limit.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// Runs `work` in a process of a session of its own, which is not a child of this one: a program that
/// waits for its children does not see it. It has no descriptor of this one but `input`, which is its
/// standard input, and those of `kept`, and so must not use any other that `work` has captured; its
/// directory is `/`, and it ignores SIGHUP, SIGINT, SIGQUIT and SIGTERM. It ends with `work`, also when
/// that panics.
///
/// Errors: those of fork(2); EBUSY if this process has other threads, whose locks the new process would
/// find taken for ever.
pub fn detach(input: OwnedFd, kept: &[BorrowedFd<'_>], work: impl FnOnce()) -> io::Result<()> {
    // Without /proc the caller is trusted.
    if fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1) {
        return Err(Errno::BUSY.into());
    }
    let Some(child) = fork()? else {
        let _ = setsid();
        if let Ok(None) = fork() {
            // A panic must not unwind into the caller's code, which is that of another process now.
            let _ = catch_unwind(AssertUnwindSafe(|| keep_only(input, kept).map(|()| work())));
        }
        exit()
    };
    match retry_on_intr(|| waitpid(Some(child), WaitOptions::empty())) {
        // This process was started with SIGCHLD ignored.
        Ok(_) | Err(Errno::CHILD) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Ends this process with all its threads, without running what is registered for its end: buffers that
/// fork(2) has copied are not written twice.
pub fn exit() -> ! {
    // SAFETY: _exit(2) takes no memory.
    unsafe { libc::_exit(0) }
}

/// `None` in the child.
fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: there is one thread, so the child may do all that the parent may.
    Ok(Pid::from_raw(checked(unsafe { libc::fork() })?))
}

/// Keeps nothing of the parent's: no pipe of it stays open, no directory in use, and what ends the
/// parent does not end this process before it. `input` becomes standard input, and `kept`, which are no
/// standard descriptors, stay where they are.
fn keep_only(input: OwnedFd, kept: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    dup2_stdin(&input)?;
    let null = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    drop((input, null));
    let mut kept: Vec<_> = kept.iter().map(|it| it.as_raw_fd().cast_unsigned()).collect();
    kept.sort_unstable();
    let begins = [3].into_iter().chain(kept.iter().map(|it| it + 1));
    for (first, end) in begins.zip(kept.iter().copied().chain([u32::MAX])) {
        if first < end {
            // SAFETY: takes no memory. No descriptor is used any more but the standard ones and those kept:
            // the others of the parent's code are used in the parent, and `work` uses none.
            unsafe { libc::close_range(first, end - 1, 0) };
        }
    }
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
        // SAFETY: there is no handler to be run.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    chdir("/")
}
