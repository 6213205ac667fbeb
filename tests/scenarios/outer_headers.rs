//! The DF and ECN bits of a tunnel's outer header, and those of the inner header behind it, are what dfbit and ecn say.

use scenarios::{DfRules, Host, Outcome, Packet, Wire, df_rules, protocol::ESP, report_skipped};

use crate::{
    sites::{Addresses, Sites, V4, V6},
    tunnel::Tunnel,
};

const NOT_ECT: u8 = 0;
const ECT_0: u8 = 2;
const CE: u8 = 3;

#[test]
fn v4_in_v4() {
    outer_header_agrees(&V4, &V4);
}

#[test]
fn v6_in_v4() {
    outer_header_agrees(&V6, &V4);
}

#[test]
fn v4_in_v6() {
    outer_header_agrees(&V4, &V6);
}

#[test]
fn v6_in_v6() {
    outer_header_agrees(&V6, &V6);
}

/// SAs made under each pair of values, and packets of every kind through them.
fn outer_header_agrees(inner: &Addresses, outer: &Addresses) {
    let path = Path::new(inner, outer);
    for (df_bit, ecn) in [(0, 0), (0, 1), (2, 0), (2, 1)] {
        path.set(&format!("net.inet.ipsec.dfbit={df_bit} {}={ecn}", ecn_of(outer)));
        path.make_sas();
        for df in [false, true] {
            for mark in [NOT_ECT, ECT_0, CE] {
                let (outside, inside) = path.send(df, mark, 56);
                let shown = format!("dfbit={df_bit}, ecn={ecn}: {outside:?}, {inside:?}");
                let has_df = df && inner.version == 4;
                assert_eq!((inside.df, inside.ecn), (has_df, mark), "{shown}");
                // Of short IPv6 packets each kernel thinks otherwise.
                if df_bit == 0 || inner.version == 4 {
                    let is_copied = df_bit == 2 && has_df && outer.version == 4;
                    assert_eq!(outside.df, is_copied, "{shown}");
                }
                // The inner header has the congestion already (RFC 3168, section 9.1.1).
                let carried = if mark == CE { ECT_0 } else { mark };
                assert_eq!(outside.ecn, if ecn == 1 { carried } else { NOT_ECT }, "{shown}");
            }
        }
    }
}

/// No router cuts IPv6, so its long packets have DF in an outer IPv4 header, unless that is never to be.
#[test]
fn a_long_v6_packet_in_v4() {
    let path = Path::new(&V6, &V4);
    for df_bit in [0, 2] {
        path.set(&format!("net.inet.ipsec.dfbit={df_bit}"));
        path.make_sas();
        assert_eq!(path.send(false, NOT_ECT, 1300).0.df, df_bit == 2);
    }
}

/// The congestion that a router between the gateways marks is passed on, or is ignored.
#[test]
fn congestion_between_the_gateways() {
    let path = Path::new(&V4, &V4);
    let marking = "filter add dev gateway-a ingress protocol ip u32 match ip protocol 50 0xff
        action pedit ex munge ip tos set 3 retain 3 pipe csum ip4h";
    for words in ["qdisc add dev gateway-a clsact", marking] {
        let mut tc = path.sites.gateway_b.command("tc");
        Outcome::success(tc.args(words.split_whitespace()));
    }
    for (ecn, arrives) in [(0, ECT_0), (1, CE)] {
        path.set(&format!("net.inet.ipsec.ecn={ecn}"));
        path.make_sas();
        let (outside, inside) = path.send(false, ECT_0, 56);
        assert_eq!((outside.ecn, inside.ecn), (if ecn == 1 { ECT_0 } else { NOT_ECT }, arrives));
    }
}

/// SAs that are there keep their flags until they are replaced; all else of them stays.
#[test]
fn sas_are_replaced() {
    let path = Path::new(&V4, &V4);
    for window in ["", "-r 8", "-r 64", "-esn -r 128"] {
        path.set("net.inet.ipsec.dfbit=2 net.inet.ipsec.ecn=1");
        path.make_sas_with(&format!("{window} -lh 3600 -ls 3000"));
        for _ in 0..3 {
            assert!(path.send(true, ECT_0, 56).0.df);
        }
        let before = path.sas();
        assert!(before.iter().all(|sa| sa.contains(" 3(packets)")), "{before:#?}");
        path.set("net.inet.ipsec.dfbit=0 net.inet.ipsec.ecn=0");
        assert_eq!(path.sas(), before);
        let (outside, _) = path.send(true, ECT_0, 56);
        assert_eq!((outside.df, outside.ecn), (true, ECT_0));

        let before = path.sas();
        path.set("--rekey-flags net.inet.ipsec.dfbit=0 net.inet.ipsec.ecn=0");
        let now = path.sas();
        assert!(now.iter().all(|sa| sa.contains("flag noecn nopmtudisc")), "{now:#?}");
        assert_eq!(now.map(|sa| without_flags(&sa)), before.map(|sa| without_flags(&sa)));
        let (outside, _) = path.send(true, ECT_0, 56);
        assert_eq!((outside.df, outside.ecn), (false, NOT_ECT));
    }
}

/// An SA of a BSD script, which has no mode, gets the flags with the mode of tunnel; one in transport mode gets none.
#[test]
fn sas_without_a_mode() {
    let gateway = Host::new("gateway").with_dialect("freebsd");
    gateway.set("net.inet.ipsec.dfbit=0 net.inet.ipsec.ecn=0");
    let add = |spi| format!(r#"add 192.0.2.1 192.0.2.2 esp {spi} -E null "";"#);
    let policy =
        "spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;";
    let flags = |spi: &str| {
        let sa = gateway.show(&format!("xfrm state get dst 192.0.2.2 proto esp spi {spi}"));
        ["tunnel", "noecn", "nopmtudisc"].map(|word| sa.contains(word))
    };
    gateway.load(&add("0x1001"));
    assert_eq!(flags("0x1001"), [false; 3]);
    gateway.load(policy);
    assert_eq!(flags("0x1001"), [true; 3]);
    gateway.load(&add("0x1002"));
    assert_eq!(flags("0x1002"), [true; 3]);
}

/// A script's own flags stay, whatever the variables are, until SAs are replaced for the variable that sets them.
#[test]
fn flags_of_a_script() {
    let gateway = Host::new("gateway");
    gateway.load(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -flag nopmtudisc -flag decap-dscp -E null;",
    );
    for (settings, flags) in [
        ("net.inet.ipsec.ecn=1", "decap-dscp nopmtudisc"),
        ("--rekey-flags net.inet.ipsec.ecn=0", "noecn decap-dscp nopmtudisc"),
        ("--rekey-flags net.inet6.ipsec6.ecn=1", "noecn decap-dscp nopmtudisc"),
        ("--rekey-flags net.inet.ipsec.dfbit=2", "noecn decap-dscp"),
    ] {
        gateway.set(settings);
        let sa = gateway.show("xfrm state get dst 192.0.2.2 proto esp spi 0x1001");
        assert!(sa.contains(&format!("flag {flags}\n")), "{settings}: {sa}");
    }
}

/// DF is set in outer headers, whatever inner ones have. Where the kernel has no nf_tables for IPv4, or it writes no DF,
/// the variable is refused, and nothing is changed.
#[test]
fn df_is_set_or_refused() {
    let path = Path::new(&V4, &V4);
    path.make_sas();
    let before = path.sas();
    let gateway = &path.sites.gateway_a;
    let outcome = gateway.sysctl("--rekey-flags net.inet.ipsec.ecn=0 net.inet.ipsec.dfbit=1");
    let why = match df_rules() {
        DfRules::SetDf => {
            assert_eq!(outcome.status, 0, "{}", outcome.stderr);
            assert_eq!([true, false].map(|df| path.send(df, NOT_ECT, 56).0.df), [true; 2]);
            gateway.set("net.inet.ipsec.dfbit=2");
            assert_eq!([true, false].map(|df| path.send(df, NOT_ECT, 56).0.df), [true, false]);
            report_skipped("the refusal to set DF: nf_tables of this kernel writes it");
            return;
        }
        DfRules::Ignored => {
            "has no effect on this kernel: since Linux 7.2, a rule of nf_tables cannot set DF; 2 copies DF"
        }
        DfRules::Refused => {
            "needs nf_tables for IPv4 in the kernel, and a loopback interface: Operation not supported"
        }
    };
    assert_ne!(outcome.status, 0);
    assert!(
        outcome.stderr.contains(&format!("net.inet.ipsec.dfbit=1 {why}")),
        "{}",
        outcome.stderr
    );
    assert_eq!(gateway.sysctl("-n net.inet.ipsec.dfbit net.inet.ipsec.ecn").stdout, "2\n1\n");
    assert_eq!(path.sas(), before);
    assert!(!path.send(false, NOT_ECT, 56).0.df);
}

/// From host-a to host-b by a tunnel, with an onlooker before and behind its end.
struct Path {
    sites: Sites,
    tunnel: Tunnel,
    target: String,
    outer: Wire,
    inner: Wire,
}

impl Path {
    fn new(inner: &Addresses, outer: &Addresses) -> Self {
        let sites = Sites::new(inner);
        let tunnel = Tunnel::new(inner, outer);
        // Neighbours of the outer version find each other first.
        assert!((0..10).any(|_| sites.gateway_a.ping(&outer.between.bare(2))));
        sites.gateway_a.load(&tunnel.policies_a);
        sites.gateway_b.load(&tunnel.policies_b);
        Self {
            tunnel,
            target: inner.b.bare(2),
            outer: Wire::tap(&sites.gateway_a, "gateway-b"),
            inner: Wire::tap(&sites.gateway_b, "host-b"),
            sites,
        }
    }

    fn gateways(&self) -> [&Host; 2] {
        [&self.sites.gateway_a, &self.sites.gateway_b]
    }

    /// Sets variables of both gateways.
    fn set(&self, settings: &str) {
        for gateway in self.gateways() {
            gateway.set(settings);
        }
    }

    fn make_sas(&self) {
        self.make_sas_with("");
    }

    /// Makes the SAs, new ones if there are some, with more words of setkey(8).
    fn make_sas_with(&self, words: &str) {
        let sas = self.tunnel.sas.replace("-m tunnel", &format!("-m tunnel {words}"));
        for gateway in self.gateways() {
            gateway.load(&format!("flush; {sas}"));
        }
    }

    /// The SAs of both gateways, as ip(8) shows them.
    fn sas(&self) -> [String; 4] {
        let show = |gateway: &Host, n: u8| {
            let dst = format!("192.0.2.{n}");
            gateway.show(&format!("-s xfrm state get dst {dst} proto esp spi 0x100{}", 3 - n))
        };
        let [a, b] = self.gateways();
        [show(a, 1), show(a, 2), show(b, 1), show(b, 2)]
    }

    /// A ping of so many bytes: as it passes between the gateways, and as it arrives.
    fn send(&self, df: bool, ecn: u8, bytes: u16) -> (Packet, Packet) {
        let discovery = if df { "do" } else { "dont" };
        let words = format!("-M {discovery} -Q {ecn:#04x} -s {bytes} {}", self.target);
        assert!(self.sites.host_a.ping(&words), "ping {words}");
        // The answer is captured twice where its tunnel ends: as it comes, and as it leaves the tunnel.
        let ([outer, ..], [inner, _]) = (received::<3>(&self.outer), received::<2>(&self.inner));
        assert_eq!(outer.protocols, [ESP]);
        (outer, inner)
    }
}

/// The next packets.
fn received<const COUNT: usize>(wire: &Wire) -> [Packet; COUNT] {
    wire.packets(COUNT).try_into().expect("as many as that")
}

fn ecn_of(outer: &Addresses) -> &'static str {
    if outer.version == 4 { "net.inet.ipsec.ecn" } else { "net.inet6.ipsec6.ecn" }
}

/// What ip(8) shows of an SA beside its flags, and beside the time of its last packet, which newer kernels show: that is not
/// given to a new SA, unlike that of the first.
fn without_flags(sa: &str) -> String {
    let line = |line: &str| line.split(" flag ").next().unwrap_or_default().to_owned();
    let lines = sa.lines().filter(|line| !line.trim().starts_with("lastused"));
    lines.map(line).collect::<Vec<_>>().join("\n")
}
