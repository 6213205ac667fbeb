use super::{Algorithm, AlgorithmKind, Cipher, KeyBits, Requirement};

#[expect(clippy::too_many_arguments, reason = "the columns of a row")]
const fn auth(
    name: &'static str,
    aliases: &'static [&'static str],
    dumped: &'static str,
    pfkey: u8,
    kernel: &'static str,
    key_bits: KeyBits,
    icv_bits: u16,
    requirement: Requirement,
) -> Algorithm {
    let (kind, pfkey) = (AlgorithmKind::Auth, Some(pfkey));
    Algorithm {
        kind,
        name,
        aliases,
        dumped,
        pfkey,
        kernel,
        key_bits,
        icv_bits,
        cipher: None,
        requirement,
    }
}

#[expect(clippy::too_many_arguments, reason = "the columns of a row")]
const fn crypt(
    name: &'static str,
    aliases: &'static [&'static str],
    dumped: &'static str,
    pfkey: u8,
    kernel: &'static str,
    key_bits: KeyBits,
    cipher: Cipher,
    requirement: Requirement,
) -> Algorithm {
    let (kind, pfkey, cipher) = (AlgorithmKind::Crypt, Some(pfkey), Some(cipher));
    Algorithm {
        kind,
        name,
        aliases,
        dumped,
        pfkey,
        kernel,
        key_bits,
        icv_bits: 0,
        cipher,
        requirement,
    }
}

const fn aead(
    name: &'static str,
    pfkey: Option<u8>,
    kernel: &'static str,
    key_bits: KeyBits,
    icv_bits: u16,
    requirement: Requirement,
) -> Algorithm {
    // All of them count, with eight bytes of an initialization vector in each packet.
    let cipher = Some(Cipher::COUNTER);
    let (kind, aliases, dumped) = (AlgorithmKind::Aead, &[], name);
    Algorithm {
        kind,
        name,
        aliases,
        dumped,
        pfkey,
        kernel,
        key_bits,
        icv_bits,
        cipher,
        requirement,
    }
}

const fn comp(name: &'static str, pfkey: u8, kernel: &'static str) -> Algorithm {
    let (kind, pfkey) = (AlgorithmKind::Comp, Some(pfkey));
    let (aliases, dumped, key_bits, requirement) = (&[], name, KeyBits::NONE, Requirement::May);
    Algorithm {
        kind,
        name,
        aliases,
        dumped,
        pfkey,
        kernel,
        key_bits,
        icv_bits: 0,
        cipher: None,
        requirement,
    }
}

/// Every algorithm that scripts can name. Key lengths of the original's algorithms are those that
/// AF_KEY registers, without those between that the cipher itself refuses; a salt counts.
///
/// Where several rows have one kernel name, they differ in the ICV; the first is the default.
#[rustfmt::skip]
pub static ALGORITHMS: &[Algorithm] = &[
    auth("hmac-md5",       &[],                "hmac-md5",       2,   "hmac(md5)",    KeyBits::only(128), 96, Requirement::MustNot),
    auth("hmac-sha1",      &[],                "hmac-sha1",      3,   "hmac(sha1)",   KeyBits::only(160), 96, Requirement::MustMinus),
    auth("hmac-sha256",    &["hmac-sha2-256"], "hmac-sha256",    5,   "hmac(sha256)", KeyBits::only(256), 96, Requirement::Must),
    auth("hmac-sha256-96", &[],                "hmac-sha256",    5,   "hmac(sha256)", KeyBits::only(256), 96, Requirement::May),
    auth("hmac-sha256-128",&[],                "hmac-sha256",    5,   "hmac(sha256)", KeyBits::only(256), 128, Requirement::Must),
    auth("hmac-sha384",    &["hmac-sha2-384"], "hmac-sha384",    6,   "hmac(sha384)", KeyBits::only(384), 192, Requirement::May),
    auth("hmac-sha512",    &["hmac-sha2-512"], "hmac-sha512",    7,   "hmac(sha512)", KeyBits::only(512), 256, Requirement::Should),
    auth("hmac-ripemd160", &[],                "hmac-ripemd160", 8,   "hmac(rmd160)", KeyBits::only(160), 96, Requirement::May),
    auth("aes-xcbc-mac",   &[],                "aes-xcbc-mac",   9,   "xcbc(aes)",    KeyBits::only(128), 96, Requirement::May),
    Algorithm { pfkey: None, ..auth("aes-cmac", &[], "aes-cmac", 0,    "cmac(aes)",    KeyBits::only(128), 96, Requirement::May) },
    auth("null",           &[],                "null",           251, "digest_null",  KeyBits::NONE,      0, Requirement::Must),

    crypt("des-cbc",      &["des-deriv", "des-32iv"], "des-cbc",      2,   "cbc(des)",          KeyBits::only(64), Cipher::cbc(8), Requirement::MustNot),
    crypt("3des-cbc",     &[],                        "3des-cbc",     3,   "cbc(des3_ede)",     KeyBits::only(192), Cipher::cbc(8), Requirement::ShouldNot),
    crypt("cast128-cbc",  &[],                        "cast128-cbc",  6,   "cbc(cast5)",        KeyBits::from_to(40, 128), Cipher::cbc(8), Requirement::MustNot),
    crypt("blowfish-cbc", &[],                        "blowfish-cbc", 7,   "cbc(blowfish)",     KeyBits::from_to(40, 448), Cipher::cbc(8), Requirement::MustNot),
    crypt("null",         &["simple"],                "null",         11,  "ecb(cipher_null)",  KeyBits::NONE, Cipher::NULL, Requirement::Must),
    crypt("aes-cbc",      &["rijndael-cbc"],          "aes-cbc",      12,  "cbc(aes)",          KeyBits::three_with(0), Cipher::cbc(16), Requirement::Must),
    crypt("aes-ctr",      &[],                        "aes-ctr",      13,  "rfc3686(ctr(aes))", KeyBits::three_with(32), Cipher::COUNTER, Requirement::May),
    crypt("camellia-cbc", &[],                        "camellia-cbc", 22,  "cbc(camellia)",     KeyBits::three_with(0), Cipher::cbc(16), Requirement::May),
    crypt("serpent-cbc",  &[],                        "serpent-cbc",  252, "cbc(serpent)",      KeyBits::from_to(128, 256), Cipher::cbc(16), Requirement::May),
    crypt("twofish-cbc",  &[],                        "twofish-cbc",  253, "cbc(twofish)",      KeyBits::three_with(0), Cipher::cbc(16), Requirement::May),

    aead("aes-gcm-16",        Some(20), "rfc4106(gcm(aes))",             KeyBits::three_with(32), 128, Requirement::Must),
    aead("aes-gcm-12",        Some(19), "rfc4106(gcm(aes))",             KeyBits::three_with(32), 96, Requirement::May),
    aead("aes-gcm-8",         Some(18), "rfc4106(gcm(aes))",             KeyBits::three_with(32), 64, Requirement::May),
    aead("aes-ccm-16",        Some(16), "rfc4309(ccm(aes))",             KeyBits::three_with(24), 128, Requirement::May),
    aead("aes-ccm-12",        Some(15), "rfc4309(ccm(aes))",             KeyBits::three_with(24), 96, Requirement::May),
    aead("aes-ccm-8",         Some(14), "rfc4309(ccm(aes))",             KeyBits::three_with(24), 64, Requirement::Should),
    aead("aes-gmac",          Some(23), "rfc4543(gcm(aes))",             KeyBits::three_with(32), 128, Requirement::May),
    aead("chacha20-poly1305", None,     "rfc7539esp(chacha20,poly1305)", KeyBits { salt: 32, ..KeyBits::only(288) },    128, Requirement::Should),

    comp("deflate", 2, "deflate"),
    comp("lzs",     3, "lzs"),
];
