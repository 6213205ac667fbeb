//! What lies under /run is a help, and never a precondition: it may be read-only, full, absent, damaged or
//! of another version. No user can delay root's programs by it, or read what is root's.

mod full_at_start;
mod other_users;

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path, process::Command, thread};

use scenarios::{
    Background, Daemon, Host, Outcome,
    pfkey::{PID, RunningService, Side, ask, receive},
};

const POLICIES: &str = "
    spdadd 192.0.2.1 192.0.2.6 any -P out none;
    spdadd 192.0.2.1 192.0.2.7 any -P out ipsec esp/transport;
    spdadd 192.0.2.1 192.0.2.8 any -P out none;
    spdadd 192.0.2.1 192.0.2.9 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.9/require;";

const SA: &str =
    "add 192.0.2.1 192.0.2.9 esp 0x1000 -E null -A hmac-sha1 \"hmac-sha1 from a - b\";";

/// The script of everything that is kept: variables, a partial policy, an SA.
fn keep_something(host: &Host) {
    host.set("net.inet.ipsec.esp_trans_deflev=1 net.inet6.ipsec6.def_policy=0");
    let partial =
        "spdadd 192.0.2.1 192.0.3.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.3/use;";
    assert_eq!(host.setkey_text(&(partial.to_owned() + SA)).status, 0);
}

/// Shell commands on a host with a /run/xfrm-tools of its own, if `prepare` mounts one.
fn shell(host: &Host, prepare: &str, script: &str) -> Outcome {
    let sh = format!("mkdir -p /run/xfrm-tools; {{ {prepare}\n}} 2>/dev/null; {script}");
    let mut command = host.command("sh");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", directory_of(scenarios::setkey()));
    Outcome::of(command.arg("-ec").arg(sh).env("PATH", path).env("KEPT", host.kept()))
}

fn directory_of(program: impl AsRef<Path>) -> String {
    program.as_ref().parent().expect("a directory").display().to_string()
}

/// Everything that must be possible in any case. Each line of standard error is a warning.
fn all_works(host: &Host, prepare: &str, case: &str) {
    let policies = file(host, "policies", POLICIES);
    let sa = file(host, "sa", SA);
    let sad = "delete 192.0.2.1 192.0.2.9 esp 0x1000; spddelete 192.0.2.1 192.0.2.6 any -P out;";
    let deletes = file(host, "deletes", sad);
    let script = format!(
        "setkey -DP >/dev/null; setkey -D >/dev/null
        setkey -FP; setkey -F
        setkey -f {policies}; setkey -f {sa}
        setkey -DP | grep -c spid=; setkey -D | grep -c spi=
        setkey -f {deletes}
        setkey -DP | grep -c spid=; setkey -D
        sysctl-shim -n net.key.spi_min_value
        timeout 2 ipsecd --once 2>&1 | grep -v ' WARN \\| INFO ' || :
        setkey -FP; setkey -DP"
    );
    let outcome = shell(host, prepare, &script);
    let expected = "4\n1\n3\nNo SAD entries.\n256\nNo SPD entries.\n";
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, expected), "{case}: {outcome:?}");
    for line in outcome.stderr.lines() {
        assert!(
            line.contains(": warning: ") && line.contains("/run/xfrm-tools/"),
            "{case}: {line}"
        );
    }
    println!("{case}: {} warnings\n{}", outcome.stderr.lines().count(), outcome.stderr);
}

/// A script in a file that goes away with the test kernel: its path, quoted for a shell.
fn file(host: &Host, name: &str, text: &str) -> String {
    let path = env::temp_dir().join(format!("{}.{name}", host.name()));
    fs::write(&path, text).expect("a file");
    format!("'{}'", path.display())
}

#[test]
fn absent_or_read_only() {
    let host = Host::new("readonly");
    all_works(&host, "mount -t tmpfs -o ro none /run/xfrm-tools", "read-only and empty");
    keep_something(&host);
    let remount = "mount -o bind /run/xfrm-tools /run/xfrm-tools
        mount -o remount,bind,ro /run/xfrm-tools";
    all_works(&host, remount, "read-only with records");
    // Where nothing was ever set, nothing is missed.
    let host = Host::new("untouched");
    let policies = file(&host, "default", POLICIES);
    let prepare = "mount -t tmpfs -o ro none /run/xfrm-tools";
    let outcome = shell(&host, prepare, &format!("setkey -f {policies}"));
    assert_eq!(outcome, Outcome::SILENCE);
    // What needs a record is refused with its line, and the script goes on.
    let script = "spdadd 10.0.1.0/24 10.1.0.0/24 any -P out ipsec esp/tunnel/10.0.0.1-10.0.0.2/use;
        spdadd 10.0.2.0/24 10.2.0.0/24 any -P out discard;";
    let partial = file(&host, "partial", script);
    let outcome = shell(&host, prepare, &format!("setkey -f {partial}; setkey -DP | grep 10.0"));
    assert_eq!(outcome.status, 0);
    let refused = "The result of line 1: Read-only file system.\n10.0.2.0/24[any] ";
    assert!(outcome.stdout.starts_with(refused), "{outcome:?}");
    assert!(outcome.stderr.contains("needs a record: /run/xfrm-tools"), "{outcome:?}");
}

#[test]
fn full() {
    let host = Host::new("full");
    let full = "mount -t tmpfs -o size=256k none /run/xfrm-tools
        cat /dev/zero >/run/xfrm-tools/filler 2>/dev/null || :";
    all_works(&host, full, "full and empty");
    keep_something(&host);
    let full =
        "aside=$(mktemp -d); cp -a $KEPT $aside/; mount -t tmpfs -o size=256k none /run/xfrm-tools
        cp -a $aside/* /run/xfrm-tools/; cat /dev/zero >/run/xfrm-tools/filler 2>/dev/null || :";
    all_works(&host, full, "full with records");
    let outcome =
        shell(&host, full, "sysctl-shim -w net.inet.ipsec.dfbit=0 || ls $KEPT; cat $KEPT/*.conf");
    assert!(outcome.stderr.contains("No space left on device"), "{outcome:?}");
    assert!(!outcome.stdout.contains(".new"), "{outcome:?}");
    assert!(outcome.stdout.contains("esp_trans_deflev = 1"), "the variables are kept: {outcome:?}");
}

/// Each file by itself, and all of them, with random bytes.
#[test]
fn damaged() {
    let host = Host::new("damaged");
    drop(Daemon::start(&host));
    keep_something(&host);
    let names: Vec<String> = fs::read_dir(host.kept())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    assert!(names.iter().any(|name| name == "variables.conf"), "{names:?}");
    assert!(names.iter().any(|name| name == "store.sqlite"), "{names:?}");
    for name in names.iter().map(String::as_str).chain(["*", "store.sqlite-journal"]) {
        keep_something(&host);
        let damage = format!(
            "for file in $KEPT/{name}; do
                 [ -f $file ] || rm -f $file; head -c 9000 /dev/urandom >$file
             done; rm -f $KEPT/*.damaged"
        );
        all_works(&host, &damage, name);
        for file in ["variables.conf", "store.sqlite"] {
            let is_there = host.kept().join(format!("{file}.damaged")).exists();
            assert_eq!(is_there, name == "*" || name == file, "{name}: {file}.damaged");
        }
        // The kernel has shown what becomes of packets that no policy matches.
        assert_eq!(host.sysctl("-n net.inet6.ipsec6.def_policy").stdout, "0\n", "{name}");
        assert_eq!(host.sysctl("-n net.inet.ipsec.def_policy").stdout, "1\n", "{name}");
        // The daemon and its services work, and find the files whole.
        let daemon = Daemon::start(&host);
        keep_something(&host);
        assert!(host.setkey("-DP").stdout.contains("192.0.2.1-192.0.2.3/use"), "{name}");
        assert!(!daemon.log().contains("ERROR"), "{name}: {}", daemon.log());
        drop(daemon);
    }
    let service = RunningService::start(&host);
    let socket = Side::service(Host::new("client"), service.path()).open();
    fs::write(host.kept().join("store.sqlite"), "no database").expect("a file");
    fs::write(host.kept().join("variables.conf"), "no variables").expect("a file");
    ask(&socket, "spddump any", 7);
    let answer = receive(&socket);
    assert_eq!((answer.pid, answer.errno), (PID, 0), "the service answers");
    // The next namespace may have the number of this one.
    fs::remove_dir_all(host.kept()).expect("the directory is removed");
}

#[test]
fn of_another_version() {
    let host = Host::new("version");
    let store = host.kept().join("store.sqlite");
    for change in [
        "PRAGMA user_version = 99",
        "DROP TABLE follows; CREATE TABLE follows (other)",
        "PRAGMA user_version = 0; DROP TABLE request",
    ] {
        keep_something(&host);
        let database = rusqlite::Connection::open(&store).expect("the records");
        database.execute_batch(change).expect("they change");
        drop(database);
        all_works(&host, "rm -f $KEPT/store.sqlite.damaged", change);
        let moved = host.kept().join("store.sqlite.damaged");
        assert!(moved.exists(), "{change}");
    }
    // A bad row is passed over and named; another policy's record counts.
    host.load("spdflush;");
    let tunnel = |n: u8| {
        format!(
            "spdadd 10.{n}.0.0/16 10.9.0.0/16 any -P out ipsec esp/tunnel/10.0.0.1-10.0.0.2/use;"
        )
    };
    assert_eq!(host.setkey_text(&(tunnel(1) + &tunnel(2))).status, 0);
    let database = rusqlite::Connection::open(&store).expect("the records");
    let spoil = "UPDATE request SET proto = 999 WHERE policy = (SELECT max(policy) FROM request)";
    assert_eq!(database.execute(spoil, []).expect("a record"), 1);
    let outcome = host.setkey("-DP");
    assert_eq!((outcome.status, outcome.stdout.matches("spid=").count()), (0, 2), "{outcome:?}");
    assert_eq!(outcome.stdout.matches("esp/tunnel/10.0.0.1-10.0.0.2/use").count(), 1);
    assert_eq!(outcome.stderr.matches("store.sqlite").count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the record of policy"), "{}", outcome.stderr);
    // The variables of a version that kept them in SQLite are taken over at the first start.
    let text = fs::read_to_string(host.kept().join("variables.conf")).expect("variables");
    let cookie = text.lines().next().and_then(|line| line.rsplit(' ').next()).expect("a cookie");
    fs::remove_file(host.kept().join("variables.conf")).expect("it is there");
    let earlier = rusqlite::Connection::open(host.kept().join("variables.sqlite"));
    let script = format!(
        "CREATE TABLE namespace (cookie INTEGER); INSERT INTO namespace VALUES ({cookie});
         CREATE TABLE variable (name TEXT PRIMARY KEY, value INTEGER);
         INSERT INTO variable VALUES ('net.inet.ipsec.ah_net_deflev', 1);"
    );
    earlier.expect("a database").execute_batch(&script).expect("variables");
    assert_eq!(host.sysctl("-n net.inet.ipsec.ah_net_deflev").stdout, "1\n");
    assert_eq!(host.setkey("-D").status, 0);
    let text = fs::read_to_string(host.kept().join("variables.conf")).expect("variables");
    assert!(text.ends_with("\nnet.inet.ipsec.ah_net_deflev = 1\n"), "{text}");
}

/// Wrong lines are named by every program that reads the variables, and the default policy stays.
#[test]
fn wrong_lines() {
    let host = Host::new("lines");
    keep_something(&host);
    let path = host.kept().join("variables.conf");
    let text = fs::read_to_string(&path).expect("variables");
    let text = text.replace("esp_trans_deflev = 1", "esp_trans_deflev = 3");
    let text = text.replace("def_policy = 0", "def_policy = O") + "net.inet.ipsec.later = 1\n";
    let expected = [
        ("net.inet.ipsec.esp_trans_deflev = 3", "takes 1 (use) or 2", "the initial value, 2"),
        (
            "net.inet6.ipsec6.def_policy = O",
            "is not a number",
            "the default policy that the kernel has",
        ),
        ("net.inet.ipsec.later = 1", "there is no variable of this name", "nothing"),
    ];
    let all_are_named = |program: &str, log: &str| {
        for (setting, reason, instead) in expected {
            let place = path.display();
            let line = log.lines().find(|line| line.contains(setting));
            let line = line.unwrap_or_else(|| panic!("{program}: no {setting} in {log}"));
            let parts = [&format!("file={place} line="), reason, &format!("instead=\"{instead}\"")];
            assert!(parts.iter().all(|part| line.contains(*part)), "{program}: {line}");
        }
    };
    let script = file(&host, "default", POLICIES);
    let load = format!("setkey -f {script}");
    for command in [
        "sysctl-shim -n net.inet.ipsec.esp_trans_deflev",
        "sysctl-shim net.inet.ipsec.dfbit=0",
        "ipsecctl show variables",
        "ipsecctl show default",
        &load,
    ] {
        fs::write(&path, &text).expect("a file");
        let outcome = shell(&host, ":", command);
        assert_eq!(outcome.status, 0, "{command}: {outcome:?}");
        all_are_named(command, &outcome.stderr);
        assert_eq!(host.sysctl("-n net.inet6.ipsec6.def_policy").stdout, "0\n", "{command}");
    }
    fs::write(&path, &text).expect("a file");
    let daemon = Daemon::start(&host);
    all_are_named("ipsecd", &daemon.log());
    assert_eq!(host.sysctl("-n net.inet6.ipsec6.def_policy").stdout, "0\n");
    // A line that is written while the daemon runs is named as well.
    fs::write(&path, text.replace("deflev = 3", "deflev = 4")).expect("a file");
    daemon.wait_for_log("deflev = 4");
}

/// Two writers of variables do not lose one another's changes.
#[test]
fn two_writers() {
    let host = Host::new("writers");
    let names = ["net.inet.ipsec.ah_trans_deflev", "net.inet6.ipsec6.ah_trans_deflev"];
    for value in [1, 2, 1, 2, 1] {
        thread::scope(|scope| {
            for name in names {
                let host = &host;
                scope.spawn(move || host.set(&format!("{name}={value}")));
            }
        });
        for name in names {
            assert_eq!(host.sysctl(&format!("-n {name}")).stdout, format!("{value}\n"));
        }
    }
}

/// The directory of a namespace that is gone is removed, after an hour. One that a process, an open file or a
/// mount keeps stays.
#[test]
fn directories_of_namespaces_that_are_gone() {
    let shim = scenarios::sysctl_shim().display().to_string();
    let set = format!("'{shim}' -q -w net.inet.ipsec.dfbit=0; stat -Lc %i /proc/self/ns/net");
    let directory = |inode: &str| Path::new(engine::RUN_DIRECTORY).join(inode.trim());
    let mounted = Host::new("mounted");
    mounted.set("net.inet.ipsec.dfbit=0");
    let process = Background::start(
        Command::new("unshare").args(["-n", "sh", "-c"]).arg(format!("{set}; exec sleep 600")),
    );
    let of_process = directory(&process.lines.recv().expect("its inode"));
    // A shell elsewhere keeps this one open.
    Outcome::success(Command::new("ip").args(["netns", "add", "open"]));
    let inode = Outcome::success(
        Command::new("ip").args(["netns", "exec", "open", "sh", "-c"]).arg(set.as_str()),
    );
    let open = Background::start(
        Command::new("sh")
            .arg("-c")
            .arg("exec 3</run/netns/open; ip netns del open; echo ready; exec sleep 600"),
    );
    assert_eq!(open.lines.recv().expect("it begins"), "ready");
    let of_open = directory(&inode);
    let gone = Host::new("gone");
    gone.set("net.inet.ipsec.dfbit=0");
    let (of_mounted, of_gone) = (mounted.kept(), gone.kept());
    // These do not get the number that becomes free.
    let (young, old) = (Host::new("young"), Host::new("old"));
    drop(gone);
    let kept = [&of_mounted, &of_process, &of_open];
    let begin = |host: &Host| {
        // That of a scenario before this one.
        let _ = fs::remove_dir_all(host.kept());
        host.set("net.inet.ipsec.dfbit=0");
        assert!(kept.iter().all(|directory| directory.exists()), "{kept:?}");
    };
    begin(&young);
    assert!(of_gone.exists(), "it was used just now");
    let mut touch = Command::new("sh");
    touch.args(["-c", r#"find "$@" -exec touch -h -d "2 hours ago" {} +"#, "sh"]);
    Outcome::success(touch.args(kept).arg(&of_gone));
    begin(&old);
    assert!(!of_gone.exists());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}
