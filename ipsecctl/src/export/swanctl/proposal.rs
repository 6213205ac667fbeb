//! Algorithms of an SA in the words of strongSwan.

use model::{Keyed, Sa};

/// The kernel's names of ciphers and AEAD algorithms with the bytes of the salt, and strongSwan's: `{}` is the length
/// of the key in bits, `{icv}` that of the ICV in bytes.
const CIPHERS: [(&str, usize, &str); 10] = [
    ("cbc(aes)", 0, "aes{}"),
    ("rfc3686(ctr(aes))", 4, "aes{}ctr"),
    ("cbc(des3_ede)", 0, "3des"),
    ("cbc(camellia)", 0, "camellia{}"),
    ("cbc(blowfish)", 0, "blowfish{}"),
    ("ecb(cipher_null)", 0, "null"),
    ("rfc4106(gcm(aes))", 4, "aes{}gcm{icv}"),
    ("rfc4309(ccm(aes))", 3, "aes{}ccm{icv}"),
    ("rfc4543(gcm(aes))", 4, "aes{}gmac"),
    ("rfc7539esp(chacha20,poly1305)", 4, "chacha20poly1305"),
];

/// The kernel's names of authentication with the bits of the ICV, and strongSwan's.
const AUTHENTICATIONS: [(&str, u16, &str); 9] = [
    ("hmac(md5)", 96, "md5"),
    ("hmac(sha1)", 96, "sha1"),
    ("hmac(sha1)", 160, "sha1_160"),
    ("hmac(sha256)", 96, "sha256_96"),
    ("hmac(sha256)", 128, "sha256"),
    ("hmac(sha384)", 192, "sha384"),
    ("hmac(sha512)", 256, "sha512"),
    ("xcbc(aes)", 96, "aesxcbc"),
    ("cmac(aes)", 96, "aescmac"),
];

/// The proposal that is negotiated to the algorithms of an SA.
pub fn proposal(sa: &Sa) -> Option<String> {
    let cipher = sa.aead.as_ref().or(sa.crypt.as_ref());
    let words = [cipher.map(cipher_word), sa.auth.as_ref().map(auth_word)];
    let words = words.into_iter().flatten().collect::<Option<Vec<_>>>()?;
    (!words.is_empty()).then(|| words.join("-"))
}

fn cipher_word(Keyed { algorithm, key, icv_bits }: &Keyed) -> Option<String> {
    let (_, salt, word) = CIPHERS.iter().find(|row| row.0 == algorithm.kernel)?;
    let bits = key.bytes().len().saturating_sub(*salt) * 8;
    let word = word.replace("{}", &bits.to_string());
    Some(word.replace("{icv}", &(icv_bits / 8).to_string()))
}

fn auth_word(Keyed { algorithm, icv_bits, .. }: &Keyed) -> Option<String> {
    let row = AUTHENTICATIONS.iter().find(|row| (row.0, row.1) == (algorithm.kernel, *icv_bits));
    row.map(|row| row.2.to_owned())
}

#[cfg(test)]
mod tests {
    use model::{ALGORITHMS, AddressPair, AlgorithmKind, Proto, Spi};

    use super::*;
    use crate::export::testing::keyed;

    #[test]
    fn kernel_names_and_salts_are_in_the_table_of_algorithms() {
        for (kernel, salt, word) in CIPHERS {
            let row = ALGORITHMS.iter().find(|row| row.kernel == kernel);
            assert_eq!(row.map(|row| usize::from(row.key_bits.salt)), Some(salt * 8), "{word}");
        }
        for (kernel, _, word) in AUTHENTICATIONS {
            assert!(ALGORITHMS.iter().any(|row| row.kernel == kernel), "{word}");
        }
    }

    #[test]
    fn proposals_are_those_of_strongswan() {
        let mut sa = Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(7));
        assert_eq!(proposal(&sa), None);
        sa.crypt = keyed(AlgorithmKind::Crypt, "aes-ctr", 20);
        sa.auth = keyed(AlgorithmKind::Auth, "hmac-sha256", 32);
        assert_eq!(proposal(&sa).unwrap(), "aes128ctr-sha256_96");
        (sa.auth, sa.aead) = (None, keyed(AlgorithmKind::Aead, "aes-gcm-16", 36));
        assert_eq!(proposal(&sa).unwrap(), "aes256gcm16");
        sa.aead = keyed(AlgorithmKind::Aead, "chacha20-poly1305", 36);
        assert_eq!(proposal(&sa).unwrap(), "chacha20poly1305");
        sa.auth = keyed(AlgorithmKind::Auth, "hmac-ripemd160", 20);
        assert_eq!(proposal(&sa), None);
    }
}
