//! Faults in SAs and policies, each planted in a set-up that works.

use scenarios::{Host, Pair, link, linked_hosts};

use super::{Diagnosis, KEYS, pings};

/// Policies for ESP in transport mode between the hosts of a pair, as the first one has them.
fn policies_of_a(level: &str) -> String {
    format!(
        "spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//{level};
        spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//{level};"
    )
}

fn policies_of_b(level: &str) -> String {
    policies_of_a(level)
        .replace("-P out", "-P X")
        .replace("-P in", "-P out")
        .replace("-P X", "-P in")
}

fn sa(src: u8, dst: u8, spi: u32, options: &str) -> String {
    format!("add 192.0.2.{src} 192.0.2.{dst} esp {spi:#x} {options} {KEYS};")
}

fn sas() -> String {
    sa(1, 2, 0x1001, "") + &sa(2, 1, 0x1002, "")
}

/// Two hosts whose scripts are these.
fn pair(of_a: &str, of_b: &str) -> Pair {
    let pair = Pair::without_sas();
    pair.a.load(of_a);
    pair.b.load(of_b);
    pair
}

/// The set-up that works, with another script of SAs at one or both.
fn with_sas(of_a: &str, of_b: &str) -> Pair {
    pair(&(policies_of_a("require") + of_a), &(policies_of_b("require") + of_b))
}

#[test]
fn a_missing_sa() {
    let pair = with_sas(&sa(2, 1, 0x1002, ""), &sas());
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.a, "").names(
        "no-sa",
        &["no SA for policy", "(out 192.0.2.1 > 192.0.2.2", "add 192.0.2.1 192.0.2.2 esp SPI"],
    );
    // What is about another host is left out.
    Diagnosis::of(&pair.a, "192.0.2.9").is_silent();
    Diagnosis::of(&pair.a, "192.0.2.2").names("no-sa", &[]);
}

#[test]
fn a_wrong_spi() {
    let pair = with_sas(&sas(), &(sa(1, 2, 0x1009, "") + &sa(2, 1, 0x1002, "")));
    let _pings = pings(&pair.a, "192.0.2.2");
    let words =
        ["192.0.2.1 sends esp 0x1001", "not here", "0x1009", "add 192.0.2.1 192.0.2.2 esp 0x1001"];
    Diagnosis::of(&pair.b, "").names("unknown-spi", &words);
    Diagnosis::of(&pair.b, "0x1001").names("unknown-spi", &words);
    // The other end shows nothing but that it has no answer.
    let diagnosis = Diagnosis::of(&pair.a, "");
    diagnosis.is_silent();
    assert!(diagnosis.text.contains("nothing came back from 192.0.2.2"), "{}", diagnosis.text);
}

#[test]
fn keys_that_differ() {
    let other = sas().replace("twenty bytes of key!", "another twenty bytes");
    let pair = with_sas(&sas(), &other);
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.b, "")
        .names("integrity", &["esp 0x1001 192.0.2.1 > 192.0.2.2", "keys", "delete 192.0.2.1"]);
}

/// The keys of encryption alone: packets are authentic, and are decrypted to nonsense.
#[test]
fn keys_of_encryption_that_differ() {
    let other = sas().replace("sixteen byte key", "another key, too");
    let pair = with_sas(&sas(), &other);
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.b, "").names("decryption", &["esp 0x1001", "keys of encryption"]);
}

#[test]
fn a_missing_policy_at_the_peer() {
    let pair = pair(&(policies_of_a("require") + &sas()), &sas());
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.a, "").names(
        "in-clear",
        &["packets in clear", "(in 192.0.2.2 > 192.0.2.1", "at the peer: spdadd 192.0.2.2"],
    );
}

/// Its own `out` policy: what leaves is in clear, and the peer drops it.
#[test]
fn a_missing_policy_for_out() {
    let pair = with_sas(&sas(), &sas());
    assert_eq!(pair.a.setkey_text("spddelete 192.0.2.1 192.0.2.2 any -P out;").status, 0);
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.a, "").names("no-out-policy", &["leave in clear", "spdadd 192.0.2.1"]);
    Diagnosis::of(&pair.b, "").names("in-clear", &["(in 192.0.2.1 > 192.0.2.2"]);
}

#[test]
fn a_wrong_reqid() {
    // Of packets that leave.
    let sevens = sa(1, 2, 0x1001, "-u 7") + &sa(2, 1, 0x1002, "-u 7");
    let pair = pair(&(policies_of_a("unique:9") + &sevens), &(policies_of_b("require") + &sas()));
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.a, "").names("no-sa", &["reqid differs: 7", "-u 9"]);
    // Of packets that arrive.
    let nines = sa(1, 2, 0x1001, "-u 9") + &sa(2, 1, 0x1002, "-u 7");
    assert_eq!(pair.a.setkey("-F").status, 0);
    pair.a.load(&nines);
    Diagnosis::of(&pair.a, "")
        .names("template-mismatch", &["does not accept esp 0x1002", "reqid differs: 7", "-u 9"]);
}

#[test]
fn an_sa_that_expires() {
    let pair = with_sas(&sas(), &sas());
    let limit = |options: &str| {
        assert_eq!(pair.a.setkey("-F").status, 0);
        pair.a.load(&(sa(1, 2, 0x1001, options) + &sa(2, 1, 0x1002, "")));
    };
    let words = ["expired", "esp 0x1001", "192.0.2.1 192.0.2.2 esp SPI"];
    limit("-bs 200 -bh 400");
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.a, "").names("expired", &words);
    // It is to expire while it is looked at, which begins later the slower the machine is.
    for seconds in [2, 4, 8, 16, 32, 64] {
        limit(&format!("-ls 1 -lh {seconds}"));
        let diagnosis = Diagnosis::during(seconds + 2, &pair.a, "");
        let first = &diagnosis.causes.first().expect("a cause")["code"];
        if first != "no-sa" || seconds == 64 {
            diagnosis.names("expired", &words);
            return;
        }
    }
}

#[test]
fn sequence_numbers_that_begin_again() {
    let replay = sa(1, 2, 0x1001, "-r 32") + &sa(2, 1, 0x1002, "-r 32");
    let pair = with_sas(&replay, &replay);
    scenarios::Outcome::success(pair.a.command("ping").args([
        "-q",
        "-c100",
        "-i0.01",
        "192.0.2.2",
    ]));
    // The first host is restarted, with the same keys.
    assert_eq!(pair.a.setkey("-F").status, 0);
    pair.a.load(&replay);
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.b, "").names("replay", &["replay", "esp 0x1001", "new SPI"]);
}

#[test]
fn another_mark() {
    let marked = sa(1, 2, 0x1001, "-mark 1/1") + &sa(2, 1, 0x1002, "");
    let pair = with_sas(&marked, &sas());
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.a, "").names("no-sa", &["mark differs: 0x1/0x1", "delete 192.0.2.1"]);
    // Of packets that arrive.
    assert_eq!(pair.a.setkey("-F").status, 0);
    pair.a.load(&(sa(1, 2, 0x1001, "") + &sa(2, 1, 0x1002, "-mark 1/1")));
    Diagnosis::of(&pair.a, "").names("unknown-spi", &["0x1002", "mark differs: 0x1/0x1"]);
}

#[test]
fn another_mode() {
    let tunnel = sa(1, 2, 0x1001, "-m tunnel") + &sa(2, 1, 0x1002, "");
    let pair = with_sas(&tunnel, &sas());
    let _pings = pings(&pair.a, "192.0.2.2");
    Diagnosis::of(&pair.a, "").names("no-sa", &["mode differs: tunnel", "-m transport"]);
    // At the other end: packets of transport mode for an SA of mode tunnel.
    assert_eq!((pair.a.setkey("-F").status, pair.b.setkey("-F").status), (0, 0));
    pair.a.load(&sas());
    pair.b.load(&(sa(1, 2, 0x1001, "-m tunnel") + &sa(2, 1, 0x1002, "")));
    Diagnosis::of(&pair.b, "").names("mode", &["esp 0x1001", "mode"]);
}

#[test]
fn default_policies() {
    let pair = Pair::without_sas();
    let _pings = pings(&pair.a, "192.0.2.2");
    pair.b.ip("xfrm policy setdefault in block");
    Diagnosis::of(&pair.b, "").names(
        "default-policy",
        &["kernel's default policy for in", "192.0.2.1 > 192.0.2.2", "setdefault in accept"],
    );
    // The kernel counts nothing of packets that leave.
    pair.b.ip("xfrm policy setdefault in accept out block");
    Diagnosis::of(&pair.b, "").names("default-policy", &["for out", "setdefault out accept"]);
    pair.b.ip("xfrm policy setdefault in accept out accept");
    pair.b.set("net.inet.ipsec.def_policy=0");
    Diagnosis::of(&pair.b, "").names("default-policy", &["def_policy", "192.0.2.1 > 192.0.2.2"]);
    Diagnosis::of(&pair.a, "").is_silent();
}

#[test]
fn a_policy_that_discards() {
    let pair = with_sas(&sas(), &sas());
    let _pings = pings(&pair.a, "192.0.2.2");
    pair.b.load("spdadd 192.0.2.0/24 192.0.2.2 icmp -P in prio 100 discard;");
    Diagnosis::of(&pair.b, "").names("discard", &["discards packets", "delete dir in index"]);
    pair.a.load("spdadd 192.0.2.1 192.0.2.2 icmp -P out prio 100 discard;");
    Diagnosis::of(&pair.a, "").names("discard", &["(out ", "delete dir out index"]);
}

/// Three hosts: the first and the second are gateways, the third is behind the second.
pub struct Gateways {
    pub a: Host,
    pub b: Host,
    pub behind: Host,
}

impl Gateways {
    /// A tunnel between 10.1.0.1, an address of the first one, and 10.2.0.0/24.
    pub fn new() -> Self {
        let ([a, b], behind) = (linked_hosts(), Host::new("behind"));
        link(&b, "10.2.0.1/24", &behind, "10.2.0.5/24");
        a.ip("addr add 10.1.0.1/32 dev lo\nroute add 10.2.0.0/24 via 192.0.2.2 src 10.1.0.1");
        b.ip("route add 10.1.0.0/24 via 192.0.2.1");
        behind.ip("route add default via 10.2.0.1");
        b.forward();
        let policies = "
            spdadd 10.1.0.0/24 10.2.0.0/24 any -P OUT ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;
            spdadd 10.2.0.0/24 10.1.0.0/24 any -P IN ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;";
        let sas = sa(1, 2, 0x1001, "-m tunnel") + &sa(2, 1, 0x1002, "-m tunnel");
        a.load(&(policies.replace("OUT", "out").replace("IN", "in") + &sas));
        b.load(&(policies.replace("OUT", "in").replace("IN", "out") + &sas));
        Self { a, b, behind }
    }
}

#[test]
fn a_gateway_without_fwd() {
    let hosts = Gateways::new();
    hosts.b.ip("xfrm policy delete src 10.1.0.0/24 dst 10.2.0.0/24 dir fwd");
    // The tables show it without a packet.
    Diagnosis::of(&hosts.b, "").names("no-fwd-policy", &["no fwd policy"]);
    let _pings = pings(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.b, "").names(
        "no-fwd-policy",
        &["no fwd policy", "10.1.0.1 > 10.2.0.5", "spdadd 10.1.0.0/24 10.2.0.0/24 any -P fwd"],
    );
}

#[test]
fn a_tunnel_without_a_policy_for_in() {
    let hosts = Gateways::new();
    hosts.b.ip("xfrm policy delete src 10.1.0.0/24 dst 10.2.0.0/24 dir fwd
        xfrm policy delete src 10.1.0.0/24 dst 10.2.0.0/24 dir in");
    let _pings = pings(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.b, "").names("no-in-policy", &["esp 0x1001", "10.1.0.1 > 10.2.0.5"]);
}

#[test]
fn a_gateway_that_does_not_forward() {
    let hosts = Gateways::new();
    scenarios::Outcome::success(
        hosts.b.command("sh").args(["-c", "echo 0 >/proc/sys/net/ipv4/ip_forward"]),
    );
    let _pings = pings(&hosts.a, "10.2.0.5");
    Diagnosis::of(&hosts.b, "").names("no-forwarding", &["does not forward", "ip_forward=1"]);
}
