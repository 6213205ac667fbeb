//! The filter: which system calls the supervisor is asked about.
#![allow(clippy::cast_possible_truncation, reason = "small constants, wider in libc than in BPF")]

use std::mem::offset_of;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW,
    SECCOMP_RET_USER_NOTIF, seccomp_data, sock_filter,
};
use pfkey_socket::PF_KEY;

/// The calling convention that the numbers of `libc::SYS_*` belong to (linux/audit.h).
#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const ARCH: u32 = 0xc000_00f3;

/// The low half of the first argument: the kernel takes the family as an `int`.
const FAMILY: usize =
    offset_of!(seccomp_data, args) + if cfg!(target_endian = "big") { 4 } else { 0 };

/// `socket(PF_KEY, ...)` asks; every other call goes on: those of 32-bit programs (i386's
/// `socketcall` too) have another convention, those of x32 other numbers.
pub const PF_KEY_SOCKETS: [sock_filter; 8] = [
    load(offset_of!(seccomp_data, arch)),
    unless_equal(ARCH, 5),
    load(offset_of!(seccomp_data, nr)),
    unless_equal(libc::SYS_socket as u32, 3),
    load(FAMILY),
    unless_equal(PF_KEY.cast_unsigned(), 1),
    verdict(SECCOMP_RET_USER_NOTIF),
    verdict(SECCOMP_RET_ALLOW),
];

const fn load(offset: usize) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset as u32, 0)
}

/// Skips that many instructions unless what was loaded is `value`.
const fn unless_equal(value: u32, skip: u8) -> sock_filter {
    statement(BPF_JMP | BPF_JEQ | BPF_K, value, skip)
}

const fn verdict(action: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, action, 0)
}

const fn statement(code: u32, k: u32, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf, k }
}
