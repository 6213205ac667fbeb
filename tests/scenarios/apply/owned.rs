//! `--owned`: what the program has made before is changed and deleted, and what others have made stays.

use std::{
    fs,
    process::{Command, Stdio},
};

use rustix::process::Signal;
use scenarios::{Host, Outcome, ipsecctl, send};

use super::tables::{Tables, apply, apply_untried, file};

/// What an IKE daemon has: policies with marks of priority and reqid as its own, and SAs.
const OF_DAEMON: &str =
    "xfrm state add src 192.0.2.1 dst 192.0.2.9 proto esp spi 0xc1 reqid 1 mode tunnel enc cbc(aes) 0x30313233343536373839303132333435
    xfrm state add src 192.0.2.9 dst 192.0.2.1 proto esp spi 0xc2 reqid 1 mode tunnel enc cbc(aes) 0x30313233343536373839303132333435
    xfrm policy add src 10.1.0.0/16 dst 10.9.0.0/16 dir out priority 371327 tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 1 mode tunnel
    xfrm policy add src 10.9.0.0/16 dst 10.1.0.0/16 dir in priority 371327 tmpl src 192.0.2.9 dst 192.0.2.1 proto esp reqid 1 mode tunnel";

const SA: &str = "add 192.0.2.1 192.0.2.2 esp 0x1001 -E aes-cbc \"sixteen byte key\";\n";
const POLICY: &str =
    "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;\n";
const OTHER: &str = "spdadd 10.1.0.0/16 10.3.0.0/16 any -P out discard;\n";

const SILENCE: (i32, &str) = (0, "");

fn own(host: &Host, text: &str) -> Outcome {
    apply(host, "--owned --prune", text)
}

fn end(outcome: &Outcome) -> (i32, &str) {
    (outcome.status, &outcome.stderr)
}

/// The entries of `ip xfrm` that are the daemon's.
fn of_daemon(host: &Host) -> usize {
    let shown = host.show("xfrm state") + &host.show("xfrm policy");
    shown.matches("reqid 1 ").count() + shown.matches("priority 371327").count()
}

#[test]
fn entries_of_an_ike_daemon_stay() {
    let host = Host::new("owned");
    host.ip(OF_DAEMON);
    assert_eq!(of_daemon(&host), 6);
    let before = Tables::of(&host);
    assert_eq!(end(&own(&host, &format!("{SA}{POLICY}{OTHER}"))), SILENCE);
    assert_eq!(of_daemon(&host), 6);
    let made = Tables::of(&host);
    assert_eq!((made.sas.len(), made.policies.len()), (3, 4));
    // Own entries are changed and deleted by other runs of the program.
    let changed = OTHER.replace("discard", "none");
    let outcome = own(&host, &format!("{SA}{changed}"));
    assert_eq!(end(&outcome), SILENCE, "{outcome:?}");
    assert!(outcome.stdout.contains("- spdadd 10.1.0.0/16 10.2.0.0/16"), "{outcome:?}");
    assert_eq!(own(&host, &format!("{SA}{changed}")).stdout.lines().count(), 1);
    assert_eq!(Tables::of(&host).policies.len(), 3);
    // A flush in the file is about own entries, too.
    assert_eq!(end(&apply(&host, "--owned", "flush; spdflush;")), SILENCE);
    Tables::of(&host).assert_untouched(&before, "all own entries deleted");
    // Without the option, all that is there goes.
    assert_eq!(end(&apply(&host, "--prune", "")), SILENCE);
    assert_eq!(of_daemon(&host), 0);
}

#[test]
fn what_another_program_has_otherwise_is_a_conflict() {
    let host = Host::new("conflict");
    host.load(&OTHER.replace("discard", "none"));
    host.load(SA);
    let before = Tables::of(&host);
    let text = format!("{SA}{POLICY}{OTHER}");
    let outcome = own(&host, &text);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert_eq!(
        outcome.stderr,
        "ipsecctl: another program's: spdadd 10.1.0.0/16 10.3.0.0/16 any -P out none;\n\
         ipsecctl: another program has these otherwise: nothing was changed\n"
    );
    assert!(outcome.stdout.contains("! spdadd 10.1.0.0/16 10.3.0.0/16 any -P out discard;\n"));
    Tables::of(&host).assert_untouched(&before, "a conflict");
    let file = file(&text);
    let diff = |words: &str| host.ipsecctl(&format!("diff {words} {}", file.path().display()));
    assert_eq!(diff("--owned").status, 3);
    // The SA is as described, and another program's: it is not deleted, unless it is adopted.
    assert_eq!(own(&host, "").stdout, "# 1 SA and 1 policy are in no file and stay\n");
    assert_eq!(end(&apply(&host, "--owned --adopt", SA)), SILENCE);
    assert_eq!(end(&own(&host, "")), SILENCE);
    assert_eq!(Tables::of(&host).sas.len(), 0);
    assert_eq!(Tables::of(&host).policies.len(), 1);
}

#[test]
fn an_entry_that_another_program_has_replaced_is_no_longer_own() {
    let host = Host::new("replaced");
    let text = format!("{SA}{POLICY}{OTHER}");
    assert_eq!(end(&own(&host, &text)), SILENCE);
    // The times of entries are in seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    // Deleted and added again with the same contents; replaced in place.
    host.load("spddelete 10.1.0.0/16 10.2.0.0/16 any -P out;");
    host.load(POLICY);
    host.load("spdupdate 10.1.0.0/16 10.3.0.0/16 any -P out none;");
    host.load(&format!("delete 192.0.2.1 192.0.2.2 esp 0x1001;{}", SA.replace("key", "kez")));
    let before = Tables::of(&host);
    let outcome = own(&host, &text);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert_eq!(outcome.stderr.matches("another program's").count(), 2, "{outcome:?}");
    let outcome = own(&host, "");
    assert_eq!(end(&outcome), SILENCE);
    assert_eq!(outcome.stdout, "# 1 SA and 2 policies are in no file and stay\n");
    Tables::of(&host).assert_untouched(&before, "replaced");
}

#[test]
fn without_the_record_nothing_is_own() {
    let host = Host::new("lost");
    let text = format!("{SA}{OTHER}");
    assert_eq!(end(&own(&host, &text)), SILENCE);
    let before = Tables::of(&host);
    let record = host.kept().join("owned.sqlite");
    for damage in [None, Some(&b"no database"[..]), Some(&[0; 9000])] {
        match damage {
            None => fs::remove_file(&record).expect("it is there"),
            Some(bytes) => fs::write(&record, bytes).expect("a file"),
        }
        let outcome = own(&host, "");
        assert_eq!(outcome.status, 0, "{outcome:?}");
        Tables::of(&host).assert_untouched(&before, "no record");
        assert_eq!(own(&host, &OTHER.replace("discard", "none")).status, 2);
    }
    assert_eq!(apply(&host, "--owned --adopt", &text).status, 0);
    assert_eq!(end(&own(&host, "")), SILENCE);
    assert_eq!(Tables::of(&host).sas.len() + Tables::of(&host).policies.len(), 0);
    // A directory in its place: nothing can be recorded, and nothing is changed.
    fs::remove_file(&record).expect("it is there");
    fs::create_dir(&record).expect("a directory");
    let outcome = own(&host, &text);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert_eq!(Tables::of(&host).sas.len() + Tables::of(&host).policies.len(), 0);
    fs::remove_dir(&record).expect("it is there");
}

#[test]
fn the_record_of_another_namespace_does_not_count() {
    let [one, other] = ["one", "other"].map(Host::new);
    assert_eq!(end(&own(&one, OTHER)), SILENCE);
    other.load(OTHER);
    fs::create_dir_all(other.kept()).expect("a directory");
    fs::copy(one.kept().join("owned.sqlite"), other.kept().join("owned.sqlite")).expect("a file");
    let outcome = own(&other, "");
    assert_eq!(outcome.stdout, "# 0 SAs and 1 policy are in no file and stay\n", "{outcome:?}");
}

#[test]
fn what_is_undone_is_own_as_before() {
    let host = Host::new("undone");
    assert_eq!(end(&own(&host, &format!("{SA}{POLICY}{OTHER}"))), SILENCE);
    let before = Tables::of(&host);
    // Another time than that of the first run.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let refused = "spdadd 10.99.0.0/16 10.98.0.0/16 any -dev nosuch0 -P out prio low discard;";
    let file = file(&format!("flush; spdflush;{}{refused}", OTHER.replace("discard", "none")));
    let outcome = apply_untried(&host, "--owned", file.path());
    assert_eq!(outcome.status, 2, "{outcome:?}");
    Tables::of(&host).assert_untouched(&before, "undone");
    let outcome = own(&host, "");
    assert_eq!((end(&outcome), outcome.stdout.lines().count()), (SILENCE, 3), "{outcome:?}");
    assert_eq!(Tables::of(&host).sas.len() + Tables::of(&host).policies.len(), 0);
}

/// What was undone by the other process is not own: an equal entry is another program's.
#[test]
fn what_a_killed_process_has_announced_is_not_own() {
    let policy = |number: usize| {
        let (high, low) = (number / 250, number % 250);
        format!("spdadd 10.{high}.{low}.0/24 192.0.2.0/24 any -P out discard;\n")
    };
    let whole = file(&(0..3_000).map(policy).collect::<String>());
    let host = Host::new("killed");
    let mut in_the_midst = false;
    while !in_the_midst {
        let mut command = Command::new(ipsecctl());
        command.args(["apply", "--owned"]).arg(whole.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = host.within(|| command.spawn().expect("it runs"));
        while child.try_wait().expect("a child").is_none()
            && host.show("xfrm policy count").contains("OUT 0")
        {}
        send(&child, Signal::KILL);
        in_the_midst = !child.wait().expect("it ends").success();
        // This waits until the other process has undone the changes, or deletes them.
        assert_eq!(apply(&host, "--owned --prune", "").status, 0);
        assert!(host.show("xfrm policy count").contains("OUT 0"));
    }
    host.load(&policy(0));
    assert_eq!(apply(&host, "--owned --prune", "").status, 0);
    assert!(host.show("xfrm policy count").contains("OUT 1"));
}
