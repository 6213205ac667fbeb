//! The parsers that pest makes of setkey.pest and policy.pest.

// In modules of their own, since the derives make items that would need documentation.
mod setkey {
    #[derive(pest_derive::Parser)]
    #[grammar = "../setkey.pest"]
    pub(crate) struct SetkeyParser;
}
mod policy {
    #[derive(pest_derive::Parser)]
    #[grammar = "../policy.pest"]
    pub(crate) struct PolicyParser;
}

pub(crate) use policy::{PolicyParser, Rule as PolicyRule};
pub(crate) use setkey::{Rule, SetkeyParser};

/// The number of decimal or 0x hexadecimal digits, as strtoul(3): no more than `u64::MAX`.
pub(crate) fn number(word: &str) -> u64 {
    number_of_64_bits(word).unwrap_or(u64::MAX)
}

/// The same; none if it has more than 64 bits.
pub(crate) fn number_of_64_bits(word: &str) -> Option<u64> {
    let number = match word.get(..2) {
        Some("0x" | "0X") => u64::from_str_radix(&word[2..], 16),
        _ => word.parse(),
    };
    number.ok()
}
