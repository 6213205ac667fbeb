use std::fmt;

use zeroize::Zeroizing;

/// A secret key. Wiped when dropped; `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// Takes the key's bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Length in bits.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bits)", self.bits())
    }
}

/// The digits of a key, as a script has them: `0x0123`. Nothing for an empty one.
pub struct KeyText<'a>(pub &'a Key);

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.bytes().is_empty() {
            f.write_str("0x")?;
        }
        self.0.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_keeps_the_secret() {
        assert_eq!(format!("{:?}", Key::new(vec![0x41; 16])), "Key(128 bits)");
    }
}
