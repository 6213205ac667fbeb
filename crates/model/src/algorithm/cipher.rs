use super::AlgorithmKind;

/// The lengths of a cipher, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cipher {
    /// The initialization vector in each packet.
    pub iv: usize,
    /// The block that it encrypts; 1: it encrypts any number of bytes.
    pub block: usize,
}

/// The ciphers that the kernel has an IPsec name for and setkey has no word (net/xfrm/xfrm_algo.c).
const WITHOUT_WORD: [(AlgorithmKind, &str, Cipher); 1] =
    [(AlgorithmKind::Crypt, "cbc(sm4)", Cipher::cbc(16))];

impl Cipher {
    /// It leaves all as it is.
    pub(super) const NULL: Cipher = Cipher { iv: 0, block: 1 };
    /// A counter mode: eight bytes of its counter are in the packet (RFC 3686, 4106, 4309, 4543 and 7634).
    pub(super) const COUNTER: Cipher = Cipher { iv: 8, block: 1 };

    /// A block cipher in CBC, whose initialization vector is a block (RFC 2451, section 3).
    pub(super) const fn cbc(block: usize) -> Self {
        Self { iv: block, block }
    }

    /// The cipher of a kernel name that no row of the table has.
    pub(super) fn without_word(kind: AlgorithmKind, kernel: &str) -> Option<Self> {
        let mut rows = WITHOUT_WORD.iter();
        rows.find(|row| (row.0, row.1) == (kind, kernel)).map(|(.., cipher)| *cipher)
    }

    /// The block to which ESP pads what it encrypts: whole words of four bytes at least (RFC 4303, section 2.4).
    #[must_use]
    pub fn padded_to(self) -> usize {
        self.block.next_multiple_of(4)
    }

    /// Whether it leaves all as it is.
    #[must_use]
    pub fn is_null(self) -> bool {
        self == Self::NULL
    }
}
