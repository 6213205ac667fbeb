//! The file `esp_sa` of Wireshark: a line an SA, its fields in quotes (packet-ipsec.c of Wireshark 4.0).
//!
//! A value that Wireshark does not know makes it refuse the whole file, so that there are none here.

use std::io::{self, Write};

use model::{IpVersion, KeyText, Keyed, Proto, Sa, SaEntry};

use super::{
    losses::Losses,
    tables::{ExportedTables, name_of_sa},
};

/// The kernel's names of ciphers, and Wireshark's.
const CIPHERS: [(&str, &str); 8] = [
    ("ecb(cipher_null)", "NULL"),
    ("cbc(des3_ede)", "TripleDES-CBC [RFC2451]"),
    ("cbc(aes)", "AES-CBC [RFC3602]"),
    ("rfc3686(ctr(aes))", "AES-CTR [RFC3686]"),
    ("cbc(des)", "DES-CBC [RFC2405]"),
    ("cbc(cast5)", "CAST5-CBC [RFC2144]"),
    ("cbc(blowfish)", "BLOWFISH-CBC [RFC2451]"),
    ("cbc(twofish)", "TWOFISH-CBC"),
];

/// The kernel's names of authentication with the bits of the ICV, and Wireshark's.
const AUTHENTICATIONS: [(&str, u16, &str); 8] = [
    ("digest_null", 0, "NULL"),
    ("hmac(sha1)", 96, "HMAC-SHA-1-96 [RFC2404]"),
    ("hmac(sha256)", 96, "HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]"),
    ("hmac(sha256)", 128, "HMAC-SHA-256-128 [RFC4868]"),
    ("hmac(sha384)", 192, "HMAC-SHA-384-192 [RFC4868]"),
    ("hmac(sha512)", 256, "HMAC-SHA-512-256 [RFC4868]"),
    ("hmac(md5)", 96, "HMAC-MD5-96 [RFC2403]"),
    ("hmac(rmd160)", 96, "MAC-RIPEMD-160-96 [RFC2857]"),
];

/// ICVs of any algorithm, by their bits.
const ANY: [u16; 5] = [64, 96, 128, 192, 256];

/// Writes the file.
pub fn write(tables: &ExportedTables, out: &mut dyn Write, losses: &mut Losses) -> io::Result<()> {
    writeln!(out, "# the file esp_sa in Wireshark's directory of personal configuration")?;
    for entry in &tables.sas {
        losses.entries.sas += usize::from(write_sa(entry, out, losses)?);
    }
    Ok(())
}

/// Writes an SA; false if Wireshark cannot decrypt its packets.
pub fn write_sa(entry: &SaEntry, out: &mut dyn Write, losses: &mut Losses) -> io::Result<bool> {
    let sa = &entry.sa;
    let [(cipher, cipher_key), (auth, auth_key)] = match algorithms(sa) {
        Ok(algorithms) => algorithms,
        Err(why) => {
            losses.entry(out, name_of_sa(entry), why)?;
            return Ok(false);
        }
    };
    let version = IpVersion::of(sa.ends.src());
    let (src, dst, spi) = (sa.ends.src(), sa.ends.dst(), sa.spi.0);
    write!(out, r#""{version}","{src}","{dst}","{spi:#010x}","{cipher}","#)?;
    write_key(out, cipher_key)?;
    write!(out, r#","{auth}","#)?;
    write_key(out, auth_key)?;
    writeln!(out)?;
    Ok(true)
}

fn write_key(out: &mut dyn Write, keyed: Option<&Keyed>) -> io::Result<()> {
    out.write_all(b"\"")?;
    if let Some(keyed) = keyed {
        write!(out, "{}", KeyText(&keyed.key))?;
    }
    out.write_all(b"\"")
}

/// A word of Wireshark, and what has its key.
type Named<'a> = (String, Option<&'a Keyed>);

/// The cipher and the authentication in Wireshark's words.
fn algorithms(sa: &Sa) -> Result<[Named<'_>; 2], String> {
    if sa.proto != Proto::Esp {
        return Err(format!("{} is not encrypted", sa.proto.word()));
    }
    let unknown = |name: &str| format!("Wireshark 4.0 decrypts no {name}");
    if let Some(aead) = &sa.aead {
        let octets = match (aead.algorithm.kernel, aead.icv_bits) {
            ("rfc4106(gcm(aes))", bits @ (64 | 96 | 128)) => bits / 8,
            _ => return Err(unknown(aead.algorithm.name)),
        };
        let name = format!("AES-GCM with {octets} octet ICV [RFC4106]");
        return Ok([(name, Some(aead)), ("NULL".to_owned(), None)]);
    }
    let Some(crypt) = &sa.crypt else { return Err("it has no key".to_owned()) };
    let cipher = CIPHERS.iter().find(|row| row.0 == crypt.algorithm.kernel);
    let cipher = cipher.ok_or_else(|| unknown(crypt.algorithm.name))?.1.to_owned();
    let Some(auth) = &sa.auth else {
        return Ok([(cipher, Some(crypt)), ("NULL".to_owned(), None)]);
    };
    let (kernel, bits) = (auth.algorithm.kernel, auth.icv_bits);
    let named = AUTHENTICATIONS.iter().find(|row| (row.0, row.1) == (kernel, bits));
    let named = named.map(|row| (row.2.to_owned(), Some(auth)));
    let any = ANY.contains(&bits).then(|| format!("ANY {bits} bit authentication [no checking]"));
    let auth = named.or(any.map(|name| (name, None)));
    let auth = auth.ok_or_else(|| format!("Wireshark 4.0 knows no ICV of {bits} bits"))?;
    Ok([(cipher, Some(crypt)), auth])
}

#[cfg(test)]
mod tests {
    use model::{ALGORITHMS, AddressPair, AlgorithmKind, Spi};

    use super::*;
    use crate::export::testing::keyed;

    #[test]
    fn kernel_names_are_in_the_table_of_algorithms() {
        let is_known = |kernel: &str| ALGORITHMS.iter().any(|row| row.kernel == kernel);
        for (kernel, name) in CIPHERS {
            assert!(is_known(kernel), "{name}");
        }
        for (kernel, icv, name) in AUTHENTICATIONS {
            let has_icv = |row: &model::Algorithm| row.kernel == kernel && row.icv_bits == icv;
            assert!(ALGORITHMS.iter().any(has_icv), "{name}");
        }
    }

    #[test]
    fn names_are_those_of_wireshark() {
        let mut sa = Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(7));
        let names = |sa: &Sa| algorithms(sa).map(|both| both.map(|(name, _)| name));
        sa.crypt = keyed(AlgorithmKind::Crypt, "null", 0);
        assert_eq!(names(&sa).unwrap(), ["NULL", "NULL"]);
        sa.auth = keyed(AlgorithmKind::Auth, "aes-xcbc-mac", 16);
        assert_eq!(names(&sa).unwrap()[1], "ANY 96 bit authentication [no checking]");
        sa.aead = keyed(AlgorithmKind::Aead, "aes-gcm-12", 20);
        assert_eq!(names(&sa).unwrap(), ["AES-GCM with 12 octet ICV [RFC4106]", "NULL"]);
        sa.aead = keyed(AlgorithmKind::Aead, "chacha20-poly1305", 36);
        assert_eq!(names(&sa).unwrap_err(), "Wireshark 4.0 decrypts no chacha20-poly1305");
        sa.aead = None;
        sa.auth.as_mut().unwrap().icv_bits = 160;
        assert_eq!(names(&sa).unwrap_err(), "Wireshark 4.0 knows no ICV of 160 bits");
    }
}
