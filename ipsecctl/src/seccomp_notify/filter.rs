//! Filters of system calls, instruction by instruction.
//!
//! Hand-written because `seccompiler` has no verdict of user space and compares no range of descriptors: a
//! `SECCOMP_RET_USER_NOTIF` among its actions would end it.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small constants, wider in libc than in BPF"
)]

use std::mem::offset_of;

use libc::{
    BPF_ABS, BPF_ALU, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_SUB, BPF_W,
    SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_USER_NOTIF,
    seccomp_data, sock_filter,
};
use rustix::io::Errno;

/// The ABI that the numbers of `libc::SYS_*` belong to (linux/audit.h).
#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCH: u32 = 0xc000_00f3;

/// The bit in the numbers of x32's calls (`__X32_SYSCALL_BIT`, asm/unistd.h), which share x86-64's
/// ABI; no other ABI has numbers as high.
const X32: u32 = 0x4000_0000;

/// What can be loaded: a word of `seccomp_data`.
#[derive(Clone, Copy)]
pub struct Argument(usize);

/// The number of the call.
pub const NUMBER: Argument = Argument(offset_of!(seccomp_data, nr));

impl Argument {
    /// The low half of an argument, from 0: the kernel takes ints.
    pub const fn at(place: usize) -> Self {
        let low_half = if cfg!(target_endian = "big") { 4 } else { 0 };
        Self(offset_of!(seccomp_data, args) + place * size_of::<u64>() + low_half)
    }
}

/// The beginning of every filter: calls of another ABI get this verdict. For the others the number is
/// loaded.
pub const fn native_abi(others: sock_filter) -> [sock_filter; 5] {
    [
        load(Argument(offset_of!(seccomp_data, arch))),
        statement(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0, 2),
        load(NUMBER),
        statement(BPF_JMP | BPF_JSET | BPF_K, X32, 0, 1),
        others,
    ]
}

/// Loads a word.
pub const fn load(word: Argument) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, word.0 as u32, 0, 0)
}

/// Skips that many instructions unless what was loaded is `value`.
pub fn skip_unless(value: impl Into<i64>, skip: u8) -> sock_filter {
    statement(BPF_JMP | BPF_JEQ | BPF_K, value.into() as u32, 0, skip)
}

/// Subtracts from what was loaded.
pub const fn minus(value: u32) -> sock_filter {
    statement(BPF_ALU | BPF_SUB | BPF_K, value, 0, 0)
}

/// Skips that many instructions unless what was loaded is less, taken as unsigned.
pub const fn skip_unless_less(value: u32, skip: u8) -> sock_filter {
    statement(BPF_JMP | BPF_JGE | BPF_K, value, skip, 0)
}

/// The verdict: the supervisor is notified, and responds.
pub const fn notify() -> sock_filter {
    statement(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0)
}

/// The verdict: the kernel carries out the call.
pub const fn allow() -> sock_filter {
    statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0)
}

/// The verdict: the call fails.
pub const fn refuse(errno: Errno) -> sock_filter {
    statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errno.raw_os_error() as u32, 0, 0)
}

/// The verdict: the call returns 0, and nothing is done.
pub const fn return_zero() -> sock_filter {
    statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO, 0, 0)
}

/// The verdict: the process ends (SIGSYS).
pub const fn kill() -> sock_filter {
    statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0)
}

const fn statement(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt, jf, k }
}
