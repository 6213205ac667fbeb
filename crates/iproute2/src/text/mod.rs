//! What `ip xfrm state` and `ip xfrm policy` print, with `-s` and `-d` or without.
//!
//! An entry begins with `src` in the first column. It is a sequence of words, and where its lines end means nothing but
//! behind a security context.

mod error;
mod policy;
mod sa;
mod selector;
mod values;
mod words;

use model::{PolicyEntry, SaEntry};

pub use error::Error;
use words::UnreadWords;

/// The longest entry, in bytes. That of an SA with the longest keys and bitmap has 4 KiB.
pub const MOST: usize = 64 << 10;

/// An SA or a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryOfText {
    /// An SA.
    Sa(Box<SaEntry>),
    /// A policy of the SPD.
    Policy(Box<PolicyEntry>),
    /// A policy of a socket. Which socket it is is not printed.
    SocketPolicy,
    /// An SA of protocol 4 or 41, which Linux makes by itself for an IPComp tunnel.
    OfLinux,
}

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The line that it begins at, from 1.
    pub line: usize,
    /// The entry.
    pub entry: EntryOfText,
    /// Whether the text has what `ip` prints with `-s` alone: limits, flags without a name, masks.
    pub is_detailed: bool,
}

/// Reads a text, an entry at a time.
pub fn entries(text: &str) -> impl Iterator<Item = Result<Placed, Error>> + '_ {
    let mut rest = text;
    let mut line = 1;
    std::iter::from_fn(move || {
        // What precedes the first entry is read as one, so that it is reported.
        while rest.starts_with('\n') {
            (rest, line) = (&rest[1..], line + 1);
        }
        if rest.is_empty() {
            return None;
        }
        let end = rest.find("\nsrc ").map_or(rest.len(), |at| at + 1);
        let (own, others) = rest.split_at(end);
        let read = entry(own, line);
        (rest, line) = (others, line + own.matches('\n').count());
        Some(read)
    })
}

fn entry(text: &str, line: usize) -> Result<Placed, Error> {
    let mut words = UnreadWords::new(text, line);
    if text.len() > MOST {
        return Err(words.wrong("an entry of 64 KiB at most"));
    }
    words.expect("src")?;
    // A policy has prefixes, an SA addresses.
    let (entry, is_detailed) =
        if words.peek().contains('/') { policy::read(&mut words)? } else { sa::read(&mut words)? };
    Ok(Placed { line, entry, is_detailed })
}
