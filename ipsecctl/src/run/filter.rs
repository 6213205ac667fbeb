//! The calls of a program that is served: those with a PF_KEY socket.

use libc::sock_filter;
use pfkey_socket::PF_KEY;

use crate::supervise::{
    call::Numbers,
    filter::{Argument, allow, ask, in_own_convention, load, minus, skip_unless, skip_unless_less},
};

/// Calls that send on their first argument, or duplicate it.
const WITH_SOCKET: [i64; 6] = [
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_dup,
];

/// The filter. PF_KEY sockets, if the service has them, have the numbers, and so what is done with
/// other descriptors does not ask. Every other call goes on: those of 32-bit programs (i386's
/// `socketcall` too) have another convention, those of x32 other numbers.
pub fn filter(key_sockets: Option<Numbers>) -> Vec<sock_filter> {
    let mut filter = in_own_convention(allow()).to_vec();
    if let Some(numbers) = key_sockets {
        for call in WITH_SOCKET {
            filter.extend(if_it_is(call, &among(numbers)));
        }
        filter.extend(if_it_is(libc::SYS_fcntl, &duplicates(numbers)));
    }
    let new = [load(Argument::at(0)), skip_unless(PF_KEY, 1), ask(), allow()];
    filter.extend(if_it_is(libc::SYS_socket, &new));
    filter.push(allow());
    filter
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

#[cfg(test)]
mod tests {
    use super::*;

    /// No jump leads out of the filter, and it ends with a verdict, or the kernel refuses it.
    #[test]
    fn jumps_stay_within() {
        let numbers = Numbers { first: 992, count: 32 };
        for key_sockets in [Some(numbers), None] {
            let filter = filter(key_sockets);
            for (place, instruction) in filter.iter().enumerate() {
                let furthest = usize::from(instruction.jt.max(instruction.jf));
                assert!(place + furthest < filter.len() - 1 || furthest == 0);
            }
        }
    }
}
