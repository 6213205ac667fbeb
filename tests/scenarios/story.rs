//! The steps of every scenario on packets.

use scenarios::{Host, Packet, Wire, linked_hosts, protocol};

/// Who protects what, and where an onlooker listens.
pub struct Story<'a> {
    /// The two ends of the SAs, each with its policies.
    pub ends: [(&'a Host, &'a str); 2],
    /// The SAs, which both ends load.
    pub sas: &'a str,
    /// Who pings, and what: words of ping(8).
    pub ping: (&'a Host, &'a str),
    /// The wire between the two ends.
    pub wire: &'a Wire,
}

/// The story of two hosts on one wire, 192.0.2.1 and 192.0.2.2, in transport mode: the packets that the onlooker sees. `policies`
/// makes the policies of a host from its address and the other's; the first host pings, with these words of ping(8).
pub fn of_two_hosts(policies: fn(&str, &str) -> String, sas: &str, ping: &str) -> Vec<Packet> {
    let [a, b] = linked_hosts();
    let ends = [policies("192.0.2.1", "192.0.2.2"), policies("192.0.2.2", "192.0.2.1")];
    let wire = Wire::tap(&a, "b");
    Story { ends: [(&a, &ends[0]), (&b, &ends[1])], sas, ping: (&a, ping), wire: &wire }.print()
}

impl Story<'_> {
    /// The policies alone stop the ping and nothing leaks. With the SAs it passes; the packets that the onlooker sees then
    /// are the result. After a flush it passes in the clear again.
    pub fn print(&self) -> Vec<Packet> {
        self.passes_in_the_clear();

        for (host, policies) in self.ends {
            host.load(policies);
        }
        assert!(!self.ping(), "the ping passes without SAs");

        for (host, _) in self.ends {
            host.load(self.sas);
        }
        assert!(self.ping(), "the ping does not pass the SAs");
        let packets = self.wire.packets(2);

        for (host, _) in self.ends {
            host.flush();
        }
        self.passes_in_the_clear();
        packets
    }

    fn passes_in_the_clear(&self) {
        assert!(self.ping(), "the ping does not pass in the clear");
        for packet in self.wire.packets(2) {
            assert!(
                matches!(packet.protocols[..], [protocol::ICMP | protocol::ICMP6]),
                "{packet:?}"
            );
        }
    }

    fn ping(&self) -> bool {
        let (host, words) = self.ping;
        host.ping(words)
    }
}
