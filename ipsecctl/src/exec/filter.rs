//! The calls of a program whose sockets have policies.

use libc::{
    AF_INET, AF_INET6, IPV6_V6ONLY, SOL_IPV6, SYS_io_uring_setup, SYS_setsockopt, SYS_socket,
    sock_filter,
};
use rustix::io::Errno;

use crate::seccomp_notify::filter::{
    Argument, allow, kill, load, native_abi, notify, refuse, return_zero, skip_unless,
};

/// Families whose packets are those of IP sockets that the kernel makes for them (linux/socket.h).
const AF_RDS: i32 = 21;
const AF_RXRPC: i32 = 33;
const AF_SMC: i32 = 43;

/// Notifies of `socket` with AF_INET and AF_INET6. No such socket is made without a notification:
/// io_uring, and AF_SMC, AF_RDS and AF_RXRPC, whose sockets use others of TCP or UDP, are reported as
/// not supported. Programs of another ABI are killed.
///
/// Without `dual_stack`, sockets of IPv6 are never dual-stack: the supervisor makes them so, and
/// setting `IPV6_V6ONLY` does nothing.
pub fn inet_sockets(dual_stack: bool) -> Vec<sock_filter> {
    let io_uring = [skip_unless(SYS_io_uring_setup, 1), refuse(Errno::NOSYS)];
    let v6_only = [
        skip_unless(SYS_setsockopt, 6),
        load(Argument::at(1)),
        skip_unless(SOL_IPV6, 3),
        load(Argument::at(2)),
        skip_unless(IPV6_V6ONLY, 1),
        return_zero(),
        allow(),
    ];
    let socket = [
        skip_unless(SYS_socket, 11),
        load(Argument::at(0)),
        skip_unless(AF_INET, 1),
        notify(),
        skip_unless(AF_INET6, 1),
        notify(),
        skip_unless(AF_SMC, 1),
        refuse(Errno::AFNOSUPPORT),
        skip_unless(AF_RDS, 1),
        refuse(Errno::AFNOSUPPORT),
        skip_unless(AF_RXRPC, 1),
        refuse(Errno::AFNOSUPPORT),
        allow(),
    ];
    let v6_only = if dual_stack { &[][..] } else { &v6_only };
    [&native_abi(kill())[..], &io_uring, v6_only, &socket].concat()
}
