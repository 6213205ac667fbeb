//! SAs as a script: sequence numbers, what must not be added again, and what only one dialect can express.

use scenarios::{Host, Outcome};

const GCM: &str = "aead rfc4106(gcm(aes)) 0x000102030405060708090a0b0c0d0e0f10111213 128";

fn add(host: &Host, spi: u32, rest: &str) {
    let ends = "src 192.0.2.1 dst 192.0.2.2 proto esp";
    host.ip(&format!("xfrm state add {ends} spi {spi} mode transport {rest}"));
}

fn script(host: &Host, words: &str) -> Outcome {
    host.setkey(&format!("{words} -D --script"))
}

#[test]
fn an_sa_goes_on_with_its_counters_or_begins_again() {
    let host = Host::new("counters");
    add(&host, 256, "replay-window 32 replay-seq 7 replay-oseq 9 enc cipher_null \"\"");
    let before = host.show("xfrm state");
    assert!(before.contains("seq 0x7, oseq 0x9"), "{before}");

    let whole = script(&host, "--counters");
    assert_eq!((whole.status, &*whole.stderr), (0, ""));
    assert!(whole.stdout.contains(" -seq 7/0x00000000 -oseq 9 "), "{}", whole.stdout);
    assert!(
        whole.stdout.contains("# it goes on with these sequence numbers: end the old SA first\n")
    );
    host.flush();
    host.load(&whole.stdout);
    assert_eq!(host.show("xfrm state"), before);

    let plain = script(&host, "");
    assert_eq!((plain.status, &*plain.stderr), (0, ""));
    assert!(!plain.stdout.contains("seq"), "{}", plain.stdout);
    host.flush();
    host.load(&plain.stdout);
    let again = host.show("xfrm state");
    assert!(again.contains("seq 0x0, oseq 0x0"), "{again}");
}

#[test]
fn a_used_key_of_a_counter_mode_is_not_used_again() {
    let host = Host::new("used");
    add(&host, 256, GCM);
    add(&host, 257, &format!("replay-oseq 5 {GCM}"));
    let plain = script(&host, "");
    assert_eq!(plain.status, 2);
    assert_eq!(plain.stderr, "setkey: 1 entry is a comment of the script: it is not added again\n");
    let reason = "# it has sent packets with this key: use a new one, or --counters\n# add 192.0.2.1 192.0.2.2 esp 0x101 ";
    assert!(plain.stdout.contains(reason), "{}", plain.stdout);
    assert!(plain.stdout.starts_with("add 192.0.2.1 192.0.2.2 esp 0x100 "), "{}", plain.stdout);
    host.flush();
    host.load(&plain.stdout);
    assert_eq!(host.show("xfrm state").matches("spi").count(), 1);

    host.flush();
    add(&host, 257, &format!("replay-oseq 5 {GCM}"));
    let before = host.show("xfrm state");
    let whole = script(&host, "--counters");
    assert_eq!(whole.status, 0, "{}", whole.stderr);
    host.flush();
    host.load(&whole.stdout);
    assert_eq!(host.show("xfrm state"), before);
}

#[test]
fn a_larval_sa_is_not_added_again() {
    let host = Host::new("larval");
    let reserved = "--dialect netbsd -c";
    let outcome = host.setkey_input(reserved, "getspi 192.0.2.1 192.0.2.2 esp 0x300;");
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let script = script(&host, "");
    assert_eq!(script.stdout, "# larval: esp to 192.0.2.2\n");
    assert_eq!(
        script.stderr,
        "setkey: 1 entry is a comment of the script: it is not added again\n"
    );
    assert_eq!(script.status, 2);
}

#[test]
fn a_window_has_the_unit_of_its_dialect() {
    let host = Host::new("window");
    for (window, bytes) in [(64, Some("-r 8 ")), (32, Some("-r 4 ")), (33, None)] {
        host.load(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 -r {window} -E null;"));
        let before = host.show("xfrm state");
        for dialect in ["linux", "netbsd", "freebsd"] {
            let script = script(&host, &format!("--dialect {dialect}"));
            match bytes {
                _ if dialect == "linux" => {
                    assert!(script.stdout.contains(&format!("-r {window} ")));
                }
                Some(bytes) => {
                    assert!(script.stdout.contains(bytes), "{dialect}: {}", script.stdout);
                }
                None => {
                    let lost = format!("# without: a replay window of {window} packets\nadd ");
                    assert!(script.stdout.starts_with(&lost), "{dialect}: {}", script.stdout);
                    assert!(script.stdout.contains("-r 4 "), "{dialect}: {}", script.stdout);
                    continue;
                }
            }
            host.flush();
            let loaded = host.setkey_input(&format!("--dialect {dialect} -f -"), &script.stdout);
            assert_eq!((loaded.status, &*loaded.stderr), (0, ""), "{dialect}");
            assert_eq!(host.show("xfrm state"), before, "{dialect}");
        }
        host.flush();
    }
}

#[test]
fn a_flag_that_a_policy_gives_is_named() {
    let host = Host::new("host");
    host.ip("xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1000 mode tunnel enc cbc(aes) 0x00112233445566778899aabbccddeeff");
    let script = host.setkey("-D --script");
    assert_eq!((script.status, script.stderr.as_str()), (0, ""), "{script:?}");
    host.ip("xfrm policy add src 2001:db8::1 dst 2001:db8::2 dir out tmpl src 192.0.2.1 dst 192.0.2.2 proto esp mode tunnel");
    let script = host.setkey("-D --script");
    assert_eq!(script.status, 2, "{script:?}");
    let comment =
        "# with: -flag af-unspec, which its policies or the host's variables require\nadd ";
    assert!(script.stdout.contains(comment), "{}", script.stdout);
    let report = "setkey: 1 SA is given a flag when the script is loaded: a comment names it\n";
    assert_eq!(script.stderr, report);
    // And so it is.
    host.ip("xfrm state flush");
    host.load(&script.stdout);
    assert!(host.show("xfrm state").contains("flag af-unspec"));
    let again = host.setkey("-D --script");
    assert_eq!((again.status, again.stderr.as_str()), (0, ""), "{again:?}");
}
