use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddrV4},
    process::{Command, Stdio},
};

use model::{AddressPair, Current, Spi};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketType, recv, sendto, socket,
    sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover},
};

use super::*;

fn tunnel(proto: Proto) -> SaEntry {
    let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    let sa = Sa { mode: Mode::Tunnel.into(), ..Sa::bare(ends, proto, Spi(4096)) };
    SaEntry::new(sa, SaState::Mature, Current::default())
}

fn with(change: impl Fn(&mut SaEntry)) -> Elements {
    let mut entry = tunnel(Proto::Esp);
    change(&mut entry);
    elements(&entry)
}

fn in_udp(kind: EncapKind) -> Elements {
    with(|entry| {
        entry.sa.encap = Some(Encap {
            kind,
            src_port: NonZeroU16::new(4500),
            dst_port: NonZeroU16::new(4501),
            original: None,
        });
    })
}

/// An element between the ends of [`tunnel`].
fn element(set: Set, values: &[&[u8]]) -> Element {
    Element::new(set, [[192, 0, 2, 1], [192, 0, 2, 2]].map(Into::into), values)
}

fn plain(numbers: &[u8]) -> Elements {
    numbers.iter().map(|number| element(Set::Plain, &[&[*number]])).collect()
}

#[test]
fn a_tunnel_is_known_by_what_its_packets_look_like() {
    assert_eq!(elements(&tunnel(Proto::Esp)), plain(&[50]));
    assert_eq!(with(|entry| entry.state = SaState::Dying), plain(&[50]));
    assert_eq!(elements(&tunnel(Proto::Ah)), plain(&[51]));
    assert_eq!(elements(&tunnel(Proto::IpComp)), plain(&[108, 4, 41]));
    let ports: [&[u8]; 2] = [&[17, 148], &[17, 149]];
    assert_eq!(in_udp(EncapKind::EspInUdp), [element(Set::Udp, &ports)].into());
    assert_eq!(in_udp(EncapKind::EspInUdpNonIke), [element(Set::UdpNonIke, &ports)].into());
}

#[test]
fn other_sas_are_no_reason_to_set_df() {
    let v6 = AddressPair::new("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let v6 = v6.unwrap();
    for none in [
        with(|entry| entry.sa.mode = Mode::Transport.into()),
        with(|entry| entry.sa.ends = v6),
        with(|entry| entry.sa.direction = Some(SaDirection::In)),
        with(|entry| entry.state = SaState::Larval),
        with(|entry| entry.state = SaState::Dead),
        in_udp(EncapKind::EspInTcp),
    ] {
        assert_eq!(none, Elements::new());
    }
}

/// What nft(8) 1.0.6 has made of the script of an older version, and prints. Its expressions begin with
/// `[`; a set of two elements is printed in any order.
const LISTING: &str = "\
table ip xfrm_tools {
\tset tunnels {
\t\ttype ipv4_addr . ipv4_addr . inet_proto
\t\telements = { 192.0.2.1 . 192.0.2.2 . esp }
\t}

\tset esp_in_udp {
\t\ttype ipv4_addr . ipv4_addr . inet_service . inet_service
\t\telements = { 192.0.2.1 . 192.0.2.2 . 4500 . 4501 }
\t}

\tset esp_in_udp_non_ike {
\t\ttype ipv4_addr . ipv4_addr . inet_service . inet_service
\t}

\tchain output {
\t\ttype filter hook output priority mangle; policy accept;
\t\tip frag-off & 16383 == 0 ip saddr . ip daddr . ip protocol @tunnels ip frag-off set 16384
\t\tip frag-off & 16383 == 0 ip saddr . ip daddr . udp sport . udp dport @esp_in_udp \
@th,64,32 != 0x0 ip frag-off set 16384
\t\tip frag-off & 16383 == 0 ip saddr . ip daddr . udp sport . udp dport @esp_in_udp_non_ike \
@th,64,64 0x0 ip frag-off set 16384
\t}
}
";

/// Runs a test again, alone, in a network namespace of its own; it is skipped without privilege or
/// without nf_tables for IPv4.
fn in_a_namespace(test: &str, inside: fn()) {
    const INSIDE: &str = "DF_RULE_NAMESPACE";
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let unshare = |program: &std::ffi::OsStr, words: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.arg("--net").arg(program).args(words).env(INSIDE, "yes").output().unwrap()
    };
    if !unshare("nft".as_ref(), &["add", "table", "ip", "probe"]).status.success() {
        eprintln!("skipped: it needs root, nft(8) and nf_tables for IPv4");
        return;
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let test = format!("{module}::{test}");
    let output = unshare(std::env::current_exe().unwrap().as_os_str(), &["--exact", &test]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
}

/// Runs nft(8) on a script, and returns its output.
fn nft(words: &[&str], script: &str) -> String {
    let mut nft = Command::new("nft");
    nft.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut nft = nft.spawn().unwrap();
    nft.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = nft.wait_with_output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn listing() -> String {
    nft(&["list", "table", "ip", table::NAME], "")
}

#[test]
fn the_kernel_has_what_is_wanted() {
    in_a_namespace("the_kernel_has_what_is_wanted", || {
        let esp = elements(&tunnel(Proto::Esp));
        let all: Elements = [tunnel(Proto::Ah), tunnel(Proto::IpComp)]
            .iter()
            .flat_map(elements)
            .chain(in_udp(EncapKind::EspInUdp))
            .chain(in_udp(EncapKind::EspInUdpNonIke))
            .collect();
        let many: Elements = (0..2500_u32)
            .map(|end| Element::new(Set::Plain, [end, !end].map(Into::into), &[&[50]]))
            .collect();
        for (wanted, is_news) in
            [&esp, &all, &many].map(|wanted| [(wanted, true), (wanted, false)]).concat()
        {
            assert_eq!(make(wanted).unwrap(), is_news);
        }
        assert!(make(&Elements::new()).unwrap());
        assert!(!make(&Elements::new()).unwrap());
        remove().unwrap();
        assert_eq!(nft(&["list", "ruleset"], ""), "");
        remove().unwrap();
    });
}

/// Both make the same table, and each takes the other's for its own.
#[test]
fn it_is_the_table_of_older_versions() {
    in_a_namespace("it_is_the_table_of_older_versions", || {
        let mut wanted = elements(&tunnel(Proto::Esp));
        wanted.extend(in_udp(EncapKind::EspInUdp));
        assert!(make(&wanted).unwrap());
        assert_eq!(listing(), LISTING);
        remove().unwrap();
        nft(&["-f", "-"], LISTING);
        assert!(!make(&wanted).unwrap());
        // A rule was deleted, or an element.
        nft(&["flush", "chain", "ip", table::NAME, "output"], "");
        assert!(make(&wanted).unwrap());
        nft(&["flush", "set", "ip", table::NAME, "tunnels"], "");
        assert!(make(&wanted).unwrap());
        assert_eq!(listing(), LISTING);
    });
}

/// Protocol, payload, and whether a rule sets DF in it.
const DATAGRAMS: [(i32, &[u8], bool); 6] = [
    (50, &[0, 0, 16, 0, 0, 0, 0, 1], true),
    (51, &[0; 12], false),
    // ESP in UDP, from port 4500 to port 4501; IKE.
    (17, &[17, 148, 17, 149, 0, 16, 0, 0, 0, 0, 16, 0, 0, 0, 0, 1], true),
    (17, &[17, 148, 17, 149, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], false),
    // ESP with a non-IKE marker, from port 4502 to port 4503; IKE.
    (17, &[17, 150, 17, 151, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0], true),
    (17, &[17, 150, 17, 151, 0, 16, 0, 0, 0, 0, 16, 0, 0, 0, 0, 1], false),
];

/// Datagrams leave by the loopback interface and are read with their headers. A kernel that does not
/// write DF is found out.
#[test]
fn the_rules_set_df_and_the_probe_sees_it() {
    in_a_namespace("the_rules_set_df_and_the_probe_sees_it", || {
        assert_eq!(probe::sets_df(), Err(Errno::NETUNREACH));
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        let sets_df = probe::sets_df().unwrap();
        let rules = nft(&["list", "ruleset"], "");
        assert_eq!(rules, "", "nothing is left of it");

        let ends = [Ipv4Addr::LOCALHOST; 2];
        let ports: [&[u8]; 2] = [&[17, 148], &[17, 149]];
        let others: [&[u8]; 2] = [&[17, 150], &[17, 151]];
        let wanted = [
            Element::new(Set::Plain, ends, &[&[50]]),
            Element::new(Set::Udp, ends, &ports),
            Element::new(Set::UdpNonIke, ends, &others),
        ];
        make(&wanted.into()).unwrap();
        for (protocol, payload, is_tunnel) in DATAGRAMS {
            let df = has_df_when_it_arrives(protocol, payload);
            assert_eq!(df, is_tunnel && sets_df, "protocol {protocol}: {payload:02x?}");
        }
    });
}

fn has_df_when_it_arrives(protocol: i32, payload: &[u8]) -> bool {
    let protocol = Protocol::from_raw(protocol.cast_unsigned().try_into().unwrap());
    let socket = socket(AddressFamily::INET, SocketType::RAW, Some(protocol)).unwrap();
    set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DONT).unwrap();
    sendto(&socket, payload, SendFlags::empty(), &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))
        .unwrap();
    let mut header = [0; 20];
    recv(&socket, &mut header[..], RecvFlags::TRUNC).unwrap();
    let words = header.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    assert_eq!(words.sum::<u32>() % 0xffff, 0, "the checksum");
    header[6] & 0x40 != 0
}
