mod cipher;
mod key_bits;
mod table;

use std::sync::{Mutex, PoisonError};

use crate::Dialect;
pub use cipher::Cipher;
pub use key_bits::KeyBits;
pub use table::ALGORITHMS;

/// What an algorithm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AlgorithmKind {
    /// Authentication (`-A`, `XFRMA_ALG_AUTH_TRUNC`).
    Auth,
    /// Encryption (`-E`, `XFRMA_ALG_CRYPT`).
    Crypt,
    /// Encryption and authentication in one (`-E`, `XFRMA_ALG_AEAD`).
    Aead,
    /// Compression (`-C`, `XFRMA_ALG_COMP`).
    Comp,
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
    /// PF_KEY number (linux/pfkeyv2.h, net/xfrm/xfrm_algo.c), where Linux has given one.
    pub pfkey: Option<u8>,
    /// Kernel name (net/xfrm/xfrm_algo.c).
    pub kernel: &'static str,
    /// Key length in bits.
    pub key_bits: KeyBits,
    /// Length of the integrity check value in bits, as AF_KEY cuts it; 0 where there is none.
    pub icv_bits: u16,
    /// The lengths of what it encrypts; none: it does not encrypt, or they are not known here.
    pub cipher: Option<Cipher>,
    /// What RFC 8221 requires of implementations of ESP and AH.
    pub requirement: Requirement,
}

/// What RFC 8221 (for ESP and AH; RFC 8247 has the same for IKE's own packets) and RFC 9395, which
/// updates it, require of an implementation: their word of RFC 2119.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// It has the algorithm.
    Must,
    /// It has the algorithm, which will be required less in future (`MUST-`).
    MustMinus,
    /// It should have the algorithm.
    Should,
    /// It may have the algorithm. So may it those that no RFC lists.
    May,
    /// It should not use the algorithm.
    ShouldNot,
    /// It does not use the algorithm.
    MustNot,
}

impl Algorithm {
    /// The algorithm of a kind with this script name or alias.
    #[must_use]
    pub fn by_name(kind: AlgorithmKind, name: &str) -> Option<&'static Self> {
        ALGORITHMS.iter().find(|a| a.kind == kind && (a.name == name || a.aliases.contains(&name)))
    }

    /// The algorithm of a kind with this kernel name, and with this ICV (in bits) if there is one.
    #[must_use]
    pub fn by_kernel(kind: AlgorithmKind, kernel: &str, icv_bits: u16) -> Option<&'static Self> {
        let named = || ALGORITHMS.iter().filter(|a| a.kind == kind && a.kernel == kernel);
        named().find(|a| a.icv_bits == icv_bits).or_else(|| named().next())
    }

    /// The algorithm of a kind with this kernel name, with any ICV and any key: what no row means. Its
    /// word is [`Algorithm::KERNEL`] and the name. It is kept as long as the program runs, so there is none
    /// after [`Algorithm::MOST_KEPT`] others, which only a script can name: the kernel has fewer.
    #[must_use]
    pub fn of_kernel(kind: AlgorithmKind, kernel: &str) -> Option<&'static Self> {
        static KEPT: Mutex<Vec<&'static Algorithm>> = Mutex::new(Vec::new());
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        Self::kept_in(&mut kept, kind, kernel)
    }

    fn kept_in(
        kept: &mut Vec<&'static Algorithm>,
        kind: AlgorithmKind,
        kernel: &str,
    ) -> Option<&'static Self> {
        let known = kept.iter().find(|it| it.kind == kind && it.kernel == kernel);
        if known.is_some() || kept.len() == Self::MOST_KEPT {
            return known.copied();
        }
        let name: &'static str = format!("{}{kernel}", Self::KERNEL).leak();
        let kernel = &name[Self::KERNEL.len()..];
        let row = Self::by_kernel(kind, kernel, 0);
        let new: &'static Algorithm = Box::leak(Box::new(Algorithm {
            kind,
            name,
            aliases: &[],
            dumped: row.map_or(kernel, |row| row.dumped),
            pfkey: row.and_then(|row| row.pfkey),
            kernel,
            key_bits: KeyBits::from_to(0, u16::MAX),
            icv_bits: 0,
            cipher: row.map_or_else(|| Cipher::without_word(kind, kernel), |row| row.cipher),
            requirement: row.map_or(Requirement::May, |row| row.requirement),
        }));
        kept.push(new);
        Some(new)
    }

    /// The algorithms without a row that a program keeps.
    pub const MOST_KEPT: usize = 1024;

    /// What precedes the kernel's name of an algorithm in scripts, where there is no other word.
    pub const KERNEL: &'static str = "kernel:";

    /// The longest name in bytes, without its NUL (`xfrm_algo.alg_name`).
    pub const MOST_NAME: usize = 63;

    /// Whether [`Algorithm::KERNEL`] may precede a name: printable ASCII without blanks, quotes and
    /// slashes.
    #[must_use]
    pub fn is_kernel_name(name: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'/');
        (1..=Self::MOST_NAME).contains(&name.len()) && name.bytes().all(is_plain)
    }

    /// Whether its security ends when a key and a sequence number are used twice.
    #[must_use]
    pub fn is_counter_mode(&self) -> bool {
        ["ctr(", "gcm(", "ccm(", "chacha20"].iter().any(|mode| self.kernel.contains(mode))
    }

    /// Whether it is HMAC-SHA-256, whose ICV had another length before RFC 4868.
    #[must_use]
    pub fn is_sha256(&self) -> bool {
        self.kernel == "hmac(sha256)"
    }

    /// Whether the table has it.
    #[must_use]
    pub fn has_row(&self) -> bool {
        !self.name.starts_with(Self::KERNEL)
    }

    /// This algorithm as the word means it in a dialect: SHA-256 is cut to 96 bits in `linux`, as
    /// AF_KEY does, and to RFC 4868's 128 in the BSDs.
    #[must_use]
    pub fn in_dialect(&'static self, dialect: Dialect) -> &'static Self {
        if dialect.is_bsd() && self.name == "hmac-sha256" {
            return Self::by_name(self.kind, "hmac-sha256-128").unwrap_or(self);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_in_a_kind_and_kernel_names_with_their_icv() {
        for (i, a) in ALGORITHMS.iter().enumerate() {
            for b in ALGORITHMS[..i].iter().filter(|b| b.kind == a.kind) {
                assert_ne!(a.name, b.name);
                let default = Algorithm::by_name(a.kind, "hmac-sha256");
                let same = (a.kernel, a.icv_bits) == (b.kernel, b.icv_bits);
                assert!(!same || Some(b) == default, "{} {}", a.name, b.name);
            }
        }
    }

    #[test]
    fn the_icv_distinguishes_rows_of_one_kernel_name() {
        let name = |kind, kernel, icv| Algorithm::by_kernel(kind, kernel, icv).unwrap().name;
        assert_eq!(name(AlgorithmKind::Aead, "rfc4106(gcm(aes))", 96), "aes-gcm-12");
        assert_eq!(name(AlgorithmKind::Auth, "hmac(sha256)", 96), "hmac-sha256");
        assert_eq!(name(AlgorithmKind::Auth, "hmac(sha256)", 128), "hmac-sha256-128");
        let sha256 = Algorithm::by_name(AlgorithmKind::Auth, "hmac-sha2-256").unwrap();
        assert_eq!(sha256.in_dialect(Dialect::FreeBsd).icv_bits, 128);
        assert_eq!(sha256.in_dialect(Dialect::Linux).icv_bits, 96);
    }

    #[test]
    fn the_kernels_name_is_enough() {
        let named = |kind| Algorithm::of_kernel(kind, "hmac(sm3)").unwrap();
        let sm3 = named(AlgorithmKind::Auth);
        assert_eq!((sm3.name, sm3.kernel, sm3.pfkey), ("kernel:hmac(sm3)", "hmac(sm3)", None));
        assert!(sm3.key_bits.fits(0) && sm3.key_bits.fits(256) && !sm3.has_row());
        assert!(std::ptr::eq(sm3, named(AlgorithmKind::Auth)));
        assert_eq!(named(AlgorithmKind::Comp).kind, AlgorithmKind::Comp);
        // A dump has AF_KEY's word, whatever ICV and key are.
        let sha1 = Algorithm::of_kernel(AlgorithmKind::Auth, "hmac(sha1)").unwrap();
        assert_eq!((sha1.dumped, sha1.pfkey, sha1.has_row()), ("hmac-sha1", Some(3), false));
    }

    #[test]
    fn what_encrypts_has_its_lengths() {
        for row in ALGORITHMS {
            let is_cipher = matches!(row.kind, AlgorithmKind::Crypt | AlgorithmKind::Aead);
            assert_eq!(row.cipher.is_some(), is_cipher, "{}", row.name);
            let named = Algorithm::of_kernel(row.kind, row.kernel).unwrap();
            assert_eq!(named.cipher, row.cipher, "{}", row.name);
        }
        let lengths = |name| {
            let cipher = Algorithm::of_kernel(AlgorithmKind::Crypt, name)?.cipher?;
            Some((cipher.iv, cipher.block, cipher.padded_to(), cipher.is_null()))
        };
        assert_eq!(lengths("cbc(sm4)"), Some((16, 16, 16, false)));
        assert_eq!(lengths("cbc(des)"), Some((8, 8, 8, false)));
        assert_eq!(lengths("rfc3686(ctr(aes))"), Some((8, 1, 4, false)));
        assert_eq!(lengths("ecb(cipher_null)"), Some((0, 1, 4, true)));
        assert_eq!(lengths("cbc(aria)"), None);
    }

    #[test]
    fn a_program_keeps_so_many_names() {
        let mut kept = Vec::new();
        let mut named =
            |number: usize| Algorithm::kept_in(&mut kept, AlgorithmKind::Auth, &number.to_string());
        assert!((0..Algorithm::MOST_KEPT).all(|number| named(number).is_some()));
        assert_eq!(named(Algorithm::MOST_KEPT), None);
        assert_eq!(named(7).unwrap().kernel, "7");
        assert_eq!(kept.len(), Algorithm::MOST_KEPT);
    }

    #[test]
    fn aead_keys_carry_their_salt() {
        let gcm = Algorithm::by_name(AlgorithmKind::Aead, "aes-gcm-16").unwrap();
        let fits: Vec<usize> = (0..600).filter(|&bits| gcm.key_bits.fits(bits)).collect();
        assert_eq!(fits, [160, 224, 288]);
    }

    #[test]
    fn lengths_in_words() {
        let words = |kind, name| Algorithm::by_name(kind, name).unwrap().key_bits.to_string();
        for (name, text) in [
            ("aes-cbc", "a key of 128, 192 or 256 bits (16, 24 or 32 bytes)"),
            ("blowfish-cbc", "a key of 40 to 448 bits (5 to 56 bytes)"),
            ("des-cbc", "a key of 64 bits (8 bytes)"),
            ("null", "no key"),
        ] {
            assert_eq!(words(AlgorithmKind::Crypt, name), text);
        }
        let gcm = "a key of 160, 224 or 288 bits (20, 28 or 36 bytes), 4 bytes of salt included";
        assert_eq!(words(AlgorithmKind::Aead, "aes-gcm-16"), gcm);
    }

    /// The rows of RFC 8221 (sections 5 and 6) and RFC 9395 (section 3) that are no `MAY`.
    #[test]
    fn requirements_are_those_of_the_rfcs() {
        let rows = |requirement| {
            let rows = ALGORITHMS.iter().filter(move |row| row.requirement == requirement);
            rows.map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(
            rows(Requirement::Must),
            ["hmac-sha256", "hmac-sha256-128", "null", "null", "aes-cbc", "aes-gcm-16"]
        );
        assert_eq!(rows(Requirement::MustMinus), ["hmac-sha1"]);
        assert_eq!(rows(Requirement::Should), ["hmac-sha512", "aes-ccm-8", "chacha20-poly1305"]);
        assert_eq!(rows(Requirement::ShouldNot), ["3des-cbc"]);
        let not = ["hmac-md5", "des-cbc", "cast128-cbc", "blowfish-cbc"];
        assert_eq!(rows(Requirement::MustNot), not);
        let des = Algorithm::of_kernel(AlgorithmKind::Crypt, "cbc(des)");
        assert_eq!(des.unwrap().requirement, Requirement::MustNot);
    }

    #[test]
    fn aliases_lead_to_the_row() {
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "rijndael-cbc").unwrap();
        assert_eq!(aes.name, "aes-cbc");
        let lengths = aes.key_bits;
        assert!(lengths.fits(192) && !lengths.fits(120) && !lengths.fits(136));
        assert!(lengths.is_between(136) && !lengths.is_between(264));
        assert_eq!(Algorithm::by_name(AlgorithmKind::Auth, "aes-cbc"), None);
    }
}
