//! `setkey --all-or-nothing -f`: after a refusal or a signal, the SAD and SPD are as before, to the byte but for counters and
//! times, and the policies are in the same order.

use std::{
    fmt::Write,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use rustix::process::Signal;
use scenarios::{Host, Outcome, difference, has_ripemd160, interrupt, setkey, times};
use tempfile::NamedTempFile;
use xfrm::{Connection, PolicyImage, SaImage};

/// A host with entries of many kinds, some of which only `ip` makes.
fn host(label: &'static str) -> Host {
    let host = Host::new(label);
    host.load(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty byte long key\";
        add 192.0.2.1 192.0.2.2 esp 0x1002 -m tunnel -esn -r 64 -mark 5/0xff -E aes-gcm-16 \"sixteen byte keysalt\";
        add 192.0.2.2 192.0.2.1 ah 0x1003 -u 7 -r 32 -lh 3600 -ls 3000 -A hmac-sha256 \"thirty two byte key for a digest\";
        spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.9/use;
        spdadd 10.1.0.0/16 10.3.0.0/16 any -P out ipsec esp/transport//require;
        spdadd 10.1.0.0/16 10.0.0.0/8 any -P out discard;
        spdadd 10.2.0.0/16 10.1.0.0/16 tcp -P in prio high ipsec esp/tunnel/192.0.2.2-192.0.2.1/unique:7;
        spdadd 10.2.0.0/16 10.1.0.0/16 any -ifid 9 -P in none;",
    );
    host.ip(
        "xfrm state add src 192.0.2.1 dst 192.0.2.7 proto esp spi 0x2001 mode tunnel sel src 10.1.0.0/16 dst 10.7.0.0/16 \
         replay-oseq 0x100 enc cbc(aes) 0x30313233343536373839303132333435
        xfrm policy add src 10.8.0.0/16 dst 10.9.0.0/16 dir fwd priority 77 ptype main tmpl proto esp reqid 3 mode transport",
    );
    host
}

/// The tables as the kernel writes them, and as ip(8) prints them.
struct Tables {
    sas: Vec<SaImage>,
    policies: Vec<PolicyImage>,
    printed: String,
    requested: String,
}

impl Tables {
    fn of(host: &Host) -> Self {
        let (sas, policies) = host.within(|| {
            let mut kernel = Connection::open().expect("a connection");
            let sas = kernel.dump_sa_images().expect("a dump").collect::<Result<_, _>>();
            let mut sas: Vec<SaImage> = sas.expect("SAs");
            sas.sort_unstable_by_key(|image| image.entry().sa.spi);
            let policies = kernel.dump_policy_images().expect("a dump").collect::<Result<_, _>>();
            (sas, policies.expect("policies"))
        });
        let mut printed = host.show("xfrm policy");
        // An SA that is restored is the newest again. Its numbers are those after the ones that are left out.
        let state = host.show("xfrm state");
        let mut states: Vec<&str> = state.split("\nsrc ").collect();
        states.sort_unstable_by_key(|state| state.trim_start_matches("src "));
        for line in states.iter().flat_map(|it| it.lines()).filter(|it| !it.contains("oseq")) {
            writeln!(printed, "{}", line.trim_start_matches("src ")).expect("a string");
        }
        Self { sas, policies, printed, requested: host.setkey("-DP --script").stdout }
    }

    fn assert_as(&self, before: &Self, why: &str) {
        if let Some(shown) = difference(&before.printed, &self.printed) {
            panic!("{why}\n{shown}");
        }
        assert_eq!(self.requested, before.requested, "{why}");
        let are_same = |a: &[SaImage], b: &[SaImage]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
        };
        assert!(are_same(&self.sas, &before.sas), "{why}: {:#?} {:#?}", self.sas, before.sas);
        let are_same = |a: &[PolicyImage], b: &[PolicyImage]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_same(b))
        };
        assert!(are_same(&self.policies, &before.policies), "{why}");
    }
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("a temporary file");
    file
}

/// With CAP_SYS_ADMIN: the script is tried in a network namespace of its own. Without: it is undone.
fn load(host: &Host, script: &Path, is_tried: bool) -> Outcome {
    let mut command = if is_tried {
        host.command(setkey())
    } else {
        let mut command = host.command("setpriv");
        command.args(["--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]).arg(setkey());
        command
    };
    Outcome::of(command.args(["--all-or-nothing", "-f"]).arg(script))
}

/// What no check of the script alone can refuse.
const REFUSED: &str =
    "add 192.0.2.1 192.0.2.2 ah 0xffff -A hmac-ripemd160 \"twenty byte long key\";";

/// Statements that touch all that is there.
const STATEMENTS: [&str; 12] = [
    "add 192.0.2.1 192.0.2.2 esp 0x3001 -E null;",
    "delete 192.0.2.1 192.0.2.2 esp 0x1001;",
    "spdadd 10.5.0.0/16 10.6.0.0/16 any -P in ipsec esp/transport//require;",
    "spdupdate 10.1.0.0/16 10.3.0.0/16 any -P out discard;",
    "spddelete 10.1.0.0/16 10.2.0.0/16 any -P out;",
    "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out none;",
    "deleteall 192.0.2.2 192.0.2.1 ah;",
    "flush esp;",
    "add 192.0.2.1 192.0.2.2 esp 0x1001 -E null;",
    "spdflush;",
    "flush;",
    "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.9/use;",
];

#[test]
fn a_refusal_at_any_statement_leaves_everything_as_it_was() {
    if has_ripemd160() {
        return;
    }
    let host = host("undone");
    let before = Tables::of(&host);
    for at in 0..=STATEMENTS.len() {
        let mut statements = STATEMENTS.to_vec();
        statements.insert(at, REFUSED);
        let script = file(&statements.join("\n"));
        for is_tried in [true, false] {
            let outcome = load(&host, script.path(), is_tried);
            let why = format!("refused at {at}, tried: {is_tried}: {outcome:?}");
            assert_eq!(outcome.status, 2, "{why}");
            assert_eq!(
                outcome.stdout,
                format!("The result of line {}: Function not implemented.\n", at + 1),
                "{why}"
            );
            let end = if is_tried {
                "the kernel would refuse it: nothing was changed\n"
            } else {
                "every change was undone: the SAD and SPD are as before\n"
            };
            assert!(outcome.stderr.ends_with(end), "{why}");
            Tables::of(&host).assert_as(&before, &why);
        }
    }
    // The script itself is carried out.
    let outcome = load(&host, file(&STATEMENTS.join("\n")).path(), true);
    assert_eq!(outcome, Outcome::SILENCE);
    let policies = host.setkey("-DP").stdout;
    assert!(policies.contains("use") && policies.matches("spid=").count() == 1, "{policies}");
}

#[test]
fn a_mistake_and_a_missing_algorithm_change_nothing() {
    let host = host("tried");
    let before = Tables::of(&host);
    let policy = "flush; spdflush;\nspdadd 10.5.0.0/16 10.6.0.0/16 any -P out ipsec esp/transport//require;\n";
    let outcome = load(&host, file(&format!("{policy}spdadd nonsense;\nflush x;\n")).path(), true);
    assert_eq!(outcome.status, 1);
    assert!(outcome.stderr.contains(":3:") && outcome.stderr.contains(":4:"), "{outcome:?}");
    assert!(outcome.stderr.ends_with("it has mistakes: nothing was changed\n"), "{outcome:?}");
    Tables::of(&host).assert_as(&before, "after a mistake");
    if has_ripemd160() {
        return;
    }
    let script = file(&format!("{policy}{REFUSED}\n"));
    for is_tried in [true, false] {
        let outcome = load(&host, script.path(), is_tried);
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (2, "The result of line 3: Function not implemented.\n")
        );
        assert!(outcome.stderr.contains("this kernel lacks hmac(rmd160)"), "{outcome:?}");
        Tables::of(&host).assert_as(&before, "without an algorithm");
    }
}

#[test]
fn a_signal_leaves_everything_as_it_was() {
    let mut text = "flush; spdflush;\n".to_owned();
    for number in 0..2_000 {
        let (high, low) = (number / 250, number % 250);
        // Each deleteall waits for the kernel twice, so that the changes take a large part of the time.
        writeln!(
            text,
            "spdadd 10.{high}.{low}.0/24 192.0.2.0/24 any -P out discard;
            deleteall 192.0.2.1 192.0.2.99 esp;"
        )
        .expect("a string");
    }
    let script = file(&text);
    // The first run of a program is slow.
    let [_, whole] = ["first", "whole"].map(|label| {
        let host = host(label);
        let begun = Instant::now();
        assert_eq!(load(&host, script.path(), true).status, 0);
        begun.elapsed()
    });
    let interrupted = || {
        let host = host("signalled");
        let before = Tables::of(&host);
        let mut command = Command::new(setkey());
        command.args(["--all-or-nothing", "-f"]).arg(script.path()).stderr(Stdio::piped());
        let child = host.within(|| command.spawn().expect("it runs"));
        ((host, before), child)
    };
    let signals = [Signal::TERM, Signal::INT, Signal::HUP];
    let check = |(host, before): &(Host, Tables), report: &str| {
        Tables::of(host).assert_as(before, report);
    };
    let has_begun = |(host, before): &(Host, Tables)| {
        host.within(|| {
            let mut kernel = Connection::open().expect("a connection");
            kernel.dump_policy_images().expect("a dump").count() != before.policies.len()
        })
    };
    interrupt(&signals, times(24, 8), whole / 2..whole, interrupted, has_begun, check);
}

/// The copy has no devices, and no program can add a larval SA as it is.
#[test]
fn devices_and_larval_sas_are_there_when_a_script_is_tried() {
    let host = host("copied");
    host.ip(
        "link add wire type veth peer name unused
        xfrm state allocspi src 192.0.2.1 dst 192.0.2.5 proto esp mode transport min 0x5001 max 0x5001",
    );
    host.load("spdadd 10.5.0.0/16 10.6.0.0/16 any -dev wire -P out none;");
    let script = file(
        "spddelete 10.5.0.0/16 10.6.0.0/16 any -dev wire -P out;
        spdadd 10.6.0.0/16 10.5.0.0/16 any -dev wire -P in none;
        delete 192.0.2.1 192.0.2.5 esp 0x5001;",
    );
    let outcome = load(&host, script.path(), true);
    let silence = Outcome { status: 0, stdout: String::new(), stderr: String::new() };
    assert_eq!(outcome, silence);
    let listed = host.setkey("-DP --script").stdout;
    let is_listed = |ends: &str| listed.contains(&format!("spdadd {ends} any -dev wire"));
    assert!(!is_listed("10.5.0.0/16 10.6.0.0/16"), "{listed}");
    assert!(is_listed("10.6.0.0/16 10.5.0.0/16"), "{listed}");
}

#[test]
fn what_cannot_be_restored_is_reported() {
    if has_ripemd160() {
        return;
    }
    let host = host("larval");
    host.ip("xfrm state allocspi src 192.0.2.1 dst 192.0.2.5 proto esp mode transport min 0x5001 max 0x5001");
    let script = file(&format!("flush;\n{REFUSED}\n"));
    let outcome = load(&host, script.path(), false);
    let expected = "not restored: the esp SA with SPI 0x5001 to 192.0.2.5: it has no keys yet\n";
    assert!(outcome.stderr.contains(expected), "{outcome:?}");
    assert!(outcome.stderr.ends_with("as before but for 1 entry\n"), "{outcome:?}");
    assert_eq!(outcome.status, 1);
}

#[test]
fn numbers_that_may_have_been_used_are_skipped() {
    if has_ripemd160() {
        return;
    }
    let host = host("numbers");
    let script = file(&format!("flush;\n{REFUSED}\n"));
    assert_eq!(load(&host, script.path(), false).status, 2);
    let sas = host.show("xfrm state");
    assert!(sas.contains("oseq 0x100100"), "{sas}");
}
