use std::fmt;

/// Where a policy stands in the SPD: the kernel takes the smallest number first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(pub u32);

impl Priority {
    /// `high`.
    pub const HIGH: Priority = Priority(0x4000_0000);
    /// `def`: sent when a policy names no priority.
    pub const DEFAULT: Priority = Priority(0x8000_0000);
    /// `low`.
    pub const LOW: Priority = Priority(0xC000_0000);
}

impl fmt::Display for Priority {
    /// As setkey prints it: `prio def`, `prio high + 5` (+ is earlier); nothing for 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, base) = match self.0 {
            0 => return Ok(()),
            1..0x6000_0000 => ("high", Self::HIGH.0),
            0x6000_0000..0xA000_0000 => ("def", Self::DEFAULT.0),
            _ => ("low", Self::LOW.0),
        };
        write!(f, "prio {word}")?;
        match i64::from(base) - i64::from(self.0) {
            0 => Ok(()),
            earlier @ 1.. => write!(f, " + {earlier}"),
            later => write!(f, " - {}", -later),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_takes_the_nearest_base() {
        for (number, text) in [
            (0, ""),
            (1, "prio high + 1073741823"),
            (0x4000_0000, "prio high"),
            (0x5FFF_FFFF, "prio high - 536870911"),
            (0x6000_0000, "prio def + 536870912"),
            (0x8000_0000, "prio def"),
            (0x8000_0064, "prio def - 100"),
            (0xA000_0000, "prio low + 536870912"),
            (u32::MAX, "prio low - 1073741823"),
        ] {
            assert_eq!(Priority(number).to_string(), text);
        }
    }
}
