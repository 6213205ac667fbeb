use std::process::Command;

use model::{AddressPair, Current, Spi};

use super::*;

fn tunnel(proto: Proto) -> SaEntry {
    let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
    let sa = Sa { mode: Mode::Tunnel.into(), ..Sa::bare(ends, proto, Spi(4096)) };
    SaEntry { sa, state: SaState::Mature, current: Current::default() }
}

fn with(change: impl Fn(&mut SaEntry)) -> Elements {
    let mut entry = tunnel(Proto::Esp);
    change(&mut entry);
    elements(&entry)
}

fn in_udp(kind: EncapKind) -> Elements {
    with(|entry| {
        entry.sa.encap =
            Some(Encap { kind, src_port: NonZeroU16::new(4500), dst_port: NonZeroU16::new(4501) });
    })
}

fn set_of(elements: &[(&str, &str)]) -> Elements {
    elements.iter().map(|(set, element)| ((*set).to_owned(), (*element).to_owned())).collect()
}

#[test]
fn a_tunnel_is_known_by_what_its_packets_look_like() {
    let esp = set_of(&[("tunnels", "192.0.2.1 . 192.0.2.2 . 50")]);
    assert_eq!(elements(&tunnel(Proto::Esp)), esp);
    assert_eq!(with(|entry| entry.state = SaState::Dying), esp);
    let ah = set_of(&[("tunnels", "192.0.2.1 . 192.0.2.2 . 51")]);
    assert_eq!(elements(&tunnel(Proto::Ah)), ah);
    let ipcomp = ["108", "4", "41"].map(|number| format!("192.0.2.1 . 192.0.2.2 . {number}"));
    let ipcomp = ipcomp.each_ref().map(|element| ("tunnels", element.as_str()));
    assert_eq!(elements(&tunnel(Proto::IpComp)), set_of(&ipcomp));
    let udp = "192.0.2.1 . 192.0.2.2 . 4500 . 4501";
    assert_eq!(in_udp(EncapKind::EspInUdp), set_of(&[("esp_in_udp", udp)]));
    assert_eq!(in_udp(EncapKind::EspInUdpNonIke), set_of(&[("esp_in_udp_non_ike", udp)]));
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

#[test]
fn the_script_replaces_the_table() {
    let expected = "\
table ip xfrm_tools
delete table ip xfrm_tools
table ip xfrm_tools {
    set tunnels { type ipv4_addr . ipv4_addr . inet_proto; \
        elements = { 192.0.2.1 . 192.0.2.2 . 50, 192.0.2.1 . 192.0.2.2 . 51 }; }
    set esp_in_udp { type ipv4_addr . ipv4_addr . inet_service . inet_service; \
        elements = { 192.0.2.1 . 192.0.2.2 . 4500 . 4501 }; }
    set esp_in_udp_non_ike { type ipv4_addr . ipv4_addr . inet_service . inet_service; }
    chain output {
        type filter hook output priority mangle; policy accept;
        ip frag-off & 0x3fff == 0 ip saddr . ip daddr . ip protocol @tunnels \
            ip frag-off set 0x4000
        ip frag-off & 0x3fff == 0 ip saddr . ip daddr . udp sport . udp dport @esp_in_udp \
            @th,64,32 != 0 ip frag-off set 0x4000
        ip frag-off & 0x3fff == 0 ip saddr . ip daddr . udp sport . udp dport @esp_in_udp_non_ike \
            @th,64,64 0 ip frag-off set 0x4000
    }
}
";
    let sas = [tunnel(Proto::Esp), tunnel(Proto::Ah), tunnel(Proto::Esp)];
    let mut wanted: Elements = sas.iter().flat_map(elements).collect();
    wanted.extend(in_udp(EncapKind::EspInUdp));
    assert_eq!(script(&wanted), expected);
}

/// What `nft -j -nnn list table ip xfrm_tools` (1.0.6) prints of a table that [`script`] made, its
/// rules cut short.
const LISTING: &str = r#"{"nftables": [
    {"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}},
    {"table": {"family": "ip", "name": "xfrm_tools", "handle": 2}},
    {"set": {"family": "ip", "name": "tunnels", "table": "xfrm_tools",
        "type": ["ipv4_addr", "ipv4_addr", "inet_proto"], "handle": 2,
        "elem": [{"concat": ["192.0.2.1", "192.0.2.2", 50]}]}},
    {"set": {"family": "ip", "name": "esp_in_udp", "table": "xfrm_tools",
        "type": ["ipv4_addr", "ipv4_addr", "inet_service", "inet_service"], "handle": 3,
        "elem": [{"concat": ["192.0.2.1", "192.0.2.2", 4500, 4501]}]}},
    {"set": {"family": "ip", "name": "esp_in_udp_non_ike", "table": "xfrm_tools",
        "type": ["ipv4_addr", "ipv4_addr", "inet_service", "inet_service"], "handle": 4}},
    {"chain": {"family": "ip", "table": "xfrm_tools", "name": "output", "handle": 1,
        "type": "filter", "hook": "output", "prio": -150, "policy": "accept"}},
    {"rule": {"family": "ip", "table": "xfrm_tools", "chain": "output", "handle": 5}},
    {"rule": {"family": "ip", "table": "xfrm_tools", "chain": "output", "handle": 6}},
    {"rule": {"family": "ip", "table": "xfrm_tools", "chain": "output", "handle": 7}}]}"#;

#[test]
fn a_listing_shows_what_is_there() {
    let listing: Value = serde_json::from_str(LISTING).unwrap();
    let mut expected = elements(&tunnel(Proto::Esp));
    expected.extend(in_udp(EncapKind::EspInUdp));
    assert_eq!(read(&listing), Some(expected));
    // A rule was deleted.
    let mut fewer = listing.clone();
    fewer["nftables"].as_array_mut().unwrap().pop();
    assert_eq!(read(&fewer), None);
    assert_eq!(read(&Value::Null), None);
}

/// It runs again, alone, in a network namespace of its own.
#[test]
fn the_kernel_has_what_is_wanted() {
    const INSIDE: &str = "DF_RULE_NAMESPACE";
    if std::env::var_os(INSIDE).is_some() {
        return has_what_is_wanted();
    }
    let inside = |program: &std::ffi::OsStr, words: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.arg("--net").arg(program).args(words).env(INSIDE, "yes").output().unwrap()
    };
    if !inside("nft".as_ref(), &["add", "table", "ip", "probe"]).status.success() {
        eprintln!("skipped: it needs root, nft(8) and nf_tables for IPv4");
        return;
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let test = format!("{module}::the_kernel_has_what_is_wanted");
    let output = inside(std::env::current_exe().unwrap().as_os_str(), &["--exact", &test]);
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
}

fn has_what_is_wanted() {
    let esp = elements(&tunnel(Proto::Esp));
    let all: Elements = [tunnel(Proto::Ah), tunnel(Proto::IpComp)]
        .iter()
        .flat_map(elements)
        .chain(in_udp(EncapKind::EspInUdp))
        .chain(in_udp(EncapKind::EspInUdpNonIke))
        .collect();
    for (wanted, is_news) in [(&esp, true), (&esp, false), (&all, true), (&all, false)] {
        assert_eq!(make(wanted).unwrap(), is_news);
    }
    assert!(make(&Elements::new()).unwrap());
    assert!(!make(&Elements::new()).unwrap());
    remove().unwrap();
    assert_eq!(nft::list(TABLE), None);
    remove().unwrap();
}
