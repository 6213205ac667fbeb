use std::{process::Command, sync::LazyLock};

use regex::{Captures, Regex};
use xfrm::{Connection, SadSelection};

use super::{Seen, allowed::TABLES};
use crate::{Host, Outcome};

/// The SAD and the SPD of a host as ip(8) shows them, counters included, without times, without the
/// numbers that the kernel chooses, and without what is listed in [`TABLES`].
pub(super) fn tables(host: &Host, kernel: &mut Connection, seen: &mut Seen) -> String {
    static TIMES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"));
    static LISTED: LazyLock<Vec<(Regex, &str)>> =
        LazyLock::new(|| TABLES.iter().map(|mask| (pattern(mask.pattern), mask.place)).collect());
    let text = as_shown(host, kernel);
    let text = TIMES.replace_all(&text, "TIME").into_owned();
    let text = LISTED
        .iter()
        .fold(text, |text, (pattern, place)| pattern.replace_all(&text, *place).into_owned());
    without_chosen(&text, seen)
}

/// Processes are what takes the test kernel longest, so an empty table costs none.
fn as_shown(host: &Host, kernel: &mut Connection) -> String {
    let has_sas = kernel.dump_sad(&SadSelection::default()).expect("a dump").next().is_some();
    let has_policies = kernel.dump_spd().expect("a dump").next().is_some();
    let show = |table| {
        let shown = || Outcome::success(Command::new("ip").args(["-s", "xfrm", table]));
        host.within(shown)
    };
    let tables = [("state", has_sas), ("policy", has_policies)];
    tables.into_iter().filter(|table| table.1).map(|table| show(table.0)).collect()
}

/// Numbers that the kernel has chosen stand for their places.
fn without_chosen(text: &str, seen: &mut Seen) -> String {
    static NUMBERS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b(index|reqid|spi|seq) (0x[0-9a-f]{8}|\d+)(\(\w+\))?"));
    let chosen = |found: &Captures<'_>| {
        let number = match found[2].strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => found[2].parse(),
        };
        let place = seen.place(&found[1], number.expect("a number of 32 bits"));
        format!("{} {place}", &found[1])
    };
    NUMBERS.replace_all(text, chosen).into_owned()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}
