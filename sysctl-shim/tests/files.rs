//! Files of settings.

#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]

mod common;

use std::process::{Command, Stdio};

use common::{Host, Outcome};

const DFBIT: &str = "net.inet.ipsec.dfbit";

#[test]
fn a_file_is_read_line_by_line() {
    let host = Host::new();
    let text = "# a comment\n; another\n\nnet/inet/ipsec/dfbit=0\n  net.inet6.ipsec6.ecn =0\nnonsense\n\
        -net.key.nonsense=1\nnet.no=1\nnet.ipv4.ip_forward = 0";
    let file = host.file("a.conf", text);
    let file = file.to_str().unwrap();
    let out = "net.inet.ipsec.dfbit = 0\nnet.inet6.ipsec6.ecn = 0\nnet.ipv4.ip_forward = 0\n";
    let joined = format!("-p{file}");
    let load = format!("--load={file}");
    for args in [&["-p", file][..], &[&joined], &[&load], &["-f", file], &["-w", "-p", file]] {
        let outcome = host.shim(args);
        assert_eq!((outcome.status, outcome.out.as_str()), (1, out), "{args:?}");
        let bad = format!("sysctl-shim: {file}(6): invalid syntax, continuing...\n");
        assert!(outcome.err.starts_with(&bad), "{}", outcome.err);
        assert!(outcome.err.contains("ipsec(4) has no net.key.nonsense"), "{}", outcome.err);
        assert!(outcome.err.contains("cannot stat /proc/sys/net/no: "), "{}", outcome.err);
    }
    let outcome = host.shim(&["-e", "-q", "-p", file]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, ""));
    assert_eq!(outcome.err.lines().count(), 1, "{}", outcome.err);
    let shim = host.folder().join("sysctl-shim");
    let outcome = host.run_with(shim, &["-p", "-"], &[], "net.inet.ipsec.dfbit=2\n");
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "net.inet.ipsec.dfbit = 2\n"));
}

#[test]
fn several_files_are_one_call() {
    let host = Host::new();
    let good = host.file("good.conf", "net.inet.ipsec.dfbit=0\n");
    host.file("bad.conf", "net.inet.ipsec.ecn=7\n");
    let (good, folder) = (good.to_str().unwrap(), host.folder().to_str().unwrap());
    let outcome = host.shim(&["-p", &format!("{folder}/*.conf")]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    assert_eq!(host.prints(&["-n", DFBIT]), "2\n");
    let outcome = host.shim(&["-p", "/nonexistent", good]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, "net.inet.ipsec.dfbit = 0\n"));
    let missing = "sysctl-shim: cannot open \"/nonexistent\": No such file or directory\n";
    assert_eq!(outcome.err, missing);
    // What the BSDs have and Linux has not may fail.
    let outcome = host.shim(&["--", "-net.key.debug=1"]);
    let expected = "sysctl-shim: the BSDs have net.key.debug, Linux has nothing for it: ";
    assert_eq!((outcome.status, outcome.out.as_str()), (0, ""));
    assert!(outcome.err.starts_with(expected), "{}", outcome.err);
    // A value that may fail takes no other with it.
    let outcome = host.shim(&["--", "-net.inet.ipsec.ecn=7", "net.inet.ipsec.dfbit=0"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "net.inet.ipsec.dfbit = 0\n"));
    let first = "sysctl-shim: setting key \"net.inet.ipsec.ecn\", ignoring: Invalid argument\n";
    assert!(outcome.err.starts_with(first), "{}", outcome.err);
}

#[test]
fn patterns_stand_for_what_no_line_speaks_of() {
    let host = Host::new();
    let text = "net.inet*.ipsec*.*_deflev = 1\nnet.inet.ipsec.esp_net_deflev = 2\n\
        -net.inet6.ipsec6.ah_*\nnet.ipv4.conf.*.rp_filter = 1\n-net.ipv4.conf.all.rp_filter\n";
    let file = host.file("a.conf", text);
    let out = "net.inet.ipsec.ah_net_deflev = 1\nnet.inet.ipsec.ah_trans_deflev = 1\n\
        net.inet.ipsec.esp_trans_deflev = 1\nnet.inet6.ipsec6.esp_net_deflev = 1\n\
        net.inet6.ipsec6.esp_trans_deflev = 1\nnet.inet.ipsec.esp_net_deflev = 2\n\
        net.ipv4.conf.default.rp_filter = 1\nnet.ipv4.conf.lo.rp_filter = 1\n";
    assert_eq!(host.prints(&["-p", file.to_str().unwrap()]), out);
    assert_eq!(host.prints(&["-n", "net.inet6.ipsec6.ah_net_deflev"]), "2\n");
    // Only lines are patterns.
    let outcome = host.shim(&["net.inet.ipsec.*_deflev=2"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
}

#[test]
fn an_expression_picks_lines() {
    let host = Host::new();
    let file = host.file("a.conf", "net.inet.ipsec.dfbit=0\nnet.inet.ipsec.ecn=0\n");
    let out = "net.inet.ipsec.ecn = 0\n";
    assert_eq!(host.prints(&["-r", "ipsec\\.(ecn|debug)", "-p", file.to_str().unwrap()]), out);
    assert_eq!(host.prints(&["-n", DFBIT]), "2\n");
}

/// The system's folders, and what is in them.
fn system(host: &Host) -> String {
    for (name, text) in [
        ("etc/sysctl.d/20.conf", "net.inet.ipsec.dfbit=0\nnet.ipv4.ip_forward=0\n"),
        ("run/sysctl.d/20.conf", "net.inet.ipsec.dfbit=2\n"),
        ("usr/lib/sysctl.d/10.conf", "net.inet.ipsec.dfbit=2\n-net.key.prefered_oldsa=0\n"),
        ("usr/lib/sysctl.d/30.txt", "net.inet.ipsec.dfbit=2\n"),
        ("lib/sysctl.d/30.conf", "net.inet6.ipsec6.ecn=0\nno.such=1\n"),
        ("etc/sysctl.conf", "net.inet.ipsec.debug=1\n"),
        ("etc/xfrm-tools/sysctl.conf", "net.inet.ipsec.debug=2\n"),
    ] {
        host.file(&format!("root/{name}"), text);
    }
    host.folder().join("root").to_str().unwrap().to_owned()
}

const APPLIED: [&str; 5] = [
    "usr/lib/sysctl.d/10.conf",
    "etc/sysctl.d/20.conf",
    "lib/sysctl.d/30.conf",
    "etc/sysctl.conf",
    "etc/xfrm-tools/sysctl.conf",
];

#[test]
fn the_systems_files_in_their_order() {
    let host = Host::new();
    let root = system(&host);
    let heads = APPLIED.map(|file| format!("* Applying {root}/{file} ...\n")).concat();
    let values = |with: &str| {
        format!(
            "net.inet.ipsec.dfbit = 2\nnet.inet.ipsec.dfbit = 0\n{with}\
             net.inet6.ipsec6.ecn = 0\nnet.inet.ipsec.debug = 1\nnet.inet.ipsec.debug = 2\n"
        )
    };
    let err = "sysctl-shim: the BSDs have net.key.prefered_oldsa, Linux has nothing for it: the \
        kernel always takes the newest SA\n";
    let outcome = host.shim(&["--system", "--root", &root]);
    let out = format!("{heads}{}", values("net.ipv4.ip_forward = 0\n"));
    assert_eq!(outcome, Outcome { status: 0, out, err: err.to_owned() });
    assert_eq!(host.prints(&["-n", DFBIT, "net.inet6.ipsec6.debug"]), "0\n2\n");
    let outcome = host.shim(&["--system", "--ours", "--root", &root]);
    let out = format!("{heads}{}", values(""));
    assert_eq!(outcome, Outcome { status: 0, out, err: err.to_owned() });
    let outcome = host.shim(&["-q", "-e", "--system", "--root", &root, DFBIT]);
    let out = "net.inet.ipsec.dfbit = 0\n".to_owned();
    assert_eq!(outcome, Outcome { status: 0, out, err: String::new() });
    let outcome = host.shim(&["-p", "--root", &root]);
    assert_eq!((outcome.status, outcome.out.as_str()), (0, "net.inet.ipsec.debug = 1\n"));
    let empty = host.folder().join("empty");
    assert_eq!(host.prints(&["--system", "--root", empty.to_str().unwrap()]), "");
}

#[test]
fn a_file_without_an_end_is_named_with_the_limit() {
    let host = Host::new();
    let outcome = host.shim(&["-p", "/dev/zero"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    let expected = "sysctl-shim: cannot read \"/dev/zero\": it has more than 1 MiB\n";
    assert_eq!(outcome.err, expected);
    // Nothing of a file that is too long is set.
    let fifo = host.folder().join("fifo");
    let fifo = fifo.to_str().unwrap();
    host.shell(&format!("mkfifo {fifo}"));
    let endless = format!("yes net.inet.ipsec.dfbit=0 >{fifo}");
    let mut endless =
        Command::new("sh").args(["-c", &endless]).stderr(Stdio::null()).spawn().unwrap();
    let outcome = host.shim(&["-p", fifo]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.ends_with("fifo\": it has more than 1 MiB\n"), "{}", outcome.err);
    assert_eq!(host.prints(&["-n", DFBIT]), "2\n");
    endless.wait().unwrap();
}

#[test]
fn a_fifo_among_the_systems_files_is_not_waited_for() {
    let host = Host::new();
    let root = host.folder().join("root");
    let root = root.to_str().unwrap();
    host.shell(&format!("mkdir -p {root}/etc/sysctl.d; mkfifo {root}/etc/sysctl.d/10-fifo.conf"));
    let last = format!("{root}/etc/sysctl.d/20-last.conf");
    std::fs::write(&last, "net.inet.ipsec.dfbit=0\n").unwrap();
    let outcome = host.shim(&["-q", "--system", "--root", root]);
    let expected = format!(
        "sysctl-shim: cannot open \"{root}/etc/sysctl.d/10-fifo.conf\": it is a FIFO, not a file\n"
    );
    assert_eq!((outcome.status, outcome.err), (1, expected));
    assert_eq!(host.prints(&["-n", DFBIT]), "0\n");
}
