//! Numbers behind options: what they count, and what is meant by one that is written in another way.

use model::{IpTfsSetting, ScriptOption};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Microseconds,
    Seconds,
    Bytes,
    Packets,
}

/// Names of multiples, in lower case, and how many units they are.
type Multiples = &'static [(&'static [&'static str], u64)];

const OF_TIME: Multiples = &[
    (&["s", "sec", "secs", "second", "seconds"], 1),
    (&["m", "min", "mins", "minute", "minutes"], 60),
    (&["h", "hr", "hrs", "hour", "hours"], 3600),
    (&["d", "day", "days"], 24 * 3600),
    (&["w", "week", "weeks"], 7 * 24 * 3600),
];
const OF_MICROSECONDS: Multiples =
    &[(&["us", "usec"], 1), (&["ms", "msec"], 1000), (&["s"], 1_000_000)];
const OF_BYTES: Multiples = &[
    (&["b", "byte", "bytes"], 1),
    (&["k", "kb", "kib"], 1 << 10),
    (&["m", "mb", "mib"], 1 << 20),
    (&["g", "gb", "gib"], 1 << 30),
    (&["t", "tb", "tib"], 1 << 40),
];
const OF_PACKETS: Multiples = &[
    (&["p", "pkt", "pkts", "packet", "packets"], 1),
    (&["k"], 1000),
    (&["m"], 1_000_000),
    (&["g"], 1_000_000_000),
];

/// The longest word that is repeated in another way, in bytes.
const LONGEST: usize = 12;

/// Words of other programs for a limit that is none.
const UNLIMITED: &[&str] =
    &["unlimited", "infinite", "infinity", "inf", "never", "none", "forever", "off", "no"];

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Unit::Microseconds => "microseconds",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::Packets => "packets",
        }
    }

    fn multiples(self) -> Multiples {
        match self {
            Unit::Microseconds => OF_MICROSECONDS,
            Unit::Seconds => OF_TIME,
            Unit::Bytes => OF_BYTES,
            Unit::Packets => OF_PACKETS,
        }
    }

    fn of(option: &str) -> Option<Self> {
        if let Ok(setting) = option.parse() {
            return match setting {
                IpTfsSetting::DropTime | IpTfsSetting::InitDelay => Some(Unit::Microseconds),
                IpTfsSetting::MaxQueue | IpTfsSetting::PacketSize => Some(Unit::Bytes),
                IpTfsSetting::ReorderWindow => Some(Unit::Packets),
                IpTfsSetting::DontFragment => None,
            };
        }
        Some(match option.parse().ok()? {
            ScriptOption::HardTime
            | ScriptOption::SoftTime
            | ScriptOption::HardUse
            | ScriptOption::SoftUse
            | ScriptOption::MappingInterval
            | ScriptOption::KeepAlive => Unit::Seconds,
            ScriptOption::HardBytes
            | ScriptOption::SoftBytes
            | ScriptOption::TfcPadding
            | ScriptOption::NattMtu
            | ScriptOption::EspFrag => Unit::Bytes,
            ScriptOption::HardPackets | ScriptOption::SoftPackets | ScriptOption::Replay => {
                Unit::Packets
            }
            _ => return None,
        })
    }
}

/// The option, or the setting of mode `iptfs`, that the value at `at` belongs to.
pub(super) fn option_before(text: &str, at: usize) -> &str {
    let before = text[..at].trim_end_matches([' ', '\t', '\n', '=']);
    before.rsplit([' ', '\t', '\n', ',']).next().unwrap_or_default()
}

/// The number that an option takes, in words.
pub(super) fn number_of(option: &str) -> Option<String> {
    if let Some(unit) = Unit::of(option) {
        return Some(format!("a decimal number of {}", unit.word()));
    }
    let what = match option.parse().ok()? {
        ScriptOption::ReqId => "a request ID: a decimal number",
        ScriptOption::Received | ScriptOption::Sent => "a sequence number: a decimal number",
        ScriptOption::Cpu => "the number of a CPU: a decimal number",
        ScriptOption::IfId => "the ID of an xfrm interface: a decimal or 0x hexadecimal number",
        ScriptOption::User => "a user ID: a decimal or 0x hexadecimal number",
        ScriptOption::Mark | ScriptOption::OutMark => "a mark: a decimal or 0x hexadecimal number",
        _ => return None,
    };
    Some(what.to_owned())
}

/// Why `word` is no number, and the number to write for it.
pub(super) fn meant(option: &str, word: &str) -> Option<(&'static str, u64)> {
    // What is longer may be a key.
    if word.len() > LONGEST || word.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = Unit::of(option);
    let is_decimal = unit.is_some() || matches!(option, "-u" | "-seq" | "-oseq" | "-pcpu");
    if let Some(digits) = word.strip_prefix("0x").filter(|_| is_decimal) {
        let number = u64::from_str_radix(digits, 16).ok()?;
        return Some(("the number is decimal", number));
    }
    if let Some(number) = without_commas(word) {
        return Some(("numbers have no commas", number));
    }
    let number = measured(word, unit?.multiples())?;
    let has_unit = word.contains(|c: char| c.is_ascii_alphabetic());
    Some((if has_unit { "numbers have no unit" } else { "numbers are whole" }, number))
}

/// Whether a word of other programs stands for no limit.
pub(super) fn is_unlimited(option: &str, word: &str) -> bool {
    let is_limit = option.len() == 3 && Unit::of(option).is_some();
    is_limit && UNLIMITED.contains(&word.to_ascii_lowercase().as_str())
}

/// A number with a comma before each three digits.
fn without_commas(word: &str) -> Option<u64> {
    let mut groups = word.split(',');
    let first = groups.next()?;
    let is_group = |group: &str| group.len() == 3 && group.bytes().all(|it| it.is_ascii_digit());
    (word.contains(',') && (1..=3).contains(&first.len()) && groups.all(is_group))
        .then(|| word.replace(',', "").parse().ok())?
}

/// The sum of numbers that have a unit each, as `1h30m`; fractions are cut to whole units.
fn measured(word: &str, multiples: Multiples) -> Option<u64> {
    let (mut rest, mut sum) = (word, 0_u64);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let name = behind[..letters].to_ascii_lowercase();
        let multiple = match multiples.iter().find(|(names, _)| names.contains(&name.as_str())) {
            Some((_, multiple)) => *multiple,
            None if name.is_empty() && rest == word => 1,
            None => return None,
        };
        sum = sum.checked_add(times(number, multiple)?)?;
        rest = &behind[letters..];
    }
    (sum > 0).then_some(sum)
}

/// A decimal fraction of a multiple.
fn times(number: &str, multiple: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u64.checked_pow(part.len().try_into().ok()?)?;
    let part = part.parse::<u64>().ok()?.checked_mul(multiple)? / scale;
    whole.parse::<u64>().ok()?.checked_mul(multiple)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_other_programs() {
        for (option, word, expected) in [
            ("-lh", "2.5h", Some(9000)),
            ("-lh", "8h30m", Some(30600)),
            ("-ls", "3600.0", Some(3600)),
            ("-ls", "0x10", Some(16)),
            ("-us", "1d", Some(86400)),
            ("-bh", "10MB", Some(10 << 20)),
            ("-ph", "1,000,000", Some(1_000_000)),
            ("-ph", "5k", Some(5000)),
            ("drop-time", "5ms", Some(5000)),
            ("-u", "0x10", Some(16)),
            ("-u", "1h", None),
            ("-lh", "10x", None),
            ("-lh", "1.2.3", None),
            ("-lh", "h", None),
            ("-bh", "99999999999T", None),
            ("-ph", "1,00", None),
            ("-ph", "100", None),
        ] {
            assert_eq!(meant(option, word).map(|(_, number)| number), expected, "{option} {word}");
        }
        assert!(is_unlimited("-lh", "Never") && !is_unlimited("-u", "none"));
    }
}
