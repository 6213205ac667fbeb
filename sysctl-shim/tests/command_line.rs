//! Names, options, and what is wrong with them.

mod common;

use common::{Host, Outcome};

fn stderr(outcome: &Outcome) -> Vec<&str> {
    outcome.err.lines().collect()
}

#[test]
fn names_that_nothing_has() {
    let host = Host::new();
    for (name, path, hint) in [
        ("net.ipv4.no_such", "net/ipv4/no_such", None),
        ("kernel/ostype/x", "kernel/ostype/x", None),
        ("net.key.debug", "net/key/debug", Some("there is no PF_KEY in this kernel")),
        ("net/inet/ipsec/used", "net/inet/ipsec/used", Some("setkey -DP prints the SPD")),
        (
            "net.inet.ipsec.df_bit",
            "net/inet/ipsec/df_bit",
            Some("did you mean net.inet.ipsec.dfbit?"),
        ),
        ("net.inet6.ipsec6.x", "net/inet6/ipsec6/x", Some("`-N net.inet6.ipsec6` lists")),
    ] {
        for args in [vec![name.to_owned()], vec![format!("{name}=1")]] {
            let args = args.iter().map(String::as_str).collect::<Vec<_>>();
            let outcome = host.shim(&args);
            let lines = stderr(&outcome);
            let first = format!("sysctl-shim: cannot stat /proc/sys/{path}: No");
            assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
            assert!(lines[0].starts_with(&first), "{lines:?}");
            assert_eq!(lines.len(), 1 + usize::from(hint.is_some()), "{lines:?}");
            assert!(hint.is_none_or(|hint| lines[1].contains(hint)), "{lines:?}");
            for option in ["-e", "-i"] {
                let args = [&[option][..], &args].concat();
                assert_eq!(host.prints(&args), "", "{args:?}");
            }
        }
    }
    // procps counts what it cannot find.
    assert_eq!(host.shim(&["no.such", "net.key.no", "none"]).status, 3);
    assert_eq!(host.shim(&["no.such=1", "net.key.no=1"]).status, 1);
}

#[test]
fn names_that_nothing_has_in_the_bsds() {
    let host = Host::new();
    let err = |dialect, args: &[&str]| {
        let outcome = host.shim(&[&["--dialect", dialect][..], args].concat());
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""), "{args:?}");
        outcome.err
    };
    let third = "sysctl-shim: third level name 'ip' in 'net.inet.ip.forwarding' is invalid\n";
    assert_eq!(err("netbsd", &["net.inet.ip.forwarding"]), third);
    let unknown = "sysctl-shim: unknown oid 'net.inet.ip.forwarding'\n";
    assert_eq!(err("freebsd", &["net.inet.ip.forwarding"]), unknown);
    assert_eq!(err("freebsd", &["-q", "net.inet.ip.forwarding"]), "");
    assert_eq!(err("netbsd", &["-q", "net.key.debug"]), "");
    assert!(err("freebsd", &["net.key.debug"]).contains("no PF_KEY"));
    assert_eq!(host.prints(&["--dialect", "freebsd", "-i", "net.key.debug"]), "");
}

#[test]
fn what_the_bsds_say_of_values() {
    let host = Host::new();
    let first = |dialect, args: &[&str]| {
        let outcome = host.shim(&[&["--dialect", dialect][..], args].concat());
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""), "{args:?}");
        outcome.err.lines().next().map(str::to_owned)
    };
    let line = |text: &str| Some(format!("sysctl-shim: {text}"));
    let must = line("Must specify -w to set variables");
    assert_eq!(first("netbsd", &["net.inet.ipsec.dfbit=1"]), must);
    let netbsd = |set| first("netbsd", &["-w", set]);
    assert_eq!(netbsd("net.inet.ipsec.dfbit=x"), line("x: not a number"));
    assert_eq!(netbsd("net.inet.ipsec.dfbit=3"), line("net.inet.ipsec.dfbit: Invalid argument"));
    let freebsd = |set| first("freebsd", &[set]);
    assert_eq!(freebsd("net.inet.ipsec.dfbit=x"), line("invalid integer 'x'"));
    assert_eq!(freebsd("net.inet.ipsec.dfbit=3"), line("net.inet.ipsec.dfbit=3: Invalid argument"));
    assert_eq!(
        freebsd("net.inet.ipsec.ecn=-1"),
        line("net.inet.ipsec.ecn: value is not available")
    );
    assert_eq!(freebsd("net.inet.ipsec=1"), line("oid 'net.inet.ipsec' isn't a leaf node"));
}

#[test]
fn proc_sys_in_the_bsds_words() {
    let host = Host::new();
    let prints = |args: &[&str]| host.prints(&[&["--dialect"][..], args].concat());
    assert_eq!(prints(&["freebsd", "net.ipv4.ip_forward=1"]), "net.ipv4.ip_forward: 0 -> 1\n");
    assert_eq!(prints(&["netbsd", "net.ipv4.ip_forward"]), "net.ipv4.ip_forward = 1\n");
    assert_eq!(
        prints(&["freebsd", "-x", "net.ipv4.ip_forward"]),
        "net.ipv4.ip_forward: 0x00000001\n"
    );
    let name = "net.ipv4.icmp_ratelimit";
    assert_eq!(prints(&["freebsd", "-h", name]), format!("{name}: 1,000\n"));
    assert_eq!(prints(&["netbsd", "-wn", "net.ipv4.ip_forward=0"]), "0\n");
    assert_eq!(prints(&["netbsd", "-wq", "net.ipv4.ip_forward=0"]), "");
    assert_eq!(prints(&["freebsd", "-d", name]), format!("{name}: (no description)\n"));
    let all = prints(&["netbsd", "-d"]);
    assert_eq!(all.lines().count(), model::variable::VARIABLES.len());
}

#[test]
fn a_folder_is_no_variable() {
    let host = Host::new();
    for folder in ["net.inet.ipsec", "net.key", "net"] {
        let outcome = host.shim(&[&format!("{folder}=1")]);
        let err = format!("sysctl-shim: setting key \"{folder}\": Is a directory\n");
        assert_eq!(outcome, Outcome { status: 1, out: String::new(), err });
    }
}

#[test]
fn nothing_outside_proc_sys() {
    let host = Host::new();
    for (args, status) in [("kernel/../../version", 255), ("kernel/../../self/comm=x", 1)] {
        let outcome = host.shim(&[args]);
        assert_eq!((outcome.status, outcome.out.as_str()), (status, ""));
        let outside = "sysctl-shim: Path is not under /proc/sys/: ";
        assert!(outcome.err.contains(outside), "{}", outcome.err);
    }
}

#[test]
fn help_and_version() {
    let host = Host::new();
    for args in [&["-h"][..], &["--help"], &["-d"], &["--help", "net.inet.ipsec.dfbit"]] {
        let out = host.prints(args);
        assert!(out.starts_with("\nUsage:\n sysctl-shim [options]"), "{out}");
        assert!(out.contains("--rekey-flags"), "{out}");
    }
    let version = format!("sysctl-shim from xfrm-tools {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(host.prints(&["-V"]), version);
    assert_eq!(host.prints(&["--version"]), version);
    for dialect in ["netbsd", "freebsd"] {
        let outcome = host.shim(&["--dialect", dialect, "-h"]);
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
        assert!(outcome.err.starts_with("usage: sysctl-shim ["), "{}", outcome.err);
    }
    let outcome = host.shim(&["--dialect", "vms", "-a"]);
    assert_eq!(stderr(&outcome), ["sysctl-shim: no dialect `vms`: one of linux, netbsd, freebsd"]);
}

#[test]
fn numbers_for_people() {
    let host = Host::new();
    let line = "net.key.spi_max_value = 268,435,455\n";
    assert_eq!(host.prints(&["-h", "net.key.spi_max_value"]), line);
    assert_eq!(host.prints(&["-x", "net.ipv4.ip_forward"]), "net.ipv4.ip_forward = 0\n");
}

#[test]
fn shells_complete_every_option() {
    let script = Host::new().prints(&["--completions", "bash"]);
    for option in ["--system", "--ours", "-w"] {
        assert!(script.contains(&format!(" {option} ")), "{option}: {script}");
    }
    assert!(script.contains("complete -F _sysctl__shim "), "{script}");
}
