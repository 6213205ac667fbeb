//! What `ip xfrm state` and `ip xfrm policy` print of generated tables, and JSON of them, as setkey scripts: they load the same
//! tables, but for what a comment names and what was not printed.

use std::collections::BTreeMap;

use regex::Regex;
use scenarios::{
    Host, Outcome, Session, ipsecctl,
    raw_xfrm::{Entry, Kind, RawXfrm, seeds},
    setkey,
};

/// What iproute2 6.1 does not print, even with `-s`: it prints a port whether its mask is full or not.
const NOT_PRINTED: [&str; 6] = [
    "sel.sport_mask",
    "sel.dport_mask",
    "MTIMER_THRESH (lost)",
    "SA_DIR (lost)",
    "NAT_KEEPALIVE_INTERVAL (lost)",
    "SA_PCPU (lost)",
];

/// Programs that print the tables, and what they do not print.
struct Printer {
    print: fn(&Host) -> String,
    not_printed: &'static [&'static str],
}

#[test]
fn what_ip_prints_is_loaded_by_setkey() {
    let print = |host: &Host| host.show("-s xfrm state") + &host.show("-s xfrm policy");
    round_trip(&Printer { print, not_printed: &NOT_PRINTED });
}

#[test]
fn json_is_loaded_by_setkey() {
    let print = |host: &Host| {
        let outcome = host.ipsecctl("show sas --keys --json");
        assert_eq!(outcome.status, 0, "{outcome:?}");
        outcome.stdout
    };
    round_trip(&Printer { print, not_printed: &[] });
}

fn round_trip(printer: &Printer) {
    let (host, other) = (Host::new("one"), Host::new("two"));
    let (raw, copy) = (host.within(RawXfrm::open), other.within(RawXfrm::open));
    let mut session = Session::open(other.command(setkey()).arg("-k"));
    let digits = Regex::new("[0-9][0-9a-f:.x]*").expect("a pattern");
    let (mut equal, mut named) = (0, BTreeMap::<String, usize>::new());
    for seed in seeds(1000, 20) {
        let _refused = raw.fill(seed);
        let text = (printer.print)(&host);
        let has_policies = !text.starts_with('{');
        let mut import = host.command(ipsecctl());
        let imported = Outcome::with_input(import.args(["import", "--counters", "-"]), &text);
        let shown = format!("seed {seed}\n{imported:?}\n{text}");
        assert!(matches!(imported.status, 0 | 2), "{shown}");
        let refused = session.run(&imported.stdout);
        let script = &imported.stdout;
        let mut statements = statements(script).into_iter();
        for (before, after) in raw.dump().into_iter().zip(copy.dump()) {
            let own = |it: &Entry| !it.is_made_by_linux() && (has_policies || it.kind == Kind::Sa);
            let mut after = after.into_iter().filter(own).map(Entry::masked).collect::<Vec<_>>();
            for entry in before.into_iter().filter(own).map(Entry::masked) {
                let (statement, lost) = statements.next().unwrap_or_else(|| panic!("{shown}"));
                if statement.starts_with('#') {
                    let lost = lost.unwrap_or_else(|| panic!("{shown}"));
                    *named.entry(digits.replace_all(&lost, "N").into_owned()).or_default() += 1;
                    continue;
                }
                let name = name(&entry);
                let same = after.iter().position(|it| self::name(it) == name);
                let same =
                    same.unwrap_or_else(|| panic!("not there: {statement}\n{refused}\n{shown}"));
                let differences = entry.differences(&after.remove(same));
                let silent =
                    differences.iter().find(|it| !printer.not_printed.contains(&it.as_str()));
                assert_eq!(silent, None, "{statement}\n{entry:?}\n{shown}");
                equal += 1;
            }
            assert_eq!(after, [], "more than before: {shown}");
        }
        raw.flush();
        copy.flush();
    }
    println!("{equal} entries equal");
    for (reason, count) in &named {
        println!("named {count} times: {reason}");
    }
    assert!(equal > 0);
}

/// What no other entry has, without the masks of ports, which `ip` does not print.
fn name(entry: &Entry) -> Vec<u8> {
    let mut entry = entry.clone();
    for mask in ["sel.sport_mask", "sel.dport_mask"] {
        entry.set(mask, &[0; 2]);
    }
    entry.identity()
}

/// The statements of a script, which may be comments, each with the comment about what it lacks.
fn statements(script: &str) -> Vec<(String, Option<String>)> {
    let (mut statements, mut lost) = (Vec::new(), None);
    for line in script.lines() {
        let words = line.trim_start_matches("# ");
        if ["add ", "spdadd ", "spdupdate "].iter().any(|word| words.starts_with(word)) {
            statements.push((line.to_owned(), lost.take()));
        } else if let Some(comment) = line.strip_prefix("# without: ") {
            lost = Some(comment.to_owned());
        }
    }
    statements
}
