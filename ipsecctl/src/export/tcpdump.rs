//! The file of `tcpdump -E 'file FILE'`: a line `SPI@ADDRESS ALGORITHM:0xKEY` an SA (print-esp.c).
//!
//! tcpdump finds a cipher by its name in OpenSSL, takes as many bytes in front of the data for the IV as that has, and
//! knows ICVs of 0 and 96 bits. So it decrypts CBC alone: counter modes have a part of their nonce in the key. OpenSSL
//! 3 has DES, Blowfish and CAST only with its legacy provider, which tcpdump does not load, and no name for NULL.

use std::io::{self, Write};

use model::{KeyText, Keyed, Proto, Sa, SaEntry};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_sa},
};

/// The kernel's name, bytes of the key, the name in OpenSSL.
const CIPHERS: [(&str, usize, &str); 7] = [
    ("cbc(aes)", 16, "aes128"),
    ("cbc(aes)", 24, "aes192"),
    ("cbc(aes)", 32, "aes256"),
    ("cbc(des3_ede)", 24, "3des"),
    ("cbc(camellia)", 16, "camellia128"),
    ("cbc(camellia)", 24, "camellia192"),
    ("cbc(camellia)", 32, "camellia256"),
];

/// Writes the file.
pub fn write(tables: &ExportedTables, out: &mut dyn Write, losses: &mut Losses) -> io::Result<()> {
    writeln!(out, "# use with: tcpdump -E 'file FILE'")?;
    for entry in &tables.sas {
        losses.entries.sas += usize::from(write_sa(entry, out, losses)?);
    }
    Ok(())
}

/// Writes an SA; false if tcpdump cannot decrypt its packets.
pub fn write_sa(entry: &SaEntry, out: &mut dyn Write, losses: &mut Losses) -> io::Result<bool> {
    let sa = &entry.sa;
    let (name, key) = match algorithm(sa) {
        Ok(algorithm) => algorithm,
        Err(why) => {
            losses.entry(out, name_of_sa(entry), why)?;
            return Ok(false);
        }
    };
    writeln!(out, "{:#x}@{} {name}:{}", sa.spi.0, sa.ends.dst(), KeyText(&key.key))?;
    Ok(true)
}

/// The algorithm in tcpdump's words, and the cipher.
fn algorithm(sa: &Sa) -> Result<(String, &Keyed), String> {
    if sa.proto != Proto::Esp {
        return Err(format!("{} is not encrypted", sa.proto.word()));
    }
    if let Some(aead) = &sa.aead {
        return Err(format!("tcpdump decrypts no {}", aead.algorithm.name));
    }
    let Some(crypt) = &sa.crypt else { return Err("it has no key".to_owned()) };
    let length = crypt.key.bytes().len();
    let known = CIPHERS.iter().find(|row| (row.0, row.1) == (crypt.algorithm.kernel, length));
    let Some((.., name)) = known else {
        return Err(format!("tcpdump decrypts no {}", crypt.algorithm.name));
    };
    match sa.auth.as_ref().map_or(0, |auth| auth.icv_bits) {
        0 => Ok(((*name).to_owned(), crypt)),
        96 => Ok((format!("{name}-hmac96"), crypt)),
        bits => Err(format!("tcpdump knows ICVs of 96 bits, and this one is of {bits}")),
    }
}

#[cfg(test)]
mod tests {
    use model::{ALGORITHMS, AddressPair, AlgorithmKind, Spi};

    use super::*;
    use crate::export::testing::keyed;

    #[test]
    fn ciphers_are_in_the_table_of_algorithms() {
        for (kernel, length, name) in CIPHERS {
            let takes =
                |row: &model::Algorithm| row.kernel == kernel && row.key_bits.fits(length * 8);
            assert!(ALGORITHMS.iter().any(takes), "{name}");
        }
    }

    #[test]
    fn what_tcpdump_cannot_decrypt_is_named() {
        let mut sa = Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(7));
        let words = |sa: &Sa| algorithm(sa).map(|(name, _)| name);
        sa.crypt = keyed(AlgorithmKind::Crypt, "aes-cbc", 32);
        assert_eq!(words(&sa), Ok("aes256".to_owned()));
        sa.auth = keyed(AlgorithmKind::Auth, "hmac-sha1", 20);
        assert_eq!(words(&sa), Ok("aes256-hmac96".to_owned()));
        sa.auth = keyed(AlgorithmKind::Auth, "hmac-sha256-128", 32);
        let why = "tcpdump knows ICVs of 96 bits, and this one is of 128";
        assert_eq!(words(&sa), Err(why.to_owned()));
        sa.crypt = keyed(AlgorithmKind::Crypt, "aes-ctr", 20);
        assert_eq!(words(&sa), Err("tcpdump decrypts no aes-ctr".to_owned()));
        sa.aead = keyed(AlgorithmKind::Aead, "aes-gcm-16", 20);
        assert_eq!(words(&sa), Err("tcpdump decrypts no aes-gcm-16".to_owned()));
    }
}
