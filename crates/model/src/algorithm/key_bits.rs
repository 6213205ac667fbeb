use std::fmt;

/// The key lengths an algorithm takes, in bits, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyBits {
    /// The shortest.
    pub min: u16,
    /// The longest; 0: no key.
    pub max: u16,
    /// From one length to the next.
    pub step: u16,
    /// How many of them are a salt behind the key itself.
    pub salt: u16,
}

impl KeyBits {
    pub(super) const NONE: KeyBits = KeyBits::only(0);

    pub(super) const fn only(bits: u16) -> Self {
        Self::from_to(bits, bits)
    }

    /// Every number of bytes.
    pub(super) const fn from_to(min: u16, max: u16) -> Self {
        Self { min, max, step: 8, salt: 0 }
    }

    /// Keys of 128, 192 and 256 bits with a salt behind them.
    pub(super) const fn three_with(salt: u16) -> Self {
        Self { min: 128 + salt, max: 256 + salt, step: 64, salt }
    }

    /// Whether the algorithm takes a key of `bits`.
    #[must_use]
    pub fn fits(self, bits: usize) -> bool {
        self.is_between(bits) && (bits - usize::from(self.min)).is_multiple_of(self.step.into())
    }

    /// Whether a key of `bits` is neither too short nor too long: the original's own test
    /// (`ipsec_check_keylen`).
    #[must_use]
    pub fn is_between(self, bits: usize) -> bool {
        (self.min.into()..=self.max.into()).contains(&bits)
    }
}

impl fmt::Display for KeyBits {
    /// `a key of 128, 192 or 256 bits (16, 24 or 32 bytes)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { min, max, step, salt } = self;
        let (bits, bytes) = match max {
            0 => return f.write_str("no key"),
            _ if step > 8 => {
                let lengths = || (min..=max).step_by(step.into());
                (alternatives(lengths()), alternatives(lengths().map(|bits| bits / 8)))
            }
            _ if min < max => (format!("{min} to {max}"), format!("{} to {}", min / 8, max / 8)),
            _ => (min.to_string(), (min / 8).to_string()),
        };
        write!(f, "a key of {bits} bits ({bytes} bytes)")?;
        if salt > 0 { write!(f, ", {} bytes of salt included", salt / 8) } else { Ok(()) }
    }
}

/// `128, 192 or 256`.
fn alternatives(numbers: impl Iterator<Item = u16>) -> String {
    let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
    match &numbers[..] {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        numbers => numbers.concat(),
    }
}
