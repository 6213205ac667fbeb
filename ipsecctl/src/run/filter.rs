//! The calls of a program that is served: those with a PF_KEY socket, and the options that set and
//! tell policies of sockets.

use libc::{SOL_IP, SOL_IPV6, sock_filter};
use pfkey::client::PF_KEY;
use sockpolicy::option::{IP_IPSEC_POLICY, IPV6_IPSEC_POLICY};

use crate::supervise::{
    call::Numbers,
    filter::{Argument, allow, ask, in_own_convention, load, minus, skip_unless, skip_unless_less},
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
/// too) have another convention, those of x32 other numbers.
pub fn filter(parts: &[Vec<sock_filter>]) -> Vec<sock_filter> {
    [&in_own_convention(allow())[..], &parts.concat(), &[allow()]].concat()
}

/// Asks about new PF_KEY sockets, and what is done with those that have one of the numbers. What is
/// done with other descriptors goes on.
pub fn key_sockets(numbers: Option<Numbers>) -> Vec<sock_filter> {
    let mut part = Vec::new();
    if let Some(numbers) = numbers {
        for call in WITH_SOCKET {
            part.extend(if_it_is(call, &among(numbers)));
        }
        part.extend(if_it_is(libc::SYS_fcntl, &duplicates(numbers)));
    }
    let new = [load(Argument::at(0)), skip_unless(PF_KEY, 1), ask(), allow()];
    part.extend(if_it_is(libc::SYS_socket, &new));
    part
}

/// Asks about the two options.
pub fn policies() -> Vec<sock_filter> {
    let calls = [libc::SYS_setsockopt, libc::SYS_getsockopt];
    calls.into_iter().flat_map(|call| if_it_is(call, &options())).collect()
}

/// What becomes of what was loaded, if it is that. The instructions end with a verdict.
fn if_it_is(value: impl Into<i64>, instructions: &[sock_filter]) -> Vec<sock_filter> {
    // They are few.
    let count = u8::try_from(instructions.len()).unwrap_or(u8::MAX);
    [&[skip_unless(value, count)], instructions].concat()
}

/// Asks if the first argument is one of the numbers. A negative one is greater.
fn among(numbers: Numbers) -> [sock_filter; 5] {
    let less = skip_unless_less(numbers.count, 1);
    [load(Argument::at(0)), minus(numbers.first), less, ask(), allow()]
}

fn duplicates(numbers: Numbers) -> Vec<sock_filter> {
    let commands = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC];
    let asked = commands.into_iter().flat_map(|command| if_it_is(command, &among(numbers)));
    [load(Argument::at(1))].into_iter().chain(asked).chain([allow()]).collect()
}

fn options() -> Vec<sock_filter> {
    let named = |name| [load(Argument::at(2)), skip_unless(name, 1), ask(), allow()];
    let levels = [(SOL_IP, IP_IPSEC_POLICY), (SOL_IPV6, IPV6_IPSEC_POLICY)];
    let asked = levels.into_iter().flat_map(|(level, name)| if_it_is(level, &named(name)));
    [load(Argument::at(1))].into_iter().chain(asked).chain([allow()]).collect()
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
