use crate::Dialect;

/// The names of protocols 1, 2, ... that FreeBSD's and NetBSD's /etc/protocols have in common; empty
/// where they differ or have none.
#[rustfmt::skip]
static COMMON: &[&str] = &[
    "icmp", "igmp", "ggp", "", "", "tcp", "cbt", "egp", "igp", "", "", "pup", "argus", "emcon",
    "xnet", "chaos", "udp", "mux", "", "hmp", "prm", "xns-idp", "trunk-1", "trunk-2", "leaf-1",
    "leaf-2", "rdp", "irtp", "iso-tp4", "netblt", "mfe-nsp", "merit-inp", "dccp", "3pc", "idpr",
    "xtp", "ddp", "idpr-cmtp", "tp++", "il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag", "idrp",
    "rsvp", "gre", "dsr", "bna", "esp", "ah", "i-nlsp", "swipe", "narp", "mobile", "tlsp", "skip",
    "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "", "cftp", "", "sat-expak", "kryptolan", "rvd",
    "ippc", "", "sat-mon", "visa", "ipcv", "cpnx", "cphb", "wsn", "pvp", "br-sat-mon", "sun-nd",
    "wb-mon", "wb-expak", "iso-ip", "vmtp", "secure-vmtp", "vines", "ttp", "nsfnet-igp", "dgp",
    "tcf", "eigrp", "", "sprite-rpc", "larp", "mtp", "ax.25", "ipip", "micp", "scc-sp", "etherip",
    "encap", "", "gmtp", "ifmp", "pnni", "pim", "aris", "scps", "qnx", "a/n", "ipcomp", "snp",
    "compaq-peer", "ipx-in-ip", "", "pgm", "", "l2tp", "ddx", "iatp", "stp", "srp", "uti", "smp",
    "sm", "ptp", "isis", "fire", "crtp", "crudp", "sscopmce", "iplt", "sps", "pipe", "sctp", "fc",
    "rsvp-e2e-ignore", "", "udplite", "mpls-in-ip", "manet", "hip", "shim6", "wesp", "rohc",
];

/// The other names of FreeBSD (lib/libc/net/protocols).
static FREEBSD: &[(u8, &str)] = &[
    (4, "ipencap"),
    (5, "st2"),
    (10, "bbn-rcc"),
    (11, "nvp"),
    (19, "dcn"),
    (89, "ospf"),
    (112, "carp"),
    (135, "mobility-header"),
    (240, "pfsync"),
];

/// The other names of NetBSD (etc/protocols, 1.28).
static NETBSD: &[(u8, &str)] = &[
    (4, "ipv4"),
    (5, "st"),
    (10, "bbn-rcc-mon"),
    (11, "nvp-ii"),
    (19, "dcn-meas"),
    (89, "ospfigp"),
    (112, "vrrp"),
    (135, "mobility"),
    (240, "pfsync"),
    (255, "reserved"),
];

/// The first name of a protocol as getprotobynumber(3) returns it where the dialect is from.
#[must_use]
pub fn name_in(number: u8, dialect: Dialect) -> Option<&'static str> {
    let Some(own) = own(dialect) else { return super::protocol_name(number) };
    let common = || {
        let place = usize::from(number).checked_sub(1)?;
        COMMON.get(place).copied().filter(|name| !name.is_empty())
    };
    own.iter().find(|row| row.0 == number).map(|row| row.1).or_else(common)
}

/// The number of a protocol by a name that getprotobyname(3) knows where the dialect is from, or on Linux.
#[must_use]
pub fn number_in(name: &str, dialect: Dialect) -> Option<u8> {
    let of_linux = || super::protocol_number(name);
    let Some(own) = own(dialect).filter(|_| !name.is_empty()) else { return of_linux() };
    let common = || {
        let place = COMMON.iter().position(|common| *common == name)?;
        u8::try_from(place + 1).ok()
    };
    own.iter().find(|row| row.1 == name).map(|row| row.0).or_else(common).or_else(of_linux)
}

/// The names that a BSD has for itself.
fn own(dialect: Dialect) -> Option<&'static [(u8, &'static str)]> {
    match dialect {
        Dialect::Linux => None,
        Dialect::FreeBsd => Some(FREEBSD),
        Dialect::NetBsd => Some(NETBSD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_its_names() {
        for (number, freebsd, netbsd) in [
            (1, Some("icmp"), Some("icmp")),
            (4, Some("ipencap"), Some("ipv4")),
            (58, Some("ipv6-icmp"), Some("ipv6-icmp")),
            (61, None, None),
            (112, Some("carp"), Some("vrrp")),
            (135, Some("mobility-header"), Some("mobility")),
            (142, Some("rohc"), Some("rohc")),
            (143, None, None),
            (255, None, Some("reserved")),
        ] {
            assert_eq!(name_in(number, Dialect::FreeBsd), freebsd);
            assert_eq!(name_in(number, Dialect::NetBsd), netbsd);
        }
        assert_eq!(name_in(112, Dialect::Linux), Some("vrrp"));
    }

    #[test]
    fn a_name_that_is_printed_is_read() {
        for dialect in Dialect::ALL {
            for number in 0..=255 {
                if let Some(name) = name_in(number, *dialect) {
                    assert_eq!(number_in(name, *dialect), Some(number), "{name} {dialect:?}");
                }
            }
            assert_eq!(number_in("", *dialect), None);
        }
        assert_eq!(number_in("carp", Dialect::Linux), None);
        assert_eq!(number_in("vrrp", Dialect::FreeBsd), Some(112));
    }
}
