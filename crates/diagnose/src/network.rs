use std::collections::HashMap;

/// Counters of packets that IP, and not XFRM, has dropped: `/proc/net/snmp`, `snmp6` and `netstat`. Each is
/// the sum of both IP versions, unless it has two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkCounters {
    /// Received packets whose source is reached by another device (`rp_filter`).
    pub reverse_path: u64,
    /// Packets that are longer than the MTU and may not be fragmented.
    pub too_big: u64,
    /// Received packets that are for another host, while this one does not forward.
    pub not_local: u64,
    /// Packets of this host that have no route, of IPv4 and of IPv6.
    pub out_no_routes: [u64; 2],
    /// Received packets that have no route.
    pub in_no_routes: u64,
    /// Received packets of TCP and UDP whose checksum is wrong.
    pub checksums: u64,
    /// Received packets of an upper-layer protocol that this host does not have.
    pub unknown_protocol: u64,
    /// Received packets for a UDP port that no program has.
    pub no_port: u64,
}

impl NetworkCounters {
    /// Reads the three files. What a kernel does not have is 0.
    #[must_use]
    pub fn parse(snmp: &str, snmp6: &str, netstat: &str) -> Self {
        let (mut values, tables) = (HashMap::new(), snmp.lines().chain(netstat.lines()));
        // Pairs of lines: names, and values.
        let mut names: Option<&str> = None;
        for line in tables {
            let Some(above) = names.take() else {
                names = Some(line);
                continue;
            };
            let group = above.split(':').next().unwrap_or_default();
            let pairs = above.split_whitespace().zip(line.split_whitespace()).skip(1);
            values.extend(pairs.map(|(name, value)| (format!("{group}.{name}"), number(value))));
        }
        let pairs = snmp6.lines().filter_map(|line| {
            let mut fields = line.split_whitespace();
            fields.next().zip(fields.next())
        });
        values.extend(pairs.map(|(name, value)| (name.to_owned(), number(value))));
        let sum =
            |names: &[&str]| names.iter().map(|name| values.get(*name).copied().unwrap_or(0)).sum();
        Self {
            reverse_path: sum(&["TcpExt.IPReversePathFilter"]),
            too_big: sum(&["Ip.FragFails", "Ip6FragFails", "Ip6InTooBigErrors"]),
            not_local: sum(&["Ip.InAddrErrors", "Ip6InAddrErrors"]),
            out_no_routes: [sum(&["Ip.OutNoRoutes"]), sum(&["Ip6OutNoRoutes"])],
            in_no_routes: sum(&["IpExt.InNoRoutes", "Ip6InNoRoutes"]),
            checksums: sum(&["Tcp.InCsumErrors", "Udp.InCsumErrors", "Udp6InCsumErrors"]),
            unknown_protocol: sum(&["Ip.InUnknownProtos", "Ip6InUnknownProtos"]),
            no_port: sum(&["Udp.NoPorts", "Udp6NoPorts"]),
        }
    }

    /// What was counted since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            reverse_path: self.reverse_path.saturating_sub(before.reverse_path),
            too_big: self.too_big.saturating_sub(before.too_big),
            not_local: self.not_local.saturating_sub(before.not_local),
            out_no_routes: [0, 1]
                .map(|it| self.out_no_routes[it].saturating_sub(before.out_no_routes[it])),
            in_no_routes: self.in_no_routes.saturating_sub(before.in_no_routes),
            checksums: self.checksums.saturating_sub(before.checksums),
            unknown_protocol: self.unknown_protocol.saturating_sub(before.unknown_protocol),
            no_port: self.no_port.saturating_sub(before.no_port),
        }
    }
}

/// Some values are negative, as `Ip.DefaultTTL` of old kernels was: none of those above.
fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_summed() {
        let snmp = "Ip: Forwarding InAddrErrors FragFails\nIp: 1 2 3\nUdp: InDatagrams NoPorts\nUdp: 4 5\n";
        let snmp6 = "Ip6InTooBigErrors \t7\nIp6InAddrErrors 1\nUdp6NoPorts 1\nIp6New -1\n";
        let netstat = "TcpExt: SyncookiesSent IPReversePathFilter\nTcpExt: 0 9\nIpExt: InNoRoutes\nIpExt: 1\n";
        let read = NetworkCounters::parse(snmp, snmp6, netstat);
        let expected = NetworkCounters {
            reverse_path: 9,
            too_big: 10,
            not_local: 3,
            in_no_routes: 1,
            no_port: 6,
            ..NetworkCounters::default()
        };
        assert_eq!(read, expected);
        assert_eq!(read.since(&NetworkCounters { too_big: 8, ..read }).too_big, 2);
        assert_eq!(NetworkCounters::parse("x", "y", "z"), NetworkCounters::default());
    }
}
