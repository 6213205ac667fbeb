//! `ipsecctl key-fingerprint`: the fingerprints by which JSON names keys.

use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use cli::json::{Document, Fingerprints};
use engine::Namespace;
use grammar::{
    Script,
    tree::{Algorithms, Command},
};
use model::{Dialect, Key};
use sys::bounded::Bounded;
use zeroize::Zeroizing;

use crate::{Error, input, output};

/// Bytes of standard input.
const MOST: u64 = 1 << 20;

/// What messages call standard input.
const NAME: &str = "<stdin>";

/// Print the fingerprints of keys, which `ipsecctl show sas --json` has instead of the keys.
///
/// Standard input has a key a line, as scripts have it. Fingerprints of one network namespace can be compared, by
/// those who can read its secret.
#[derive(clap::Args)]
pub struct KeyFingerprint {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl KeyFingerprint {
    /// Prints a line for each key.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
        let mut found = Vec::new();
        let mut input = io::BufReader::new(Bounded::new(input::stdin()?, MOST));
        for number in 1.. {
            let mut line = Zeroizing::new(Vec::new());
            let unreadable = |reason: String| Error::Read { name: NAME.to_owned(), reason };
            let read = input.read_until(b'\n', &mut line);
            if read.map_err(|error| unreadable(error.to_string()))? == 0 {
                break;
            }
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let fingerprint = key(&line).and_then(|key| fingerprints.of(&key));
            let wrong = || {
                unreadable(format!("line {number} has no key: 0x and digits, or text in quotes"))
            };
            found.push(fingerprint.ok_or_else(wrong)?);
        }
        output::print(|out| {
            if self.json {
                let fingerprint_scope = Some(fingerprints.scope());
                let key_fingerprints = Some(found);
                let document =
                    Document { fingerprint_scope, key_fingerprints, ..Document::default() };
                return Ok(document.write(out)?);
            }
            Ok(found.iter().try_for_each(|fingerprint| writeln!(out, "{fingerprint}"))?)
        })
    }
}

/// The key of a line, as the language reads one.
fn key(line: &[u8]) -> Option<Key> {
    let mut text = Zeroizing::new(Vec::with_capacity(line.len() + 64));
    text.extend_from_slice(b"add ::1 ::1 ah 0x100 -A hmac-sha512 ");
    text.extend_from_slice(line);
    text.push(b';');
    let mut script = Script::new(&text[..], Dialect::Linux);
    let statement = script.next_statement()?.ok()?;
    let Command::Add(_, Algorithms::Auth(auth)) = statement.command else { return None };
    let is_alone = script.next_statement().is_none();
    auth.key.filter(|_| is_alone).map(|key| key.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_key() {
        let bytes = |line: &str| key(line.as_bytes()).map(|key| key.bytes().to_vec());
        assert_eq!(bytes("0x0102\n"), Some(vec![1, 2]));
        assert_eq!(bytes(" \"a;b\"  \n"), Some(b"a;b".to_vec()));
        for wrong in ["0102", "0xg", "\"open", "0x01 0x02", "0x01; flush", "0x01 -E null"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
