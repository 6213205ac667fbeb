//! Every algorithm of the model's table, with real packets: the kernel is asked for each, and a ping passes through those that it
//! has.

use model::{ALGORITHMS, Algorithm, AlgorithmKind, Proto};
use rustix::io::Errno;
use scenarios::{Host, Pair, report_skipped};

/// What every kernel with IPsec has (RFC 8221 and its predecessors).
const MUST: [&str; 5] = ["null", "aes-cbc", "aes-gcm-16", "hmac-sha1", "hmac-sha256"];

/// An algorithm with an address of the second host that is protected with it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Case {
    /// The last byte of the address.
    number: usize,
    row: &'static Algorithm,
}

/// Few runs of setkey(8) for all, since each takes long in an emulated kernel.
#[test]
fn a_ping_through_each() {
    let pair = Pair::without_sas();
    pair.a.ip("route add 198.51.100.0/24 via 192.0.2.2");
    pair.b.ip("route add local 198.51.100.0/24 dev lo");
    let present = load_sas(&pair.a);
    assert_eq!(load_sas(&pair.b), present, "two hosts with one kernel");
    for Case { row, .. } in all().filter(|case| !present.contains(case)) {
        report_skipped(&format!("{}, which this kernel does not have", row.name));
        assert!(!MUST.contains(&row.name), "{row:?}");
    }
    for (host, directions) in [(&pair.a, ["out", "in"]), (&pair.b, ["in", "out"])] {
        host.load(&present.iter().map(|case| case.policies(directions)).collect::<String>());
    }

    // Longer than a packet that IPComp leaves as it is.
    let ping = |case: &&Case| pair.a.ping(&format!("-s 500 {}", case.there()));
    let lost: Vec<_> = present.iter().filter(|case| !ping(case)).collect();
    assert_eq!(lost, [] as [&Case; 0], "pings that do not come back");
    let protocols: Vec<_> = pair.packets().iter().map(|packet| packet.protocols[0]).collect();
    let expected = present.iter().flat_map(|case| [case.proto().number(); 2]);
    assert_eq!(protocols, expected.collect::<Vec<_>>());
}

/// Loads the SAs of all algorithms, and returns those that the kernel took.
fn load_sas(host: &Host) -> Vec<Case> {
    let refused = host.setkey_text(&all().map(Case::sas).collect::<String>());
    let refusals = format!("{}{}", refused.stdout, refused.stderr);
    let sad = host.setkey("-D").stdout;
    let is_there = |case: &Case| sad.contains(&format!("192.0.2.1 {} \n", case.there()));
    let (present, absent): (Vec<_>, Vec<_>) = all().partition(is_there);
    // The kernel's answer to an algorithm that it does not have. Another one is a mistake of the table
    // or of this scenario.
    let absences = refusals.matches(&format!("{}.", sys::errno_text(Errno::NOSYS))).count();
    assert_eq!(absences, 2 * absent.len(), "{refusals}");
    assert_eq!(sad.matches("spi=").count(), 2 * present.len(), "{refusals}{sad}");
    present
}

fn all() -> impl Iterator<Item = Case> {
    ALGORITHMS.iter().enumerate().map(|(number, row)| Case { number: number + 1, row })
}

impl Case {
    fn there(self) -> String {
        format!("198.51.100.{}", self.number)
    }

    fn proto(self) -> Proto {
        match self.row.kind {
            // AH refuses it.
            AlgorithmKind::Auth if self.row.name == "null" => Proto::Esp,
            AlgorithmKind::Auth => Proto::Ah,
            AlgorithmKind::Crypt | AlgorithmKind::Aead => Proto::Esp,
            AlgorithmKind::Comp => Proto::IpComp,
        }
    }

    /// An SA in each direction, with the shortest key.
    fn sas(self) -> String {
        let bytes = (1..=self.row.key_bits.min / 8).map(|byte| format!("{byte:02x}"));
        let key = bytes.collect::<String>();
        let key = if key.is_empty() { key } else { format!("0x{key}") };
        let name = self.row.name;
        let algorithms = match self.row.kind {
            AlgorithmKind::Auth if self.proto() == Proto::Esp => format!("-E null -A {name}"),
            AlgorithmKind::Auth => format!("-A {name} {key}"),
            AlgorithmKind::Crypt => {
                format!(r#"-E {name} {key} -A hmac-sha1 "twenty bytes of key!""#)
            }
            AlgorithmKind::Aead => format!("-E {name} {key}"),
            AlgorithmKind::Comp => format!("-C {name}"),
        };
        let (there, proto, spi) = (self.there(), self.proto().word(), 0x1000 + self.number);
        format!(
            "add 192.0.2.1 {there} {proto} {spi} {algorithms};
            add {there} 192.0.2.1 {proto} {spi} {algorithms};\n"
        )
    }

    /// Policies for packets to the address and from it.
    fn policies(&self, [to, from]: [&str; 2]) -> String {
        let (there, proto) = (self.there(), self.proto().word());
        format!(
            "spdadd 192.0.2.1 {there} any -P {to} ipsec {proto}/transport//require;
            spdadd {there} 192.0.2.1 any -P {from} ipsec {proto}/transport//require;\n"
        )
    }
}
