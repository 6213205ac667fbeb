//! The calls that are answered: those with a PF_KEY socket, and the options that set and return the
//! policies of sockets.

use libc::{SOL_IP, SOL_IPV6, sock_filter};
use pfkey::client::PF_KEY;
use sockpolicy::option::{IP_IPSEC_POLICY, IPV6_IPSEC_POLICY};

use crate::seccomp_notify::{
    filter::{Argument, allow, load, minus, native_abi, notify, skip_unless, skip_unless_less},
    response::Numbers,
};

/// Calls that receive or send on their first argument, or duplicate it.
const WITH_SOCKET: [i64; 11] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_dup,
];

/// A filter of such parts. Every other call goes on: those of 32-bit programs (i386's `socketcall`
/// too) have another ABI, those of x32 other numbers.
pub fn filter(parts: &[Vec<sock_filter>]) -> Vec<sock_filter> {
    [&native_abi(allow())[..], &parts.concat(), &[allow()]].concat()
}

/// Notifies of new PF_KEY sockets, and of calls on descriptors that have one of the numbers. Calls on
/// other descriptors go on.
pub fn key_sockets(numbers: Option<Numbers>) -> Vec<sock_filter> {
    let mut part = Vec::new();
    if let Some(numbers) = numbers {
        for call in WITH_SOCKET {
            part.extend(if_equal(call, &among(numbers)));
        }
        part.extend(if_equal(libc::SYS_fcntl, &duplicates(numbers)));
    }
    let new = [load(Argument::at(0)), skip_unless(PF_KEY, 1), notify(), allow()];
    part.extend(if_equal(libc::SYS_socket, &new));
    part
}

/// Notifies of the two options, and of those that are the kernel's own.
pub fn policies() -> Vec<sock_filter> {
    let calls = [libc::SYS_setsockopt, libc::SYS_getsockopt];
    calls.into_iter().flat_map(|call| if_equal(call, &options())).collect()
}

/// Runs instructions, which end with a verdict, if this value was loaded.
fn if_equal(value: impl Into<i64>, instructions: &[sock_filter]) -> Vec<sock_filter> {
    // They are few.
    let count = u8::try_from(instructions.len()).unwrap_or(u8::MAX);
    [&[skip_unless(value, count)], instructions].concat()
}

/// Notifies if the first argument is one of the numbers. A negative one is greater.
fn among(numbers: Numbers) -> [sock_filter; 5] {
    let less = skip_unless_less(numbers.count, 1);
    [load(Argument::at(0)), minus(numbers.first), less, notify(), allow()]
}

fn duplicates(numbers: Numbers) -> Vec<sock_filter> {
    let commands = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC];
    let duplicates = commands.into_iter().flat_map(|command| if_equal(command, &among(numbers)));
    [load(Argument::at(1))].into_iter().chain(duplicates).chain([allow()]).collect()
}

fn options() -> Vec<sock_filter> {
    let named = |[one, other]: [i32; 2]| {
        let to_notify = [skip_unless(one, 1), notify(), skip_unless(other, 1), notify()];
        [&[load(Argument::at(2))], &to_notify[..], &[allow()]].concat()
    };
    let levels = [
        (SOL_IP, [IP_IPSEC_POLICY, libc::IP_XFRM_POLICY]),
        (SOL_IPV6, [IPV6_IPSEC_POLICY, libc::IPV6_XFRM_POLICY]),
    ];
    let options = levels.into_iter().flat_map(|(level, names)| if_equal(level, &named(names)));
    [load(Argument::at(1))].into_iter().chain(options).chain([allow()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No jump leads out of the filter, and it ends with a verdict, or the kernel refuses it.
    #[test]
    fn jumps_stay_within() {
        let numbers = Numbers { first: 992, count: 32 };
        for parts in [vec![key_sockets(Some(numbers)), policies()], vec![key_sockets(None)]] {
            let filter = filter(&parts);
            for (place, instruction) in filter.iter().enumerate() {
                let furthest = usize::from(instruction.jt.max(instruction.jf));
                assert!(furthest == 0 || place + furthest < filter.len() - 1);
            }
        }
    }
}
