//! The command line.

use assert_cmd::Command;
use predicates::{prelude::PredicateBooleanExt, str::contains};

fn ipsecd(words: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("ipsecd").expect("it is built").args(words).assert()
}

#[test]
fn version_and_help() {
    ipsecd(&["--version"]).success().stdout(format!("ipsecd {}\n", env!("CARGO_PKG_VERSION")));
    let help = ipsecd(&["--help"]).success();
    help.stdout(
        contains("--verbose")
            .and(contains("--log-format"))
            .and(contains("--once"))
            .and(contains("--no-pfkey"))
            .and(contains("--no-sockets"))
            .and(contains("/etc/xfrm-tools/ipsecd.conf")),
    );
}

#[test]
fn a_wrong_option_is_named() {
    ipsecd(&["--daemon"]).code(2).stderr(contains("--daemon"));
    ipsecd(&["--log-format", "xml"]).code(2).stderr(contains("[possible values: text, json]"));
    ipsecd(&["tunnel"]).code(2).stderr(contains("tunnel"));
}
