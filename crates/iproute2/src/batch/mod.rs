//! Lines for `ip -batch`.
//!
//! ip(8) ends a batch at the first line that it does not understand, and reads a word that it does not know as the
//! beginning of something else. So a line has nothing but words of iproute2 6.1, and what those cannot express is
//! listed beside it.

mod policy;
mod sa;
mod selector;

use std::fmt::{Arguments, Display, Write};

use model::{Lifetimes, Mark, Proto, SecCtx};
use zeroize::Zeroizing;

pub use policy::policy;
pub use sa::sa;

/// A line that adds an SA or a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// The line, without a newline. It has the keys.
    pub text: Zeroizing<String>,
    /// What `ip` has no words for. With any of it, the line would add another SA or policy.
    pub lost: Vec<String>,
    /// What `ip` sets to another value, and the kernel stores and does not use.
    pub unused: Vec<String>,
    /// The same where xfrm-tools read the value: the line adds an entry that they show as another.
    pub altered: Vec<String>,
}

/// The longest line: room for all keys, so that the text never moves and leaves a copy.
const LONGEST: usize = 8 << 10;

impl BatchLine {
    fn new(beginning: &str) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(LONGEST));
        text.push_str(beginning);
        Self { text, lost: Vec::new(), unused: Vec::new(), altered: Vec::new() }
    }

    fn lose(&mut self, what: impl Into<String>) {
        self.lost.push(what.into());
    }

    /// Adds words.
    fn push(&mut self, words: Arguments<'_>) {
        self.text.push(' ');
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(words);
    }

    /// Adds an option and its value, if there is one.
    fn push_option(&mut self, option: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.push(format_args!("{option} {value}"));
        }
    }

    /// Adds an option and a word that may need quotes. A `#` begins a comment even in quotes.
    fn push_word(&mut self, option: &str, word: &str) {
        if word.contains(['"', '#', '\\', '\n']) {
            return self.lose(format!("{option} {}", word.escape_default()));
        }
        let quote = if word.is_empty() || word.contains([' ', '\t', '\'']) { "\"" } else { "" };
        self.push(format_args!("{option} {quote}{word}{quote}"));
    }

    fn push_mark(&mut self, mark: Mark) {
        match mark {
            _ if mark.is_none() => {}
            Mark { mask: 0, .. } => self.lose(format!("mark {mark}")),
            Mark { value, mask } => self.push(format_args!("mark {value:#x} mask {mask:#x}")),
        }
    }

    fn push_limits(&mut self, lifetimes: &Lifetimes) {
        for (which, limits) in [("soft", lifetimes.soft), ("hard", lifetimes.hard)] {
            let words = ["packet", "byte", "time", "time-use"];
            for (word, number) in words.into_iter().zip(limits.numbers()) {
                if number != 0 {
                    self.push(format_args!("limit {word}-{which} {number}"));
                }
            }
        }
    }

    fn push_context(&mut self, context: Option<&SecCtx>) {
        let Some(context) = context else { return };
        match str::from_utf8(&context.context) {
            Ok(label) if (context.doi, context.alg) == (1, 1) && !label.contains('\0') => {
                self.push_word("ctx", label);
            }
            _ => self.lose("a security context that is not SELinux's"),
        }
    }
}

/// The word of a protocol.
fn proto(proto: Proto) -> &'static str {
    match proto {
        Proto::IpComp => "comp",
        Proto::Any => "ipsec-any",
        Proto::Esp | Proto::Ah | Proto::Routing | Proto::DestOpts => proto.word(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_or_lost() {
        let mut line = BatchLine::new("x");
        for word in ["plain", "a b", "", "a#b", "a\"b"] {
            line.push_word("dev", word);
        }
        assert_eq!(*line.text, "x dev plain dev \"a b\" dev \"\"");
        assert_eq!(line.lost, ["dev a#b", "dev a\\\"b"]);
    }

    #[test]
    fn a_mark_without_a_mask_is_lost() {
        let mut line = BatchLine::new("x");
        line.push_mark(Mark { value: 5, mask: 0 });
        line.push_mark(Mark::default());
        line.push_mark(Mark { value: 5, mask: 15 });
        assert_eq!((line.text.as_str(), line.lost.len()), ("x mark 0x5 mask 0xf", 1));
    }
}
