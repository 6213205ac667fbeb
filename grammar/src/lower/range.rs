//! The ranges of numbers. A number out of its range is refused; the original cuts it.

use super::Lowering;
use crate::{
    error::{Error, Fault, SERVNAME},
    parse::rules::{number, number_of_64_bits},
    tree::Span,
};

/// What a number may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberRange {
    /// The name of the number in messages: an option, or a noun.
    pub what: &'static str,
    /// The largest; the least is 0.
    pub most: u64,
    /// The message of the original, where it has one.
    pub original: Option<&'static str>,
}

impl NumberRange {
    pub(super) const SPI: NumberRange =
        NumberRange { what: "the SPI", most: u32::MAX as u64, original: Some("SPI too big.") };
    pub(super) const PORT: NumberRange =
        NumberRange { what: "the port", most: u16::MAX as u64, original: Some(SERVNAME) };
    /// The original takes 16 bits, and so does the kernel, in vain.
    pub(super) const TYPE: NumberRange =
        NumberRange { what: "the type or code", most: u8::MAX as u64, original: Some(SERVNAME) };
    pub(super) const UPPER: NumberRange = NumberRange {
        what: "the upper-layer protocol",
        most: u8::MAX as u64,
        original: Some("invalid upper layer protocol"),
    };

    /// The numbers of so many bits behind an option or a word.
    pub(super) const fn of_bits(what: &'static str, bits: u32) -> Self {
        Self { what, most: u64::MAX >> (u64::BITS - bits), original: None }
    }

    /// The refusal of a number, which is not printed where an excerpt would not show it.
    pub(super) fn refusal(self, given: Option<String>) -> Fault {
        let Self { what, most, original } = self;
        Fault::OutOfRange { what, given, most, original }
    }
}

impl Lowering<'_> {
    /// The number, or why it is out of range. It is written in `span`.
    pub(super) fn in_range(
        &self,
        range: NumberRange,
        given: u64,
        span: Span,
    ) -> Result<u64, Fault> {
        // What has more than 64 bits was read as the largest number that has not.
        let is_over = |word: &str| number_of_64_bits(word).is_none();
        let is_cut = given == u64::MAX && self.written(given, span).is_some_and(is_over);
        if given <= range.most && !is_cut {
            return Ok(given);
        }
        let shown = self.source.shown(span);
        let given = self.written(given, span).filter(|&word| shown.contains(word));
        Err(range.refusal(given.map(str::to_owned)))
    }

    /// A number of 32 bits or fewer.
    pub(super) fn narrow(&self, range: NumberRange, given: u64, span: Span) -> Result<u32, Error> {
        let given = self.in_range(range, given, span);
        let given = given.map_err(|kind| self.error(kind, span))?;
        Ok(u32::try_from(given).unwrap_or(u32::MAX))
    }

    /// The digits of a number, as they are in the script.
    fn written(&self, given: u64, span: Span) -> Option<&str> {
        let text = str::from_utf8(self.source.bytes(span)).ok()?;
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
            .find(|word| number(word) == given)
    }
}
