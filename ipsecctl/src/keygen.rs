//! `ipsecctl keygen`: random keys.

use std::{io::Write, process::ExitCode};

use clap::{builder::PossibleValuesParser, error::ErrorKind};
use model::{ALGORITHMS, Algorithm, Key, KeyText};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::{Error, output};

/// Print a random key for an algorithm, as a script has it.
///
/// The salt of a counter mode is behind the key.
#[derive(clap::Args)]
pub struct Keygen {
    /// The algorithm's word in scripts
    #[arg(hide_possible_values = true, value_parser = PossibleValuesParser::new(names()))]
    algorithm: String,
    /// The length of the key in bits, without a salt; the longest by default
    #[arg(long, value_name = "N")]
    bits: Option<u16>,
}

/// The words of the algorithms that have a key.
fn names() -> impl Iterator<Item = &'static str> {
    with_key().flat_map(|row| std::iter::once(row.name).chain(row.aliases.iter().copied()))
}

fn with_key() -> impl Iterator<Item = &'static Algorithm> {
    ALGORITHMS.iter().filter(|row| row.key_bits.max > 0)
}

impl Keygen {
    /// Prints a key.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let bits = match length(&self.algorithm, self.bits) {
            Ok(bits) => bits,
            Err(message) => clap::Error::raw(ErrorKind::ValueValidation, message + "\n").exit(),
        };
        let key = random(usize::from(bits) / 8)?;
        output::print(|out| Ok(writeln!(out, "{}", KeyText(&key))?))
    }
}

/// The bits of a key with its salt.
fn length(name: &str, bits: Option<u16>) -> Result<u16, String> {
    let row = with_key().find(|row| row.name == name || row.aliases.contains(&name));
    let row = row.ok_or_else(|| format!("no algorithm `{name}`"))?;
    let Some(bits) = bits else { return Ok(row.key_bits.max) };
    let all = bits.saturating_add(row.key_bits.salt);
    if row.key_bits.fits(all.into()) {
        return Ok(all);
    }
    Err(format!("{name} takes {}", row.key_bits))
}

fn random(length: usize) -> Result<Key, Error> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let rest = &mut bytes[filled..];
        filled += getrandom(rest, GetRandomFlags::empty()).map_err(std::io::Error::from)?;
    }
    Ok(Key::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_takes_its_keys() {
        for row in with_key() {
            let bits = length(row.name, None).unwrap();
            assert!(row.key_bits.fits(bits.into()), "{}", row.name);
            assert_eq!(random(usize::from(bits) / 8).unwrap().bits(), usize::from(bits));
        }
        assert_ne!(random(16).unwrap(), random(16).unwrap());
    }

    #[test]
    fn a_length_is_without_the_salt() {
        assert_eq!(length("aes-gcm-16", Some(128)), Ok(160));
        assert_eq!(length("aes-gcm-16", None), Ok(288));
        assert_eq!(length("rijndael-cbc", Some(192)), Ok(192));
        let refusal = "hmac-sha1 takes a key of 160 bits (20 bytes)";
        assert_eq!(length("hmac-sha1", Some(128)), Err(refusal.into()));
    }
}
