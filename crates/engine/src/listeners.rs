//! The sockets that receive the kernel's events, and what they have lost.

use std::{fs, io};

use netlink_sys::protocols::NETLINK_XFRM;

/// Of the network namespace of this thread. Any user may read it.
const FILE: &str = "/proc/thread-self/net/netlink";

/// The bit of the group of requests for SAs (`XFRMNLGRP_ACQUIRE`, linux/xfrm.h).
const ACQUIRES: u32 = 1;

/// The sockets of all programs that receive events of SAs and policies in a network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listeners {
    /// Their number.
    pub sockets: u64,
    /// Those of them that receive requests for SAs, as a program does that negotiates SAs.
    pub of_acquires: u64,
    /// The events that they have lost since they were opened: a program has not read them in time.
    pub lost: u64,
}

/// Reads which sockets of this thread's network namespace receive events.
///
/// Errors: those of read(2).
pub fn listeners() -> io::Result<Listeners> {
    Ok(Listeners::parse(&fs::read_to_string(FILE)?))
}

impl Listeners {
    /// Reads the text (`netlink_seq_show`): a heading, then a line a socket.
    fn parse(text: &str) -> Self {
        text.lines().skip(1).filter_map(groups_and_drops).fold(
            Self::default(),
            |sum, (groups, drops)| Self {
                sockets: sum.sockets + 1,
                of_acquires: sum.of_acquires + u64::from(groups & ACQUIRES != 0),
                lost: sum.lost + drops,
            },
        )
    }
}

/// The columns `Groups` and `Drops` of a socket that receives events.
fn groups_and_drops(line: &str) -> Option<(u32, u64)> {
    let columns = line.split_whitespace().collect::<Vec<_>>();
    let &[_, protocol, _, groups, _, _, _, _, drops, _] = columns.as_slice() else { return None };
    let is_xfrm = protocol.parse() == Ok(NETLINK_XFRM);
    let groups = u32::from_str_radix(groups, 16).ok()?;
    if is_xfrm && groups != 0 { Some((groups, drops.parse().ok()?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux 6.18 prints it.
    #[test]
    fn sockets_with_groups_of_xfrm_count() {
        let text = "\
sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode
0000000000000000 0   1          00000001 0        0        0     2        9        8200
0000000000000000 6   0          00000000 0        0        0     2        0        1025
0000000000000000 6   812        00000000 0        0        0     2        4        1041
0000000000000000 6   813        0000000f 0        0        0     2        3        1042
0000000000000000 6   3221225472 00000002 212992   0        0     2        40       1043
";
        assert_eq!(Listeners::parse(text), Listeners { sockets: 2, of_acquires: 1, lost: 43 });
        assert_eq!(Listeners::parse(""), Listeners::default());
    }

    #[test]
    fn this_kernel_prints_it_so() {
        let text = fs::read_to_string(FILE).unwrap();
        let heading = "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode";
        let first = text.lines().next().unwrap();
        assert_eq!(first.split_whitespace().collect::<Vec<_>>().join(" "), heading);
    }
}
