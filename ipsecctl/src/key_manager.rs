//! Whether a program negotiates SAs here.

use std::{fs, io};

/// The sockets of netlink in this network namespace.
const SOCKETS: &str = "/proc/net/netlink";

/// `NETLINK_XFRM` (linux/netlink.h).
const XFRM: &str = "6";

/// The bit of the group of ACQUIREs (`XFRMNLGRP_ACQUIRE`, linux/xfrm.h).
const ACQUIRES: u32 = 1;

/// Whether a program receives the kernel's requests for SAs.
pub fn is_there() -> io::Result<bool> {
    Ok(receives_acquires(&fs::read_to_string(SOCKETS)?))
}

/// Whether a line of the table has a socket of XFRM in the group; the fields are address, protocol, port, groups.
fn receives_acquires(table: &str) -> bool {
    table.lines().skip(1).any(|line| {
        let fields: Vec<_> = line.split_whitespace().take(4).collect();
        let [_, protocol, _, groups] = fields[..] else { return false };
        protocol == XFRM
            && u32::from_str_radix(groups, 16).is_ok_and(|groups| groups & ACQUIRES != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_the_group_is_a_key_daemon() {
        let table = |protocol: &str, groups: &str| {
            format!(
                "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                 0000000000000000 {protocol}   1234       {groups} 0        0        0     2        0        4711\n"
            )
        };
        let is = |protocol, groups| receives_acquires(&table(protocol, groups));
        assert_eq!([is("6", "00000001"), is("6", "000000ff")], [true; 2]);
        assert_eq!([is("6", "00000002"), is("0", "00000001"), receives_acquires("")], [false; 3]);
    }
}
