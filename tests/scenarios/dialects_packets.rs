//! Two hosts that were set up by scripts of a BSD: what passes between them.

use std::{thread::sleep, time::Duration};

use scenarios::{
    Host, Outcome, Wire, assert_same, linked_hosts,
    protocol::{ESP, ICMP, ICMP6, IPCOMP},
};

/// Two hosts with setkeys of a dialect, and the wire between them.
fn hosts(dialect: &'static str) -> ([Host; 2], Wire) {
    let [a, b] = linked_hosts().map(|host| host.with_dialect(dialect));
    a.ip("addr add 2001:db8::1/64 dev b");
    b.ip("addr add 2001:db8::2/64 dev a");
    // Neighbours find each other first.
    assert!(a.ping("192.0.2.2") && a.ping("2001:db8::2"));
    let wire = Wire::tap(&a, "b");
    ([a, b], wire)
}

/// IPComp in transport mode each way, for both IP versions, and never `use`.
const COMPRESSED: &str = "
    add 192.0.2.1 192.0.2.2 ipcomp 0x2001 -C deflate;
    add 192.0.2.2 192.0.2.1 ipcomp 0x2002 -C deflate;
    add 2001:db8::1 2001:db8::2 ipcomp 0x2003 -u 7 -C deflate;
    add 2001:db8::2 2001:db8::1 ipcomp 0x2004 -u 7 -C deflate;
    spdadd 192.0.2.HERE 192.0.2.THERE any -P out ipsec ipcomp/transport//require;
    spdadd 192.0.2.THERE 192.0.2.HERE any -P in ipsec ipcomp/transport//require;
    spdadd 2001:db8::HERE 2001:db8::THERE any -P out ipsec ipcomp/transport//unique:7;
    spdadd 2001:db8::THERE 2001:db8::HERE any -P in ipsec ipcomp/transport//unique:7;";

/// 1,000 equal bytes, which compression makes fewer.
const LARGE: &str = "-s 1000 -p 2a";

fn load([a, b]: &[Host; 2], script: &str) {
    a.load(&script.replace("THERE", "2").replace("HERE", "1"));
    b.load(&script.replace("THERE", "1").replace("HERE", "2"));
}

/// What comes in needs no IPComp on the BSDs, whatever the level: small packets are not compressed.
#[test]
fn packets_too_small_to_be_compressed() {
    for (dialect, pass) in [("netbsd", true), ("freebsd", true), ("linux", false)] {
        let (hosts, wire) = hosts(dialect);
        load(&hosts, COMPRESSED);
        let a = &hosts[0];
        for target in ["192.0.2.2", "2001:db8::2"] {
            assert_eq!(a.ping(target), pass, "{dialect}");
        }
        // tcpdump is a little behind.
        sleep(Duration::from_millis(500));
        for packet in wire.received() {
            assert!(matches!(packet.protocols[..], [ICMP | ICMP6]), "{dialect}: {packet:?}");
        }
        for target in ["192.0.2.2", "2001:db8::2"] {
            assert!(a.ping(&format!("{target} {LARGE}")), "{dialect}");
        }
        for packet in wire.packets(4) {
            assert_eq!(packet.protocols, [IPCOMP], "{dialect}");
        }
    }
}

/// Dumps keep the level, a script means the same in its dialect, and the policies never become strict again.
#[test]
fn packets_too_small_to_compress() {
    let (hosts, _wire) = hosts("netbsd");
    let policies = "
        spdadd 192.0.2.THERE 192.0.2.HERE any -P in ipsec ipcomp/transport//require esp/transport//default;
        spdadd 2001:db8::THERE 2001:db8::HERE any -P in ipsec ipcomp/transport//unique:7;";
    load(&hosts, policies);
    let [a, _] = &hosts;
    // `default` becomes `use`: the policy is written again.
    for host in &hosts {
        host.set("-w net.inet.ipsec.esp_trans_deflev=1");
    }
    assert!(a.ping("192.0.2.2"), "in clear");
    let optional = |expected: usize, show: &str| {
        let lines = show.lines().filter(|line| line.contains("level use share ")).count();
        assert_eq!(lines, expected, "{show}");
    };
    // Of each policy and its copy for what is forwarded.
    optional(6, &a.show("-s xfrm policy"));

    let dump = a.setkey("-DP").stdout;
    for line in ["ipcomp/transport//require", "esp/transport//default", "ipcomp/transport//unique"]
    {
        assert!(dump.contains(line), "{line} in\n{dump}");
    }
    let table = a.ipsecctl("show policies").stdout;
    assert!(table.contains("ipcomp/transport//require (optional)"), "{table}");

    let own = a.setkey("-DP --script").stdout;
    assert!(own.contains("ipcomp/transport//require esp/transport//default"), "{own}");
    let linux = a.setkey("--dialect linux -DP --script").stdout;
    // What the dialect would not request is said of the kernel's fields.
    for part in ["ipcomp/transport//use/share:unique esp/transport//default", "use/reqid:7/share:"]
    {
        assert!(linux.contains(part), "{part} in\n{linux}");
    }
    for (dialect, script) in [("netbsd", own), ("linux", linux)] {
        let other = Host::new("other").with_dialect(dialect);
        let write = if dialect == "netbsd" { "-w " } else { "" };
        other.set(&format!("{write}net.inet.ipsec.esp_trans_deflev=1"));
        other.load(&script);
        optional(6, &other.show("-s xfrm policy"));
    }
}

const KEYS: &str = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;
const OTHER_KEYS: &str = r#"-E aes-cbc "SIXTEEN BYTE KEY" -A hmac-sha1 "TWENTY BYTES OF KEY!""#;

/// NetBSD's getspi makes a larval SA and prints nothing of it; update completes it, and gives it other limits and keys.
#[test]
fn an_sa_from_getspi_to_its_second_keys() {
    let (hosts, _) = hosts("netbsd");
    let [a, b] = &hosts;
    let wire = Wire::leaving(a, "b");
    load(
        &hosts,
        "getspi 192.0.2.1 192.0.2.2 esp 10000 -lh 100 -ls 90;
        getspi -4 192.0.2.2 192.0.2.1 esp 10001;
        spdadd 192.0.2.HERE 192.0.2.THERE any -P out ipsec esp/tunnel/192.0.2.HERE-192.0.2.THERE/require;
        spdadd 192.0.2.THERE 192.0.2.HERE any -P in ipsec esp/tunnel/192.0.2.THERE-192.0.2.HERE/require;",
    );
    let states = |host: &Host| {
        let dump = host.setkey("-D").stdout;
        let states = dump.split_whitespace().filter_map(|word| word.strip_prefix("state="));
        states.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(states(a), ["larval", "larval"]);
    assert!(!a.ping("192.0.2.2"));

    let update = |keys: &str| {
        let update = |ends, spi| format!("update {ends} esp {spi} -lh 1000 -ls 900 {keys};");
        update("192.0.2.1 192.0.2.2", 10000) + &update("-n 192.0.2.2 192.0.2.1", 10001)
    };
    // Without `-m` an SA takes the mode of its policy, which is no transport.
    load(&hosts, &update(KEYS));
    assert_eq!(states(a), ["mature", "mature"]);
    assert!(a.ping("192.0.2.2"));
    let dump = a.setkey("-D").stdout;
    assert!(dump.contains("esp mode=any ") && dump.contains("hard: 1000(s)"), "{dump}");

    // Other limits, the same keys: it is the same SA still, with what it has counted.
    load(&hosts, &update(KEYS).replace("-lh 1000", "-lh 2000"));
    let dump = a.setkey("-D").stdout;
    assert!(dump.contains("hard: 2000(s)") && dump.contains("allocated: 1"), "{dump}");

    // Other keys, on one host and then on both.
    a.load(&update(OTHER_KEYS));
    assert!(!a.ping("192.0.2.2"), "each has its own keys");
    b.load(&update(OTHER_KEYS));
    assert!(a.ping("192.0.2.2"));
    assert!(wire.received().iter().all(|packet| packet.protocols == [ESP]));

    let gone = a.setkey_text(&format!("\nupdate 192.0.2.1 192.0.2.2 esp 10005 {KEYS};"));
    assert_eq!((gone.status, gone.stdout.as_str()), (0, ""));
    assert!(gone.stderr.contains(",2: No such process\n"), "{}", gone.stderr);
}

/// The same by PF_KEY, and its messages with `-v`.
#[test]
fn getspi_and_update_by_pf_key() {
    let host = Host::new("bsd").with_dialect("netbsd");
    let script = format!(
        "getspi 192.0.2.1 192.0.2.2 esp 10000; update 192.0.2.1 192.0.2.2 esp 10000 -m transport {KEYS};"
    );
    let run = |words: &str| host.setkey_input(&format!("{words} -c"), &script);
    let mut dumps = Vec::new();
    for options in ["--pfkey=kernel", "--dialect netbsd"] {
        assert_eq!(run(options), Outcome::SILENCE, "{options}");
        dumps.push(host.show("-s xfrm state"));
        host.flush();
        // SADB_GETSPI (1) and SADB_UPDATE (2), and their answers.
        let verbose = run(&format!("{options} -v"));
        let types = verbose.stdout.matches("sadb_msg{ version=2 type=1 ").count();
        assert_eq!((verbose.status, types), (0, 2), "{options}: {}", verbose.stdout);
        assert_eq!(verbose.stdout.matches("sadb_msg{ version=2 type=2 ").count(), 2, "{options}");
        host.flush();
    }
    let stable = |dump: &str| {
        let lines = dump.lines().filter(|line| !line.contains(" add ") && !line.contains("replay"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_same(&stable(&dumps[0]), &stable(&dumps[1]));
}
