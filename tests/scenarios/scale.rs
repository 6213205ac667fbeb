//! A script of 100,000 statements loads in little memory and few system calls, and is listed in little memory.

use std::{collections::HashMap, fmt::Write, fs, path::Path, process::Command};

use scenarios::{Host, Outcome, ipsecctl, setkey};

const STATEMENTS: u32 = 100_000;
/// Of all statements. An SA takes the kernel 2 ms.
const SAS: u32 = 100;

#[test]
fn a_hundred_thousand_statements() {
    let host = Host::new("big");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name);
    fs::write(file("script"), script()).expect("the script");

    let mut load = host.command("strace");
    load.args(["-f", "-c", "-o"]).arg(file("calls"));
    load.args(["time", "-f", "%M", "-o"]).arg(file("memory"));
    load.arg(setkey()).arg("-f").arg(file("script"));
    assert_eq!(Outcome::success(&mut load), "");

    let count = |what: &str| Outcome::success(host.command("ip").args(["xfrm", what, "count"]));
    assert_eq!(count("state"), format!("\t SAD count {SAS}\n"));
    assert_eq!(count("policy"), format!("\t SPD IN  0 OUT {} FWD 0\n", STATEMENTS - SAS));

    let kibibytes = peak(&file("memory"));
    assert!(kibibytes < 32 * 1024, "peak memory: {kibibytes} KiB");

    // A listing is printed as it is read.
    let mut listing = host.command("time");
    listing.args(["-f", "%M", "-o"]).arg(file("memory")).arg(ipsecctl()).args(["show", "policies"]);
    let lines = Outcome::success(&mut listing).lines().count();
    assert_eq!(lines, 1 + usize::try_from(STATEMENTS - SAS).expect("a number"));
    let kibibytes = peak(&file("memory"));
    assert!(kibibytes < 32 * 1024, "peak memory of a listing: {kibibytes} KiB");

    // JSON is printed as it is read; in the order of look-up, entries are kept, which are 68 MiB, and their JSON is not,
    // with which they were 178 MiB.
    let of_dump = json_of(host.command(setkey()).args(["-DP", "--json"]), &file("memory"));
    assert!(of_dump < 32 * 1024, "peak memory of JSON: {of_dump} KiB");
    let show = ["show", "policies", "--json"];
    let ordered = json_of(host.command(ipsecctl()).args(show), &file("memory"));
    assert!(ordered < 128 * 1024, "peak memory of JSON in order: {ordered} KiB");
    println!("JSON: {of_dump} KiB, in order {ordered} KiB");

    // Of policies that a packet has nothing to do with the head alone is read: all of them would be 68 MiB.
    host.ip("link add wire type dummy
        link set wire up
        addr add 10.0.0.1/8 dev wire");
    let mut explain = host.command("time");
    explain.args(["-f", "%M", "-o"]).arg(file("memory")).arg(ipsecctl());
    let outcome = Outcome::of(explain.args(["explain", "out", "10.0.0.1", "10.0.4.0", "udp"]));
    assert!(outcome.stdout.contains("(XfrmOutNoStates)"), "{outcome:?}");
    assert!(outcome.stdout.contains("out 10.0.0.1 > 10.0.4.0 any"), "{outcome:?}");
    // GNU time has a line of its own for an exit status that is not 0.
    let memory = fs::read_to_string(file("memory")).expect("the memory it took");
    let kibibytes: u32 = memory.lines().last().and_then(|it| it.parse().ok()).expect("a number");
    assert!(kibibytes < 32 * 1024, "peak memory of an explanation: {kibibytes} KiB");

    // One call sends a batch and one receives its answer.
    let table = fs::read_to_string(file("calls")).expect("the system calls");
    let calls = counts(&table);
    for names in [&["sendmsg", "sendto"][..], &["recvmmsg", "recvmsg", "recvfrom"]] {
        let count: u32 = names.iter().filter_map(|name| calls.get(*name)).sum();
        assert!((1..=STATEMENTS / 100).contains(&count), "{names:?}: {count} calls");
    }
}

/// The peak memory of a command that prints all policies as JSON, in KiB.
fn json_of(command: &Command, memory: &Path) -> u32 {
    let mut timed = Command::new("time");
    timed.args(["-f", "%M", "-o"]).arg(memory).arg(command.get_program()).args(command.get_args());
    let policies = Outcome::success(&mut timed).matches("\"priority\"").count();
    assert_eq!(policies, usize::try_from(STATEMENTS - SAS).expect("a number"));
    peak(memory)
}

/// What `time -f %M` has written: KiB.
fn peak(file: &Path) -> u32 {
    let memory = fs::read_to_string(file).expect("the memory it took");
    memory.trim().parse().expect("a number")
}

fn script() -> String {
    let mut script = String::new();
    for n in 0..STATEMENTS {
        let [_, a, b, c] = n.to_be_bytes();
        if n % 10 == 0 {
            writeln!(script, "# customers from {n} on").expect("a string");
        }
        if n < SAS {
            writeln!(
                script,
                "add 10.0.0.1 10.{a}.{b}.{c} ah {} -A hmac-sha1 \"hmac-sha1 from a - b\";",
                n + 4096
            )
        } else {
            writeln!(
                script,
                "spdadd 10.0.0.1 10.{a}.{b}.{c} any -P out ipsec esp/transport//require;"
            )
        }
        .expect("a string");
    }
    script
}

/// Reads the table of `strace -c`: a system call and how often it was called, among other columns.
fn counts(table: &str) -> HashMap<&str, u32> {
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter_map(|row| Some((*row.last()?, row.get(3)?.parse().ok()?))).collect()
}
