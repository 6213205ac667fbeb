//! Side by side with procps' sysctl, where it is installed. Both are called `sysctl`.

mod common;

use common::{Host, Outcome};

/// Every command line on a host of its own state, first the original, then ours: each channel by itself,
/// and both in one pipe.
fn compare(host: &Host, lines: &[&[&str]]) {
    let stand_in = host.folder().join("sysctl");
    let stand_in = stand_in.to_str().expect("UTF-8");
    for args in lines {
        let original = host.run("sysctl", args);
        let ours = host.stand_in(args);
        assert_eq!(ours, original, "{args:?}");
        let merged = |program| {
            let shell = ["-c", r#"exec "$0" "$@" 2>&1"#, program];
            host.run("/bin/sh", &[&shell[..], args].concat())
        };
        assert_eq!(merged(stand_in), merged("sysctl"), "{args:?} in one pipe");
    }
}

/// What a terminal shows of both.
fn compare_on_a_terminal(host: &Host, lines: &[&str]) {
    let stand_in = host.folder().join("sysctl");
    for line in lines {
        let shown = |program: &str| {
            let command = format!("{program} {line}");
            host.run("script", &["--quiet", "--return", "--command", &command, "/dev/null"])
        };
        let original = shown("sysctl");
        assert_eq!(shown(stand_in.to_str().expect("UTF-8")), original, "{line}");
    }
}

/// A host, if there is an original to compare with.
fn host() -> Option<Host> {
    let host = Host::new();
    let script = "command -v sysctl >/dev/null && sysctl --version || true";
    let found = host.shell(script).contains("procps");
    if !found {
        eprintln!("no sysctl of procps on this machine: nothing was compared");
    }
    found.then_some(host)
}

#[test]
fn reading() {
    let Some(host) = host() else { return };
    compare(
        &host,
        &[
            &["kernel.ostype"],
            &["kernel/ostype"],
            &["-n", "kernel.ostype"],
            &["-b", "kernel.ostype", "net.ipv4.ip_forward"],
            &["-N", "net.ipv4.ip_forward"],
            &["."],
            &["/"],
            &["kernel.ostype."],
            &["kernel/ostype/"],
            &["kernel.ostype/"],
            &["kernel/ostype."],
            &["-e", "kernel.ostype."],
            &["kernel.nothing."],
            &["-q", "net.ipv4.ip_forward"],
            &["-x", "-o", "net.ipv4.ip_forward"],
            &["net.ipv4.conf"],
            &["-n", "net.ipv4.conf.lo"],
            &["-r", "forward", "net.ipv4"],
            &["--pattern", "^net.ipv4.conf.(all|lo).[af]", "net.ipv4"],
            &["-r", "(", "net.ipv4.ip_forward"],
            &["net.ipv6.conf.lo.stable_secret"],
            &["net.ipv4.route.flush"],
            &["net.ipv4.tcp_mem", "net.ipv4.tcp_available_congestion_control"],
            &["--deprecated", "net.ipv6.neigh"],
            &["net.ipv6.neigh"],
            &["--value", "kernel.ostype"],
            &["dev", "-N"],
        ],
    );
}

#[test]
fn names() {
    let Some(host) = host() else { return };
    compare(
        &host,
        &[
            &["foo.bar"],
            &["foo", "bar", "kernel.ostype", "baz"],
            &["kernel.ostype.x"],
            &["-e", "foo"],
            &[""],
            &["net/ipv4.ip_forward"],
            &["net.ipv4/ip_forward"],
            &["net.ipv4.conf.*.rp_filter"],
            &["net.ipv4.conf.*.rp_filter=0"],
            &["--", "-net.ipv4.ip_forward"],
        ],
    );
    // An interface with a dot in its name.
    host.shell("ip link set lo down; ip link set lo name v.1");
    compare(&host, &[&["net.ipv4.conf.v/1.forwarding"], &["net/ipv4/conf/v.1/forwarding"]]);
    compare(&host, &[&["net.ipv4.conf.v.1.forwarding"], &["net.ipv4.conf.v/1"]]);
}

#[test]
fn writing() {
    let Some(host) = host() else { return };
    compare(
        &host,
        &[
            &["net.ipv4.ip_forward=1"],
            &["-w", "net/ipv4/ip_forward=0"],
            &["-n", "net.ipv4.ip_forward=0"],
            &["-b", "net.ipv4.ip_forward=0"],
            &["-q", "net.ipv4.ip_forward=0"],
            &["--dry-run", "net.ipv4.ip_forward=1"],
            &["-q", "--dry-run", "net.ipv4.ip_forward=1", "net.ipv4.ip_forward"],
            &[" net.ipv4.ip_forward = 0 ", "net.ipv4.ip_forward"],
            &["net.ipv4.ip_forward=abc"],
            &["--", "-net.ipv4.ip_forward=abc"],
            &["net.ipv4.ip_forward="],
            &["-w", "net.ipv4.ip_forward"],
            &["foo=1", "bar=2"],
            &["foo", "bar=2"],
            &["-e", "foo=1"],
            &["="],
            &["=5"],
            &["-w", "x"],
            &["-r", "nothing", "net.ipv4.ip_forward=0"],
            &["net.ipv4.tcp_rmem=4096 131072 6291456"],
            &["-N", "-q", "net.ipv4.ip_forward"],
            &["-q"],
        ],
    );
}

#[test]
fn without_privilege() {
    let Some(host) = host() else { return };
    for args in ["net.ipv4.ip_forward=1", "-net.ipv4.ip_forward=1", "net.ipv4.tcp_fastopen_key"] {
        let unprivileged = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let run = |program: &str| {
            host.run("setpriv", &[&unprivileged[..], &[program, "--", args]].concat())
        };
        let ours = host.folder().join("sysctl");
        assert_eq!(run(&ours.to_string_lossy()), run("sysctl"), "{args}");
    }
    // What may not be read is between what may.
    let all = |program: &str| {
        let script = r#"exec setpriv --reuid=65534 --regid=65534 --clear-groups \
            "$0" -a -r '^net.ipv[46]' 2>&1"#;
        host.run("/bin/sh", &["-c", script, program])
    };
    let ours = host.folder().join("sysctl");
    assert_eq!(all(&ours.to_string_lossy()), all("sysctl"));
}

#[test]
fn files() {
    let Some(host) = host() else { return };
    let text = "# c\n; d\n   net.ipv4.ip_forward = 0  \n-foo.bar=1\nfoo.baz=2\nnonsense\n\
        net.ipv4.conf.*.rp_filter = 1\nnet.ipv4.conf.lo.rp_filter=0\n-net.ipv4.conf.all.rp_filter\n\
        -\n\n-x\nx\nnet/ipv4/conf/lo/log_martians=0\nnet.ipv[46].conf.?o.forwarding=0\n";
    let one = host.file("1.conf", text);
    let two = host.file("2.conf", "net.ipv4.ip_forward=0");
    let (one, two) = (one.to_string_lossy(), two.to_string_lossy());
    let both = format!("{}/[12].conf", host.folder().display());
    let joined = format!("-p{one}");
    let long = format!("--load={two}");
    compare(
        &host,
        &[
            &["-p", &one],
            &[&joined],
            &[&long],
            &["-e", "-p", &one],
            &["-q", "-p", &one],
            &["-n", "-p", &two],
            &["-w", "-p", &two],
            &["-f", &two],
            &["-p", &one, &two],
            &["-p", &both],
            &["-p", "/nonexistent", &two],
            &["-r", "rp_filter", "-p", &one],
            &["--dry-run", "-p", &one],
        ],
    );
    let run =
        |program: &str| host.run_with(program, &["-p", "-"], &[], "net.ipv4.ip_forward=0\nfoo=1\n");
    assert_eq!(run(&host.folder().join("sysctl").to_string_lossy()), run("sysctl"));
}

/// Values and complaints of one file, of operands and of patterns.
#[test]
fn order() {
    let Some(host) = host() else { return };
    let text = "net.ipv4.ip_forward = 1\nnet.ipv4.bogus = 1\nnot an assignment\n\
        net.ipv4.ip_no_pmtu_disc=0\nnet.core.somaxconn=\nnet.ipv4.conf.*.rp_filter=x\n\
        -net.ipv4.ip_forward=x\nnet.ipv4.ip_forward=0\n";
    let file = host.file("order.conf", text);
    let file = file.to_string_lossy();
    let operands = ["net.ipv4.ip_forward", "foo", "net.ipv4.ip_no_pmtu_disc", "bar=1"];
    let set = ["net.ipv4.ip_forward=0", "foo=1", "net.core.somaxconn=x", "net.ipv4.ip_forward=0"];
    compare(
        &host,
        &[
            &["-p", &file],
            &["-p", &file, "/nonexistent", &file],
            &["--dry-run", "-p", &file],
            &["-n", "-p", &file],
            &["-b", "-p", &file],
            &["-q", "-p", &file],
            &operands,
            &[&["-n"][..], &operands].concat(),
            &[&["-b"][..], &operands].concat(),
            &[&["-N"][..], &operands].concat(),
            &set,
            &[&["-w"][..], &set, &operands].concat(),
            &[&["-w"][..], &["x=1", "net.ipv4.ip_forward=0", "y"]].concat(),
            &["net.ipv4.conf.*.bogus", "net.ipv4.ip_forward", "net.ipv4.conf.lo.tag", "foo"],
            &["--pattern", "forward", "net.ipv4", "foo", "net.ipv6", "bar"],
        ],
    );
    let words = ["foo", "net.ipv4.ip_forward=0", "x=1", "net.ipv4.ip_forward"].join(" ");
    let lines = [format!("-p {file}"), format!("-w {words}"), words];
    compare_on_a_terminal(&host, &lines.each_ref().map(String::as_str));
}

#[test]
fn the_systems_files() {
    let Some(host) = host() else { return };
    // Nothing of this machine itself may be set: only folders of this test are left.
    host.shell(
        "for folder in /etc/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /lib/sysctl.d; do
            [ ! -d $folder ] || mount -t tmpfs none $folder
        done
        [ ! -e /etc/sysctl.conf ] || mount -o bind /dev/null /etc/sysctl.conf
        mkdir /run/sysctl.d
        echo net.ipv4.ip_forward=0 >/run/sysctl.d/20.conf
        echo net.ipv4.conf.lo.forwarding=0 >/run/sysctl.d/10.conf
        echo foo=1 >/run/sysctl.d/10.txt
        echo nonsense >/run/sysctl.d/15.conf
        [ ! -d /etc/sysctl.d ] || echo foo=1 >/etc/sysctl.d/05.conf
        [ ! -d /usr/lib/sysctl.d ] || echo net.ipv4.ip_forward=1 >/usr/lib/sysctl.d/20.conf",
    );
    compare(&host, &[&["--system"], &["-q", "--system"], &["-r", "lo", "--system"]]);
    compare_on_a_terminal(&host, &["--system"]);
}

#[test]
fn all() {
    let Some(host) = host() else { return };
    let names = |outcome: Outcome| {
        assert_eq!((outcome.status, outcome.err.as_str()), (0, ""));
        // vm.stat_refresh is read for its effect: procps 4.0.2 lists it, later ones do not.
        let is_other =
            |name: &&str| model::Variable::of_name(name).is_none() && *name != "vm.stat_refresh";
        outcome.out.lines().filter(is_other).map(str::to_owned).collect::<Vec<_>>()
    };
    for option in ["-a", "-A", "-X", "--all"] {
        let original = names(host.run("sysctl", &["-N", option]));
        assert!(original.len() > 100);
        assert_eq!(names(host.stand_in(&["-N", option])), original);
    }
    compare(&host, &[&["-a", "-r", "^net.ipv[46]"], &["-an", "-r", "^(kernel.os|net.ipv6)"]]);
}

#[test]
fn wrong_options() {
    let Some(host) = host() else { return };
    for args in [&["-z"][..], &["-r"], &["--nonsense"], &["-h"], &["--help"], &[]] {
        let (original, ours) = (host.run("sysctl", args), host.stand_in(args));
        assert_eq!(ours.status, original.status, "{args:?}");
        assert_eq!(ours.err.lines().next(), original.err.lines().next(), "{args:?}");
        // Ours has more options.
        for line in original.out.lines().filter(|line| line.contains("--")) {
            assert!(ours.out.contains(line), "{args:?}: {line}");
        }
    }
}
