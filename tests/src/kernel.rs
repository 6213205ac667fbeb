//! What the kernel that the scenarios run on has. It is asked, not known: kernels differ, and move on.

use std::{
    fs,
    io::{Write, stderr},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use rustix::io::Errno;

use crate::{Outcome, scripts};

/// Algorithms that some kernels lack: setkey's name, XFRM's, and a key.
const SOMETIMES: [(&str, &str, &str); 1] =
    [("hmac-ripemd160", "hmac(rmd160)", "0x7477656e7479206279746573206f66206b657921")];

/// Reports what a scenario skips on this kernel, whether or not its output is captured. `tests/kernel/suite` lists these lines.
pub fn report_skipped(what: &str) {
    // Not by a macro, whose output goes with the test that has passed.
    writeln!(stderr(), "skipped: {what}").expect("standard error");
}

/// What of a setkey script this kernel lacks.
fn lacks(script: &str) -> Option<&'static str> {
    let used = SOMETIMES.iter().filter(|(name, ..)| script.contains(name));
    used.map(|&(name, xfrm, key)| (name, has_authentication(xfrm, key)))
        .find_map(|(name, there)| (!there).then_some(name))
}

/// Whether the kernel has RIPEMD-160, which newer ones refuse. It is asked once.
#[must_use]
pub fn has_ripemd160() -> bool {
    static THERE: LazyLock<bool> = LazyLock::new(|| {
        let [(_, xfrm, key)] = SOMETIMES;
        let there = has_authentication(xfrm, key);
        if !there {
            report_skipped("RIPEMD-160, which this kernel does not have");
        }
        there
    });
    *THERE
}

/// What nf_tables of the kernel does with a rule for IPv4 that sets DF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DfRules {
    /// Packets have DF.
    SetDf,
    /// The rule is there, and packets have no DF.
    Ignored,
    /// There is no nf_tables for IPv4.
    Refused,
}

/// What nf_tables of the kernel does with a rule for IPv4 that sets DF, by nft(8).
#[must_use]
pub fn df_rules() -> DfRules {
    let refusals = ["Operation not supported", "Protocol error"];
    if !has(&["nft", "add", "table", "ip", "probe"], &refusals) {
        return DfRules::Refused;
    }
    let chain = "add table ip t; add chain ip t c { type filter hook output priority 0; }";
    let rule = "add rule ip t c ip frag-off set 0x4000 ip frag-off 0x4000 counter";
    let script = format!(
        "ip link set lo up && nft '{chain}; {rule}' && ping -q -M dont -c 1 127.0.0.1 >&2 && nft list table ip t"
    );
    let outcome = Outcome::of(Command::new("unshare").args(["--net", "sh", "-c", &script]));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let has_counted = !outcome.stdout.contains("counter packets 0 ");
    if has_counted { DfRules::SetDf } else { DfRules::Ignored }
}

/// The major and minor number of the running kernel.
#[must_use]
pub fn running() -> (u32, u32) {
    sys::release_numbers(&fs::read_to_string("/proc/sys/kernel/osrelease").expect("proc(5)"))
}

/// Whether the kernel has xfrm interfaces.
#[must_use]
pub fn has_xfrm_interfaces() -> bool {
    let probe = ["ip", "link", "add", "probe", "type", "xfrm", "dev", "lo", "if_id", "1"];
    has(&probe, &["Unknown device type", "Operation not supported"])
}

/// Whether the kernel carries out a command, in a network namespace of its own. A refusal that is not one of these is a
/// mistake of this test.
fn has(command: &[&str], refusals: &[&str]) -> bool {
    let outcome = Outcome::of(Command::new("unshare").arg("--net").args(command));
    let absent = refusals.iter().any(|refusal| outcome.stderr.contains(refusal));
    assert!(outcome.status == 0 || absent, "{outcome:?}");
    outcome.status == 0
}

/// Whether the kernel takes an SA with this algorithm.
fn has_authentication(xfrm: &str, key: &str) -> bool {
    let sa = "state add src 192.0.2.1 dst 192.0.2.2 proto ah spi 1 auth";
    let mut ip = Command::new("unshare");
    ip.args(["--net", "ip", "xfrm"]).args(sa.split_whitespace()).args([xfrm, key]);
    let outcome = Outcome::of(&mut ip);
    // XFRM answers ENOSYS for an algorithm that it does not have, newer kernels with a sentence; another errno is a mistake
    // of this test.
    let refusals = [sys::errno_text(Errno::NOSYS), "Requested AUTH algorithm not found".into()];
    let absent = refusals.iter().any(|refusal| outcome.stderr.contains(&**refusal));
    assert!(outcome.status == 0 || absent, "{outcome:?}");
    !absent
}

/// The setkey scripts of a directory that this kernel can carry out, and the file names of the others.
#[must_use]
pub fn scripts_for_this_kernel(directory: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let mut others = Vec::new();
    let mut scripts = scripts(directory);
    scripts.retain(|script| {
        let text = fs::read(script).expect("a script");
        let Some(algorithm) = lacks(&String::from_utf8_lossy(&text)) else { return true };
        let name = script.file_name().unwrap_or_default().to_string_lossy().into_owned();
        report_skipped(&format!("{name}: this kernel has no {algorithm}"));
        others.push(name);
        false
    });
    (scripts, others)
}

/// Expectations, a paragraph a script that begins with its name, without those of some.
#[must_use]
pub fn without(expected: &str, others: &[String]) -> String {
    let of_another = |paragraph: &&str| {
        let name = paragraph.lines().next().unwrap_or_default();
        let name = name.split(": ").next().unwrap_or_default();
        others.iter().any(|other| other == name)
    };
    expected.split_inclusive("\n\n").filter(|paragraph| !of_another(paragraph)).collect()
}
