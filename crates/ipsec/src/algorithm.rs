/// What an algorithm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlgorithmKind {
    /// Authentication (`-A`, `XFRMA_ALG_AUTH_TRUNC`).
    Auth,
    /// Encryption (`-E`, `XFRMA_ALG_CRYPT`).
    Crypt,
    /// Compression (`-C`, `XFRMA_ALG_COMP`).
    Comp,
}

/// The key lengths an algorithm takes, in bits, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyBits {
    /// The shortest.
    pub min: u16,
    /// The longest; 0: no key.
    pub max: u16,
}

impl KeyBits {
    const NONE: KeyBits = KeyBits::only(0);

    const fn only(bits: u16) -> Self {
        Self { min: bits, max: bits }
    }

    const fn from_to(min: u16, max: u16) -> Self {
        Self { min, max }
    }

    /// Whether a key of `bits` fits: the range test of `ipsec_check_keylen`.
    #[must_use]
    pub fn fits(self, bits: usize) -> bool {
        (usize::from(self.min)..=usize::from(self.max)).contains(&bits)
    }
}

/// One row of the algorithm table.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Algorithm {
    /// What it does.
    pub kind: AlgorithmKind,
    /// The word in scripts.
    pub name: &'static str,
    /// Other words for it in scripts.
    pub aliases: &'static [&'static str],
    /// The word in dumps, which is not always `name`.
    pub dumped: &'static str,
    /// PF_KEY number (linux/pfkeyv2.h).
    pub pfkey: u8,
    /// Kernel name (net/xfrm/xfrm_algo.c).
    pub kernel: &'static str,
    /// Key length in bits.
    pub key_bits: KeyBits,
    /// Length of the integrity check value in bits, as AF_KEY cuts it; 0 where there is none.
    pub icv_bits: u16,
}

const fn auth(
    name: &'static str,
    aliases: &'static [&'static str],
    dumped: &'static str,
    pfkey: u8,
    kernel: &'static str,
    key_bits: KeyBits,
    icv_bits: u16,
) -> Algorithm {
    Algorithm {
        kind: AlgorithmKind::Auth,
        name,
        aliases,
        dumped,
        pfkey,
        kernel,
        key_bits,
        icv_bits,
    }
}

const fn crypt(
    name: &'static str,
    aliases: &'static [&'static str],
    dumped: &'static str,
    pfkey: u8,
    kernel: &'static str,
    key_bits: KeyBits,
) -> Algorithm {
    let kind = AlgorithmKind::Crypt;
    Algorithm { kind, name, aliases, dumped, pfkey, kernel, key_bits, icv_bits: 0 }
}

const fn comp(name: &'static str, pfkey: u8, kernel: &'static str) -> Algorithm {
    let kind = AlgorithmKind::Comp;
    let (aliases, dumped, key_bits) = (&[], name, KeyBits::NONE);
    Algorithm { kind, name, aliases, dumped, pfkey, kernel, key_bits, icv_bits: 0 }
}

/// Every algorithm setkey can name on Linux. Key lengths are those that AF_KEY registers.
#[rustfmt::skip]
pub static ALGORITHMS: &[Algorithm] = &[
    auth("hmac-md5",       &[],                "hmac-md5",       2,   "hmac(md5)",    KeyBits::only(128), 96),
    auth("hmac-sha1",      &[],                "hmac-sha1",      3,   "hmac(sha1)",   KeyBits::only(160), 96),
    auth("hmac-sha256",    &["hmac-sha2-256"], "hmac-sha256",    5,   "hmac(sha256)", KeyBits::only(256), 96),
    auth("hmac-sha384",    &["hmac-sha2-384"], "hmac-sha384",    6,   "hmac(sha384)", KeyBits::only(384), 192),
    auth("hmac-sha512",    &["hmac-sha2-512"], "hmac-sha512",    7,   "hmac(sha512)", KeyBits::only(512), 256),
    auth("hmac-ripemd160", &[],                "hmac-ripemd160", 8,   "hmac(rmd160)", KeyBits::only(160), 96),
    auth("aes-xcbc-mac",   &[],                "aes-xcbc-mac",   9,   "xcbc(aes)",    KeyBits::only(128), 96),
    auth("null",           &[],                "null",           251, "digest_null",  KeyBits::NONE,      0),

    crypt("des-cbc",      &["des-deriv", "des-32iv"], "des-cbc",      2,   "cbc(des)",          KeyBits::only(64)),
    crypt("3des-cbc",     &[],                        "3des-cbc",     3,   "cbc(des3_ede)",     KeyBits::only(192)),
    crypt("cast128-cbc",  &[],                        "cast128-cbc",  6,   "cbc(cast5)",        KeyBits::from_to(40, 128)),
    crypt("blowfish-cbc", &[],                        "blowfish-cbc", 7,   "cbc(blowfish)",     KeyBits::from_to(40, 448)),
    crypt("null",         &["simple"],                "null",         11,  "ecb(cipher_null)",  KeyBits::NONE),
    crypt("aes-cbc",      &["rijndael-cbc"],          "aes-cbc",      12,  "cbc(aes)",          KeyBits::from_to(128, 256)),
    crypt("aes-ctr",      &[],                        "aes-ctr",      13,  "rfc3686(ctr(aes))", KeyBits::from_to(160, 288)),
    crypt("camellia-cbc", &[],                        "camellia-cbc", 22,  "cbc(camellia)",     KeyBits::from_to(128, 256)),
    crypt("twofish-cbc",  &[],                        "twofish-cbc",  253, "cbc(twofish)",      KeyBits::from_to(128, 256)),

    comp("deflate", 2, "deflate"),
    comp("lzs",     3, "lzs"),
];

impl Algorithm {
    /// The algorithm of a kind with this script name or alias.
    #[must_use]
    pub fn by_name(kind: AlgorithmKind, name: &str) -> Option<&'static Self> {
        ALGORITHMS.iter().find(|a| a.kind == kind && (a.name == name || a.aliases.contains(&name)))
    }

    /// The algorithm of a kind with this kernel name.
    #[must_use]
    pub fn by_kernel(kind: AlgorithmKind, kernel: &str) -> Option<&'static Self> {
        ALGORITHMS.iter().find(|a| a.kind == kind && a.kernel == kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_numbers_and_kernel_names_are_unique_in_a_kind() {
        for (i, a) in ALGORITHMS.iter().enumerate() {
            for b in ALGORITHMS[..i].iter().filter(|b| b.kind == a.kind) {
                assert_ne!(a.name, b.name);
                assert_ne!(a.pfkey, b.pfkey);
                assert_ne!(a.kernel, b.kernel);
            }
        }
    }

    #[test]
    fn aliases_lead_to_the_row() {
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "rijndael-cbc").unwrap();
        assert_eq!(aes.name, "aes-cbc");
        assert!(aes.key_bits.fits(192) && !aes.key_bits.fits(120));
        assert_eq!(Algorithm::by_name(AlgorithmKind::Auth, "aes-cbc"), None);
    }
}
