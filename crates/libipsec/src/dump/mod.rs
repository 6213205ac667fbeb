//! SAs and policies as `setkey -D` and `-DP` print them, from their messages.

mod policy;
mod sa;

use std::{fmt::Write, net::SocketAddr};

use chrono::{Local, TimeZone};
use dns_lookup::getnameinfo;
use pfkey::{
    Message,
    ext::{AddressKind, SecCtx},
};

pub(crate) use policy::policy;
pub(crate) use sa::sa;

use crate::{
    align::align,
    check::{Address, Header, check},
    error::Code,
};

/// Reads the message of an SA or policy.
pub(crate) fn read(bytes: &[u8]) -> Result<Message, Code> {
    align(bytes)?;
    let header = Header::of(bytes);
    check(header, None)?;
    let message = Message::decode(bytes).map_err(|_| Code::InvalidMessage)?;
    let end = |kind| {
        message.address(kind).map(|address| Address {
            proto: address.proto,
            family: if address.sockaddr.is_ipv4() { 2 } else { 10 },
        })
    };
    check(header, end(AddressKind::Src).zip(end(AddressKind::Dst)))?;
    Ok(message)
}

/// Bytes in groups of four, eight groups a line.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (i, byte) in bytes.iter().enumerate() {
        let newline = if i != 0 && i % 32 == 0 { "\n" } else { "" };
        let space = if i % 4 == 0 { " " } else { "" };
        put(&mut text, format_args!("{newline}{space}{byte:02x}"));
    }
    text
}

/// Appends to a text, which cannot fail.
fn put(text: &mut String, part: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(part);
}

/// The words of a table by number; the number where there is none.
fn word(words: &[&str], number: u8) -> String {
    words.get(usize::from(number)).map_or_else(|| number.to_string(), |&word| word.to_owned())
}

/// An address with its scope.
fn host(address: SocketAddr) -> String {
    let found = getnameinfo(&address, libc::NI_NUMERICHOST | libc::NI_NUMERICSERV);
    found.map_or_else(|_| address.ip().to_string(), |(host, _)| host)
}

/// A point in time as ctime(3) has it without the weekday, local time; 20 blanks for 0.
fn time(seconds: u64) -> String {
    let known = i64::try_from(seconds).ok().filter(|&seconds| seconds != 0);
    let time = known.and_then(|seconds| Local.timestamp_opt(seconds, 0).single());
    time.map_or_else(|| " ".repeat(20), |time| time.format("%b %e %H:%M:%S %Y").to_string())
}

/// `security context` lines.
fn sec_ctx(text: &mut String, SecCtx { alg, doi, context }: &SecCtx) {
    let label = context.split(|&byte| byte == 0).next().unwrap_or_default();
    put(text, format_args!("\tsecurity context doi: {doi}\n"));
    put(text, format_args!("\tsecurity context algorithm: {alg}\n"));
    put(text, format_args!("\tsecurity context length: {}\n", context.len()));
    put(text, format_args!("\tsecurity context: {}\n", String::from_utf8_lossy(label)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_groups_a_line() {
        assert_eq!(hex(&[1, 2, 3, 4, 5]), " 01020304 05");
        assert_eq!(hex(&[0; 33]), format!("{}\n 00", " 00000000".repeat(8)));
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn a_time_has_twenty_columns() {
        for seconds in [0, 1, 1_800_000_000, u64::MAX] {
            assert_eq!(time(seconds).len(), 20);
        }
    }
}
