//! What the BSDs say otherwise than Linux.

mod common;

use std::num::NonZeroU16;

use common::{run, run_in};
use model::{
    Dialect::{self, FreeBsd, Linux, NetBsd},
    Direction, Encap, EncapKind, Error, Mode, Operation, ReqId, Sa, SaDirection, SaMode, Spi,
    Upper, Variables,
};

#[track_caller]
fn one(dialect: Dialect, script: &str) -> Result<Operation, Error> {
    let mut run = run_in(dialect, script.as_bytes());
    assert_eq!(run.error, None, "{script}");
    assert_eq!(run.operations.len(), 1, "{script}");
    run.operations.remove(0)
}

/// The SA of `add 192.0.2.1 192.0.2.2 REST;`.
#[track_caller]
fn sa(dialect: Dialect, rest: &str) -> Sa {
    match one(dialect, &format!("add 192.0.2.1 192.0.2.2 {rest};")) {
        Ok(Operation::AddSa(sa)) => *sa,
        other => panic!("{other:?}"),
    }
}

/// What is printed for a script that is refused, and the way out.
#[track_caller]
fn refused(dialect: Dialect, script: &str) -> (String, String) {
    let error = run_in(dialect, script.as_bytes()).error;
    let error = error.unwrap_or_else(|| panic!("accepted: {script}"));
    let help = error.help().unwrap_or_default().into_owned();
    (error.original().unwrap_or_else(|| error.to_string()), help)
}

/// Script, what its original prints, and what helps; `@` is an `add` up to its SPI.
#[rustfmt::skip]
const FOREIGN: &[(Dialect, &str, &str, &str)] = &[
    (Linux, "getspi ::1 ::2 esp 0;", "syntax error at [getspi]", "`getspi` is NetBSD's: use --dialect netbsd"),
    (Linux, "update ::1 ::2 esp 256 -E null;", "syntax error at [update]", "`update` is NetBSD's: use --dialect netbsd"),
    (FreeBsd, "update ::1 ::2 esp 256 -E null \"\";", "syntax error at [update]", "`update` is NetBSD's: use --dialect netbsd"),
    (FreeBsd, "getspi ::1 ::2 esp 0;", "syntax error at [getspi]", "`getspi` is NetBSD's: use --dialect netbsd"),
    (Linux, "@ -esp_frag 5 -E null;", "Syntax error at [-]", "`-esp_frag` is NetBSD's: use --dialect netbsd"),
    (Linux, "@ -esp_frag x -E null;", "Syntax error at [-]", "`-esp_frag` is NetBSD's: use --dialect netbsd"),
    (FreeBsd, "@ -esp_frag 5 -E null;", "Syntax error at [-]", "`-esp_frag` is NetBSD's: use --dialect netbsd"),
    (Linux, "@ -natt_mtu 5 -E null;", "syntax error at [-n]", "`-natt_mtu` is FreeBSD's: use --dialect freebsd"),
    (Linux, "@ -hwif em0 -E null;", "Syntax error at [-]", "`-hwif` is FreeBSD's: use --dialect freebsd"),
    (NetBsd, "@ -hwif em0 -E null;", "Syntax error at [-]", "`-hwif` is FreeBSD's: use --dialect freebsd"),
    (FreeBsd, "@ -bh 5 -E null \"\";", "Syntax error at [-]", "`-bh` is Linux's: use --dialect linux"),
    (FreeBsd, "@ -ctx 1 1 \"a\" -E null;", "Syntax error at [-]", "`-ctx` is Linux's: use --dialect linux"),
    (FreeBsd, "spdupdate ::1 ::2 any -P in none;", "syntax error at [spdupdate]", "`spdupdate` is Linux's: use --dialect linux"),
    (FreeBsd, "exit;", "syntax error at [exit]", "`exit` is Linux's: use --dialect linux"),
    (FreeBsd, "add ::1 ::2 esp-udp 256 -E null;", "syntax error at [esp-udp]", "`esp-udp` is Linux's: use --dialect linux"),
    (FreeBsd, "add ::1[5] ::2 esp 256 -E null;", "syntax error at [[]", "FreeBSD has no ports here: use -natt, or --dialect linux"),
    (Linux, "spdadd ::1 ::2 esp -P in none;", "syntax error at [esp]", "`esp` is a word of the language: say 50, or use --dialect freebsd"),
    (NetBsd, "spdadd ::1 ::2 esp -P in none;", "syntax error at [esp]", "`esp` is a word of the language: say 50, or use --dialect freebsd"),
    (NetBsd, "@ -E null \"\";", "syntax error at []", "null takes no key: leave it out, or use --dialect freebsd"),
    (Linux, "add ::1 ::2 tcp 256 -A tcp-md5 \"s\";", "syntax error at [s]", "TCP-MD5 is no SA on Linux: set TCP_MD5SIG on the socket instead"),
    (NetBsd, "spdadd ::1 ::2 any -P fwd none;", "Invalid argument at [ fwd none]", "`fwd` is Linux's: use --dialect linux"),
    (FreeBsd, "spdadd ::1 ::2 any -P fwd none;", "Invalid argument at [ fwd none]", "`fwd` is Linux's: use --dialect linux"),
    (FreeBsd, "spdadd ::1 ::2 any -P in prio 5 none;", "Invalid argument at [ in prio 5 none]", "`prio` is Linux's: use --dialect linux"),
    (FreeBsd, "spdadd ::1 ::2 any -P in prio def + 5 none;", "Syntax error at [ in prio def +]", "FreeBSD has no priorities and ports in policies: use --dialect linux"),
    (FreeBsd, "spdadd ::1 ::2 any -P in ipsec esp/tunnel/::1[1]-::2[2]/use;", "syntax error at [ in ipsec esp/tunnel/::1[]", "FreeBSD has no priorities and ports in policies: use --dialect linux"),
    (NetBsd, "spdadd ::1 ::2 any -P in prio 5 none;", "Policy priority not compiled in at [ in prio 5 none]", "leave it out: policies are tried in order; or use --dialect linux"),
];

#[test]
fn words_of_another_dialect() {
    for (dialect, script, original, help) in FOREIGN {
        let script = script.replace('@', "add ::1 ::2 esp 256");
        let expected = (format!("line 1: {original}"), (*help).to_owned());
        assert_eq!(refused(*dialect, &script), expected, "{dialect:?}: {script}");
    }
}

#[test]
fn what_linux_cannot_do_is_refused_with_the_reason() {
    for (dialect, script, message) in [
        (
            NetBsd,
            "add ::1 ::2 esp 256 -E des-deriv \"12345678\";",
            "Linux has no des-deriv: DES with an IV that is not whole in the packet",
        ),
        (
            NetBsd,
            "add ::1 ::2 esp-old 256 -E des-cbc \"12345678\";",
            "Linux has no esp-old: RFC 1826 and RFC 1827 packets are not those of RFC 4302 and RFC 4303",
        ),
        (
            NetBsd,
            "add ::1 ::2 ah 256 -A keyed-md5 \"1234567890123456\";",
            "line 1: Not supported at [1234567890123456]",
        ),
        (
            FreeBsd,
            "add ::1 ::2 esp 256 -hwif em0 -E null;",
            "-hwif does not say which way the packets go",
        ),
        (
            FreeBsd,
            "spdadd ::1 ::2 gre 1.2.3.4 -P in none;",
            "FreeBSD takes a type and code with icmp6 only, not `1.2.3.4`",
        ),
        (FreeBsd, "add ::1 ::2 esp 256 -r 513 -E null;", "-r 513 is out of range: 0 to 512"),
        (FreeBsd, "add ::1 ::2 esp 256 -A tcp-md5 \"s\";", "line 1: Not supported at [s]"),
    ] {
        let (original, help) = refused(dialect, script);
        assert_eq!(original, message, "{script}");
        assert!(!help.is_empty(), "{script}");
    }
    for dialect in [NetBsd, FreeBsd] {
        let tcp = one(dialect, "add ::1 ::2 tcp 256 -A tcp-md5 \"secret\";");
        assert_eq!(tcp, Err(Error::TcpSignature));
    }
}

#[test]
fn an_sa_without_mode_is_of_mode_any() {
    let transport = SaMode::Of(Mode::Transport);
    for (rest, mode) in [
        ("", SaMode::ANY),
        ("-m any", SaMode::ANY),
        ("-m tunnel -m any", SaMode::ANY),
        ("-m transport", transport),
    ] {
        for dialect in [Linux, NetBsd, FreeBsd] {
            assert_eq!(sa(dialect, &format!("esp 256 {rest} -E null")).mode, mode, "{rest}");
        }
    }
}

#[test]
fn replay_windows_are_bytes_of_bitmap_in_the_bsds() {
    for (dialect, given, packets) in
        [(Linux, 4, 4), (Linux, 4096, 4096), (NetBsd, 4, 32), (FreeBsd, 512, 4096)]
    {
        let sa = sa(dialect, &format!("esp 256 -r {given} -E null"));
        assert_eq!(sa.replay_window, packets, "{dialect:?} {given}");
    }
}

#[test]
fn sha256_is_truncated_by_dialect() {
    let key = "\"12345678901234567890123456789012\"";
    for (dialect, name, bits) in [
        (Linux, "hmac-sha256", 96),
        (NetBsd, "hmac-sha256", 128),
        (FreeBsd, "hmac-sha2-256", 128),
        (Linux, "hmac-sha256-128", 128),
        (FreeBsd, "hmac-sha256-96", 96),
    ] {
        let sa = sa(dialect, &format!("ah 256 -A {name} {key}"));
        assert_eq!(sa.auth.unwrap().icv_bits, bits, "{dialect:?} {name}");
    }
}

#[test]
fn freebsd() {
    let sa = sa(FreeBsd, "esp 256 -natt 10.0.0.1[4500] 10.0.0.2[4501] -esn -E null \"\"");
    let encap = sa.encap.unwrap();
    assert_eq!(
        encap,
        Encap {
            kind: EncapKind::EspInUdp,
            src_port: NonZeroU16::new(4500),
            dst_port: NonZeroU16::new(4501),
            original: None,
        }
    );
    assert!(sa.esn);
    assert_eq!(sa.crypt.unwrap().key.bits(), 0);
    let offload = self::sa(FreeBsd, "esp 256 -dir in -hwif em0 -E null \"\"").offload.unwrap();
    assert_eq!(offload.direction, SaDirection::In);
    // Without -dir, the end that is this host decides.
    let derived = self::sa(FreeBsd, "esp 256 -hwif em0 -E null \"\"").offload.unwrap();
    assert_eq!(derived.direction, SaDirection::Out);
    assert_eq!((offload.device.as_str(), offload.packet), ("em0", true));
    assert_eq!(offload.direction, SaDirection::In);
    let Ok(Operation::AddPolicy(policy)) = one(FreeBsd, "spdadd ::1 ::2 esp -P in none;") else {
        panic!()
    };
    assert_eq!((policy.id.selector.upper, policy.id.direction), (Upper::Number(50), Direction::In));
    let aead = self::sa(FreeBsd, "esp 256 -m tunnel -E aes-gcm-16 \"12345678901234567890\"");
    assert_eq!((aead.aead.unwrap().algorithm.name, aead.mode), ("aes-gcm-16", Mode::Tunnel.into()));
}

#[test]
fn netbsd() {
    let run =
        run_in(NetBsd, b"add ::1 ::2 esp 256 -esp_frag 552 -E aes-gmac \"12345678901234567890\";");
    assert_eq!(run.error, None);
    assert_eq!(run.warnings.len(), 1);
    assert_eq!(run.warnings[0].original(), None);
    assert!(run.warnings[0].kind.to_string().contains("ignored"));
}

#[test]
fn getspi_asks_for_an_spi_and_0_is_any() {
    let template = |script| match one(NetBsd, script) {
        Ok(Operation::GetSpi(wanted)) => wanted,
        other => panic!("{other:?}"),
    };
    let any = template("getspi ::1 ::2 esp 0;");
    assert_eq!((any.spi, any.range(&Variables::default())), (None, (Spi(0x100), Spi(0x0fff_ffff))));
    let named = template("getspi ::1 ::2 ipcomp 0x1001 -m tunnel -u 7;");
    assert_eq!((named.spi, named.mode), (Some(Spi(0x1001)), Mode::Tunnel.into()));
    assert_eq!(
        (named.range(&Variables::default()), named.reqid),
        ((Spi(0x1001), Spi(0x1001)), ReqId::new(7))
    );
}

/// In NetBSD, with the options of `add`.
#[test]
fn update_is_an_add_of_what_is_there() {
    let updated = |script: &str| match one(NetBsd, script) {
        Ok(Operation::UpdateSa(sa)) => *sa,
        other => panic!("{other:?}"),
    };
    let rest = "192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -u 7 -lh 9 -ls 8 -E null;";
    let Ok(Operation::AddSa(added)) = one(NetBsd, &format!("add {rest}")) else { panic!() };
    assert_eq!(updated(&format!("update {rest}")), *added);
    assert_eq!(updated("update -4 10.0.0.1 10.0.0.2 esp 10000 -E null;").mode, SaMode::ANY);
    assert!(run(b"update ::1 ::2 esp 256 -E null;").error.is_some());
}

/// What a dialect does not have is neither expected nor meant.
#[test]
fn statements_are_those_of_the_dialect() {
    let error = |dialect, script: &str| run_in(dialect, script.as_bytes()).error.unwrap();
    for (dialect, has, lacks) in [
        (Linux, "spdupdate", "getspi"),
        (NetBsd, "update, getspi", "fwd"),
        (FreeBsd, "spddump", "exit"),
    ] {
        let expected = error(dialect, "nonsense;").expected().unwrap();
        assert!(expected.contains(has) && !expected.contains(lacks), "{expected}");
    }
    for (dialect, help) in [(Linux, None), (NetBsd, Some("did you mean `getspi`?"))] {
        assert_eq!(error(dialect, "gestpi ::1 ::2 esp 0;").help().as_deref(), help);
    }
}

#[test]
fn an_upper_protocol_has_the_name_that_a_dump_prints() {
    for dialect in Dialect::ALL {
        for number in 1..=254 {
            let Some(name) = model::names::protocol_name_in(number, *dialect) else { continue };
            // No setkey's lexer takes these.
            if ["tp++", "a/n"].contains(&name) {
                continue;
            }
            let script = format!("spdadd ::/0 ::/0 {name} -P out none;");
            if ["esp", "ah", "ipcomp"].contains(&name)
                && run_in(*dialect, script.as_bytes()).error.is_some()
            {
                // A word of the language: the message has the number instead.
                let (_, help) = refused(*dialect, &script);
                assert!(help.contains(&format!("say {number}")), "{script} {dialect:?}: {help}");
                continue;
            }
            let Ok(Operation::AddPolicy(policy)) = one(*dialect, &script) else { panic!() };
            assert_eq!(policy.id.selector.upper, Upper::Number(number), "{script} {dialect:?}");
        }
    }
}
