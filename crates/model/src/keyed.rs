use crate::{Algorithm, AlgorithmKind, Key};

/// An algorithm with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The algorithm.
    pub algorithm: &'static Algorithm,
    /// Its key; empty for `null`.
    pub key: Key,
    /// Length of the integrity check value in bits; 0 for ciphers.
    pub icv_bits: u16,
}

impl Keyed {
    /// An algorithm with the ICV length that AF_KEY gives it.
    #[must_use]
    pub fn new(algorithm: &'static Algorithm, key: Key) -> Self {
        Self { algorithm, key, icv_bits: algorithm.icv_bits }
    }

    /// The algorithm that the kernel names so: the row of the table that means this ICV and a key of
    /// this length, or else [`Algorithm::of_kernel`].
    #[must_use]
    pub fn of_kernel(kind: AlgorithmKind, kernel: &str, icv_bits: u16, key: Key) -> Option<Self> {
        let row = Algorithm::by_kernel(kind, kernel, icv_bits)
            .filter(|row| row.icv_bits == icv_bits && row.key_bits.fits(key.bits()));
        let algorithm = row.or_else(|| Algorithm::of_kernel(kind, kernel))?;
        Some(Self { algorithm, key, icv_bits })
    }
}
