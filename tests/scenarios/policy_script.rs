//! What `setkey --script -DP` prints of an SPD that other programs have made adds the same policies again: compared are
//! the bytes of the kernel's own dump.

use std::io::Write;

use scenarios::{
    Host, Outcome,
    raw_xfrm::{Entry, RawXfrm},
};
use tempfile::NamedTempFile;

/// The SPD in the kernel's own bytes, but for times, counters and indices.
fn spd(host: &Host) -> Vec<Entry> {
    let [_, policies] = host.within(|| RawXfrm::open().dump());
    policies.into_iter().map(Entry::masked).collect()
}

fn script_of(host: &Host, words: &str) -> Outcome {
    host.setkey(&format!("{words} -DP"))
}

fn load(host: &Host, script: &str) {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(script.as_bytes()).expect("room");
    let loaded = host.setkey_file("", file.path());
    assert_eq!((loaded.status, loaded.stdout.as_str()), (0, ""), "{script}\n{}", loaded.stderr);
}

/// Dumps, flushes and loads, in the dialect `linux`; returns the script.
fn there_and_back(host: &Host) -> String {
    let before = spd(host);
    let Outcome { status, stdout: script, stderr } = script_of(host, "--script=restore");
    assert_eq!((status, stderr.as_str()), (0, ""), "{script}");
    load(host, &script);
    let after = spd(host);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after, "{script}");
    }
    assert_eq!(before.len(), after.len(), "{script}");
    script
}

/// Statements without blank lines and comments.
fn statements(script: &str) -> Vec<&str> {
    script.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn a_policy_for_one_device_stays_so() {
    let host = Host::new("spd-device");
    host.ip("xfrm policy add src 192.0.2.1 dst 192.0.2.2 dev lo dir out tmpl src 0.0.0.0 dst 0.0.0.0 proto esp mode transport");
    let script = there_and_back(&host);
    assert_eq!(
        statements(&script),
        [
            "spdflush;",
            "spdadd 192.0.2.1 192.0.2.2 any -dev lo -P out prio number:0 ipsec esp/transport//require/share:any;"
        ]
    );
    let deleted = host.setkey_text("spddelete 192.0.2.1 192.0.2.2 any -P out;");
    assert_eq!(deleted.stdout, "The result of line 1: No entry.\n");
    host.load("spddelete 192.0.2.1 192.0.2.2 any -dev lo -P out;");
    assert!(spd(&host).is_empty());
    let json = host.setkey("--json -DP").stdout;
    assert!(!json.contains("device"), "{json}");
}

#[test]
fn every_number_of_a_template_stays() {
    let host = Host::new("spd-number");
    let any = "src 0.0.0.0 dst 0.0.0.0 proto esp";
    host.ip(&format!(
        "xfrm policy add src 192.0.2.1 dst 192.0.2.5 dir out tmpl {any} mode transport reqid 7 level use
        xfrm policy add src 192.0.2.1 dst 192.0.2.6 dir out tmpl {any} spi 0x1000 mode transport
        xfrm policy add src 192.0.2.1 dst 192.0.2.7 dir out tmpl src 192.0.2.8 dst 192.0.2.9 proto ah mode transport
        xfrm policy add src 192.0.2.1 dst 192.0.2.8 dir out tmpl src 192.0.2.8 dst 192.0.2.9 proto esp mode beet
        xfrm policy add src 192.0.2.1 dst 192.0.2.9 proto icmp type 8 code 0 dir out action block tmpl {any} mode transport
        xfrm policy add src 2001:db8::1 dst 2001:db8::2 dir in flag localok icmp tmpl src :: dst :: proto hao mode ro level use
        xfrm policy add src 198.51.100.0/24 dst 203.0.113.0/24 dir out priority 375423 tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 20000"
    ));
    let script = there_and_back(&host);
    for part in [
        "ipsec esp/transport//use/reqid:7/share:any;",
        "ipsec esp/transport//require/spi:0x1000/share:any;",
        "ipsec ah/transport/192.0.2.8-192.0.2.9/require/share:any;",
        "ipsec esp/beet/192.0.2.8-192.0.2.9/require/share:any;",
        "-portmask 0xffff/0xffff -P out prio number:0 discard esp/transport//require/share:any;",
        "-flag localok -flag icmp -nofwd -P in prio number:0 ipsec hao/ro//use/share:any;",
        "prio number:375423 ipsec esp/tunnel/192.0.2.1-192.0.2.2/unique/reqid:20000/share:any;",
    ] {
        assert!(script.contains(part), "{part}\n{script}");
    }
}

/// An exported `in ... discard` does not become one for forwarded packets.
#[test]
fn a_lone_inbound_policy_stays_alone() {
    let host = Host::new("spd-alone");
    host.ip("xfrm policy add src 192.0.2.0/24 dst 198.51.100.0/24 dir in action block priority 2147483648");
    let script = there_and_back(&host);
    let alone = "spdadd 192.0.2.0/24 198.51.100.0/24 any -nofwd -P in discard;";
    assert_eq!(statements(&script), ["spdflush;", alone]);
    // With its copy it is written as setkey has added it.
    host.load("spdflush; spdadd 192.0.2.0/24 198.51.100.0/24 any -P in discard;");
    let script = there_and_back(&host);
    let both = "spdadd 192.0.2.0/24 198.51.100.0/24 any -P in discard;\n\
                spdupdate 192.0.2.0/24 198.51.100.0/24 any -P fwd discard;\n";
    assert_eq!(script, format!("spdflush;\n{both}"));
    assert_eq!(script_of(&host, "--script").stdout, both);
    let netbsd = script_of(&host, "--dialect netbsd --script");
    let alone = "spdadd 192.0.2.0/24 198.51.100.0/24 any -P in discard;\n";
    assert_eq!((netbsd.status, netbsd.stdout.as_str()), (0, alone));
}

#[test]
fn a_bsd_names_what_it_cannot_say() {
    let host = Host::new("spd-bsd");
    host.ip(
        "xfrm policy add src 192.0.2.1 dst 192.0.2.2 dir out priority 7 tmpl src 0.0.0.0 dst 0.0.0.0 proto esp mode transport
        xfrm policy add src 192.0.2.1 dst 192.0.2.2 dir fwd priority 2147483648 action block",
    );
    let printed = script_of(&host, "--dialect freebsd --script");
    let expected = "# without: priority 7\n\
                    spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;\n\
                    # without: direction fwd\n\
                    # spdadd 192.0.2.1 192.0.2.2 any -P fwd discard;\n";
    assert_eq!((printed.status, printed.stdout.as_str()), (2, expected));
    assert_eq!(
        printed.stderr,
        "setkey: 1 entry is a comment of the script: it is not added again\n"
    );
}

/// SAs and policies with unique numbers over those that a script may choose fit each other after a reload.
#[test]
fn large_unique_numbers_keep_fitting() {
    let host = Host::new("spd-unique");
    host.ip(
        "xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x2000 reqid 20000 mode tunnel enc cbc(aes) 0x00112233445566778899aabbccddeeff
        xfrm policy add src 198.51.100.0/24 dst 203.0.113.0/24 dir out tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel reqid 20000",
    );
    let script = host.setkey("--script -D").stdout + &script_of(&host, "--script").stdout;
    host.flush();
    load(&host, &script);
    assert!(host.show("xfrm state").contains("reqid 20000"));
    assert!(host.show("xfrm policy").contains("reqid 20000"));
}

/// The kernel takes a template in transport mode behind a tunnel of the other IP version if it is of that version.
#[test]
fn a_transport_template_may_follow_a_tunnel_of_the_other_version() {
    let host = Host::new("spd-versions");
    host.load(
        "spdadd 10.0.0.1 10.0.0.2 any -P out ipsec \
         esp/tunnel/2001:db8::1-2001:db8::2/require ah/transport//require;",
    );
    there_and_back(&host);
}
