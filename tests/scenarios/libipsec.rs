//! C programs with libipsec, on the kernel's AF_KEY.

use std::{
    collections::BTreeSet,
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use scenarios::{
    ESP_BOTH_DIRECTIONS, Host, Outcome, Pair, WithoutAfKey, assert_same, masked, preload,
    protocol::ESP,
};
use tempfile::TempDir;

/// Every policy of the table becomes that of a socket, by AF_KEY and with the preloaded library, or is
/// refused as in the table.
#[test]
fn sockets_have_policies_of_their_own() {
    let (host, build) = (Host::new("host"), Build::new());
    let policies = build.program("policies", &programs().join("policies.c"));
    let set = |word: &str, library: &Path| {
        let mut command = host.command(&policies);
        command.env("LD_PRELOAD", library);
        Outcome::success(command.arg(programs().join("policies.table")).arg(word))
    };
    // Of IPv4 and IPv6; AF_KEY refuses eight, the library four more.
    assert_eq!(set("set", Path::new("")), "79 policies, 142 sockets\n");
    assert_eq!(set("preloaded", &preload()), "79 policies, 134 sockets\n");
}

/// The program that the manual page shows, with the preloaded library, whether the kernel has AF_KEY
/// or not; and what the kernel makes of it by itself.
#[test]
fn the_example_works_with_and_without_af_key() {
    let (hosts, build) = (Pair::without_sas(), Build::new());
    let source = build.0.path().join("example.c");
    fs::write(&source, example_of("ipsec_set_policy.3")).expect("a file");
    let example = build.program("example", &source);
    let _server = hosts.serve(ESP_BOTH_DIRECTIONS, "AF_INET SOCK_DGRAM 192.0.2.2 7");
    let run = |library: Option<PathBuf>| {
        let mut command = hosts.a.command("timeout");
        command.arg("2").arg(&example).arg("192.0.2.2");
        command.envs(library.map(|library| ("LD_PRELOAD", library)));
        let outcome = Outcome::of(&mut command);
        (outcome.status, outcome.stdout + &outcome.stderr)
    };
    let works = || {
        assert_ne!(run(Some(preload())).0, 0);
        assert_eq!(hosts.passed(), BTreeSet::new());
        hosts.load_sas();
        assert_eq!(run(Some(preload())), (0, "hello\n".into()));
        assert_eq!(hosts.passed(), [ESP].into());
    };
    assert!(WithoutAfKey::has_af_key());
    works();
    // AF_KEY takes the policies. Linux 6.1 then fails to send: what it does, it does not in clear.
    let (_, output) = run(None);
    assert!(!output.contains("transport"), "{output}");
    assert!(hosts.passed().is_subset(&[ESP].into()));

    let _without = WithoutAfKey::new();
    for host in [&hosts.a, &hosts.b] {
        host.flush();
    }
    works();
    let reason = "example: in ipsec esp/transport//require: Operation not supported\n";
    assert_eq!(run(None), (1, reason.into()));
    assert!(!WithoutAfKey::has_af_key());
}

/// The C program in a manual page.
fn example_of(page: &str) -> String {
    let page = fs::read_to_string(top().join("man").join(page)).expect("the manual page");
    let (_, program) = page.split_once(".Bd -literal\n").expect("an example");
    let (program, _) = program.split_once("\n.Ed\n").expect("its end");
    program.replace(r"\e", r"\") + "\n"
}

#[test]
fn each_request_has_its_answer() {
    let (host, build) = (Host::new("host"), Build::new());
    let kernel = build.program("kernel", &programs().join("kernel.c"));
    let outcome = Outcome::of(host.command(kernel).arg("requests"));
    let expected = fs::read_to_string(programs().join("kernel.expected")).expect("a text");
    assert_same(&expected, &outcome.stdout);
    // A key of a length that does not fit, and those that do.
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, "264 128 256\n"));
}

/// What the library prints of an entry is what setkey prints.
#[test]
fn entries_are_printed_as_by_setkey() {
    let (host, build) = (Host::new("host"), Build::new());
    let kernel = build.program("kernel", &programs().join("kernel.c"));
    host.load(
        r#"
        add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -u 7 -r 32 -lh 3600 -ls 1800 -bh 5000 -bs 4000
            -E aes-cbc "sixteen byte key" -A hmac-sha512 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f;
        add 2001:db8::1 2001:db8::2 ah 0x1002 -m transport -A hmac-md5 "sixteen byte key";
        add 192.0.2.1 192.0.2.2 ipcomp 0x1003 -m transport -C deflate;
        add 192.0.2.1[4500] 192.0.2.2[4501] esp-udp 0x1004 -m transport -E null;
        spdadd 192.0.2.0/24 198.51.100.0/24[80] tcp -P out prio high + 5 ipsec
            esp/tunnel/192.0.2.1-192.0.2.2/unique:3 ah/transport//require;
        spdadd 2001:db8::1 2001:db8:1::/48 any -P in ipsec esp/transport//use ipcomp/transport//use;
        spdadd 192.0.2.1 192.0.2.2 icmp 8,0 -P out discard;
        spdadd 192.0.2.1 192.0.2.2 gre 10.0.0.1 -P out none;
        "#,
    );
    for option in ["-D", "-Dp", "-DP", "-DPp"] {
        let printed = Outcome::success(host.command(&kernel).arg(option));
        assert!(printed.lines().count() > 20, "{option}: {printed}");
        assert_same(&masked(&host.setkey(option).stdout), &masked(&printed));
    }
}

/// Where programs are built, with the library under the name by which they look for it.
struct Build(TempDir);

impl Build {
    fn new() -> Self {
        let test = env::current_exe().expect("the path of this test");
        let library = test.with_file_name("liblibipsec.so");
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["libipsec.so", "libipsec.so.0"] {
            symlink(&library, directory.path().join(name)).expect("a link");
        }
        Self(directory)
    }

    fn program(&self, name: &str, source: &Path) -> PathBuf {
        let (directory, program) = (self.0.path(), self.0.path().join(name));
        let mut cc = Command::new("cc");
        cc.arg("-I").arg(top().join("crates/libipsec/include")).arg(source);
        cc.arg("-L").arg(directory).arg(format!("-Wl,-rpath,{}", directory.display()));
        Outcome::success(cc.args(["-lipsec", "-o"]).arg(&program));
        program
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is not the root")
}

fn programs() -> PathBuf {
    top().join("crates/libipsec/tests/programs")
}
