//! Scripts from manuals, test suites and the wild.

mod common;

use std::{fs, path::Path};

use common::{run, run_in};
use model::Dialect::{self, FreeBsd, Linux, NetBsd};

/// Statements read before the end, or before what the original prints.
#[rustfmt::skip]
const CASES: &[(&str, usize, &str)] = &[
    ("airport-tc-gif-ip4.conf", 3, ""),
    ("freebsd-tunnel-gcm128-v4-A-BSD.conf", 6, ""),
    ("gh-jeremyli-openwrt.conf", 0, "line 10: syntax error at [setkey]"),
    ("ipsec-tools-sample-policy02.conf", 11, ""),
    ("kame-shisa-mip6-135.conf", 4, ""),
    ("manpage-setkey8-gre-INVALID.conf", 0, "line 2: syntax error at [1234]"),
    ("manpage-setkey8-ns.conf", 1, ""),
    ("netbsd-docs-rump-basic.conf", 3, ""),
    ("racoon-phase1-down.conf", 4, ""),
    ("wild-192.168.0.225-script.conf", 6, ""),
    ("wild-cloudstack-prio-def1.conf", 7, ""),
    ("wild-freebsd-if_ipsec-sha256.conf", 0, "line 3: Invalid key length at [a32bytekeyforhmacsha256!!!!!!!!]"),
    ("wild-l2tp-installer.conf", 2, ""),
    ("wild-pyikev2-camellia.conf", 3, ""),
];

#[track_caller]
fn check(dialect: Dialect, path: &Path, statements: usize, original: &str) {
    let run = run_in(dialect, &fs::read(path).expect("the script can be read"));
    let message = |error: grammar::Error| error.original().unwrap_or_else(|| error.to_string());
    let printed = run.error.map(message).unwrap_or_default();
    let name = path.display();
    assert_eq!((run.statements, printed.as_str()), (statements, original), "{name}");
}

#[test]
fn cases() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    for (name, statements, original) in CASES {
        check(Linux, &cases.join(name), *statements, original);
    }
    assert_eq!(fs::read_dir(cases).unwrap().count(), CASES.len());
}

/// The whole corpus, where it is at hand.
#[rustfmt::skip]
const CORPUS: &[(&str, usize, &str)] = &[
    ("airport-tc-gif-ip4.conf", 3, ""),
    ("debian-openbsd-example.conf", 4, ""),
    ("freebsd-tunnel-aes128-sha1-v4-A.conf", 6, ""),
    ("freebsd-tunnel-aes128-sha1-v6-A.conf", 6, ""),
    ("freebsd-tunnel-aes256-sha256-v4-A.conf", 6, ""),
    ("freebsd-tunnel-chacha-v6-A-BSD.conf", 6, ""),
    ("freebsd-tunnel-gcm128-v4-A-BSD.conf", 6, ""),
    ("freebsd-tunnel-null-empty-key-v4-A-BSD.conf", 4, "line 6: syntax error at []"),
    ("gh-brudel-engsec.conf", 2, "line 5: Syntax error at [_]"),
    ("gh-jeremyli-openwrt.conf", 0, "line 10: syntax error at [setkey]"),
    ("gh-sezzon-freebsd.conf", 4, ""),
    ("ipsec-tools-sample-policy02.conf", 11, ""),
    ("ipsec-tools-setkey.conf", 3, ""),
    ("kame-shisa-mip6-135.conf", 4, ""),
    ("kame-shisa-mip6-del-ipsec.conf", 3, ""),
    ("libreswan-freebsd-tunnel-100.conf", 2, ""),
    ("libreswan-netbsd-transport.conf", 2, ""),
    ("manpage-setkey8-gre-INVALID.conf", 0, "line 2: syntax error at [1234]"),
    ("manpage-setkey8-ns.conf", 1, ""),
    ("netbsd-docs-rump-basic.conf", 3, ""),
    ("netbsd-v4v6-ah-aes-xcbc-mac.conf", 4, ""),
    ("netbsd-v4v6-ah-hmac-ripemd160.conf", 4, ""),
    ("netbsd-v4v6-ah-hmac-sha256.conf", 4, ""),
    ("netbsd-v4v6-ah-hmac-sha512.conf", 4, ""),
    ("netbsd-v4v6-ah-keyed-sha1-BSD.conf", 0, "line 2: Not supported at [aaaaaaaaaaaaaaaaaaaa]"),
    ("netbsd-v4v6-esp-3des-cbc.conf", 4, ""),
    ("netbsd-v4v6-esp-aes-gcm-16-BSD.conf", 4, ""),
    ("netbsd-v4v6-esp-blowfish-cbc.conf", 4, ""),
    ("netbsd-v4v6-esp-cast128-cbc.conf", 4, ""),
    ("netbsd-v4v6-esp-des-deriv.conf", 4, ""),
    ("netbsd-v4v6-esp-rijndael-cbc.conf", 4, ""),
    ("openims-pcscf-drop.conf", 9, ""),
    ("openims-pcscf-out-rep.conf", 3, ""),
    ("racoon-phase1-down.conf", 4, ""),
    ("racoon-sample-natt-A.conf", 2, ""),
    ("wild-192.168.0.225-script.conf", 6, ""),
    ("wild-aws-ec2-python.conf", 8, ""),
    ("wild-blog-tunnel-policies.conf", 2, ""),
    ("wild-bsdrp-bench-b-gcm-BSD.conf", 4, ""),
    ("wild-cloudstack-prio-def1.conf", 7, ""),
    ("wild-forum-multinet-B.conf", 10, ""),
    ("wild-freebsd-if_ipsec-sha256.conf", 0, "line 3: Invalid key length at [a32bytekeyforhmacsha256!!!!!!!!]"),
    ("wild-gre-any-fwd.conf", 3, ""),
    ("wild-gre-transport.conf", 5, ""),
    ("wild-hook-phase1-down-echo.conf", 4, ""),
    ("wild-l2tp-installer.conf", 2, ""),
    ("wild-lab-alice.conf", 6, ""),
    ("wild-lkml-bert-hubert-2002.conf", 6, ""),
    ("wild-lkml-ipcomp-require-2004.conf", 1, ""),
    ("wild-mandriva-default.conf", 2, ""),
    ("wild-ndp-exempt-v6-tunnel.conf", 8, ""),
    ("wild-openwrt-transport-any.conf", 2, ""),
    ("wild-pyikev2-camellia.conf", 3, ""),
    ("wild-suse-kiwi-192.168.5.conf", 6, ""),
    ("wild-ubuntuforums-static-v6-keys.conf", 8, ""),
];

/// A directory beside the workspace.
fn shared(name: &str) -> Option<std::path::PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    dir.is_dir().then_some(dir)
}

#[test]
fn corpus() {
    let Some(dir) = shared("corpus") else { return };
    for (name, statements, original) in CORPUS {
        check(Linux, &dir.join(name), *statements, original);
    }
    assert_eq!(fs::read_dir(dir).unwrap().count(), CORPUS.len());
}

/// The scripts of the BSDs, each in its own dialect.
#[rustfmt::skip]
const OWN_DIALECT: &[(Dialect, &str, usize, &str)] = &[
    (NetBsd, "airport-tc-gif-ip4.conf", 3, ""),
    (FreeBsd, "freebsd-tunnel-aes128-sha1-v4-A.conf", 6, ""),
    (FreeBsd, "freebsd-tunnel-aes128-sha1-v6-A.conf", 6, ""),
    (FreeBsd, "freebsd-tunnel-aes256-sha256-v4-A.conf", 6, ""),
    (FreeBsd, "freebsd-tunnel-chacha-v6-A-BSD.conf", 6, ""),
    (FreeBsd, "freebsd-tunnel-gcm128-v4-A-BSD.conf", 6, ""),
    (FreeBsd, "freebsd-tunnel-null-empty-key-v4-A-BSD.conf", 6, ""),
    (FreeBsd, "gh-sezzon-freebsd.conf", 4, ""),
    (NetBsd, "kame-shisa-mip6-135.conf", 4, ""),
    (NetBsd, "kame-shisa-mip6-del-ipsec.conf", 3, ""),
    (FreeBsd, "libreswan-freebsd-tunnel-100.conf", 2, ""),
    (NetBsd, "libreswan-netbsd-transport.conf", 2, ""),
    (NetBsd, "netbsd-docs-rump-basic.conf", 3, ""),
    (NetBsd, "netbsd-v4v6-ah-aes-xcbc-mac.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-ah-hmac-ripemd160.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-ah-hmac-sha256.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-ah-hmac-sha512.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-ah-keyed-sha1-BSD.conf", 0, "line 2: Not supported at [aaaaaaaaaaaaaaaaaaaa]"),
    (NetBsd, "netbsd-v4v6-esp-3des-cbc.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-esp-aes-gcm-16-BSD.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-esp-blowfish-cbc.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-esp-cast128-cbc.conf", 4, ""),
    (NetBsd, "netbsd-v4v6-esp-des-deriv.conf", 0, "Linux has no des-deriv: DES with an IV that is not whole in the packet"),
    (NetBsd, "netbsd-v4v6-esp-rijndael-cbc.conf", 4, ""),
    (FreeBsd, "wild-bsdrp-bench-b-gcm-BSD.conf", 4, ""),
    (FreeBsd, "wild-freebsd-if_ipsec-sha256.conf", 0, "line 3: Invalid key length at [a32bytekeyforhmacsha256!!!!!!!!]"),
];

#[test]
fn corpus_of_the_bsds_in_its_dialects() {
    let Some(dir) = shared("corpus") else { return };
    for (dialect, name, statements, original) in OWN_DIALECT {
        check(*dialect, &dir.join(name), *statements, original);
    }
    let bsd = |name: &str| name.contains("bsd") && !name.starts_with("debian");
    let listed = |name: &str| OWN_DIALECT.iter().any(|row| row.1 == name);
    let own = CORPUS.iter().filter(|row| bsd(row.0)).all(|row| listed(row.0));
    assert!(own);
}

#[test]
fn scripts_that_the_original_ran() {
    let Some(dir) = shared("oracle") else { return };
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            let run = run(&fs::read(&path).unwrap());
            assert_eq!(run.error, None, "{}", path.display());
            assert!(run.operations.iter().all(Result::is_ok), "{}", path.display());
        }
    }
}
