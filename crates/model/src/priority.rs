use std::fmt;

use crate::table;

/// The place of a policy in the SPD: the kernel takes the smallest number first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(pub u32);

struct Row {
    word: &'static str,
    number: u32,
    first_nearest: u32,
}

table! {
    /// A named priority (libpfkey.h of ipsec-tools).
    pub enum PriorityBase: Row, "priority" {
        /// Tried first.
        High => Row { word: "high", number: 0x4000_0000, first_nearest: 0 },
        /// The priority of a policy that names none.
        Def => Row { word: "def", number: 0x8000_0000, first_nearest: 0x6000_0000 },
        /// Tried last.
        Low => Row { word: "low", number: 0xC000_0000, first_nearest: 0xA000_0000 },
    }
}

impl PriorityBase {
    /// Its number.
    #[must_use]
    pub const fn priority(self) -> Priority {
        Priority(self.row().number)
    }

    /// The named priority that dumps express a priority from.
    #[must_use]
    pub fn nearest(priority: Priority) -> Self {
        let below = Self::ALL.iter().rev().find(|base| base.row().first_nearest <= priority.0);
        below.copied().unwrap_or(PriorityBase::High)
    }
}

impl Priority {
    /// `high`.
    pub const HIGH: Priority = PriorityBase::High.priority();
    /// `def`: sent when a policy names no priority.
    pub const DEFAULT: Priority = PriorityBase::Def.priority();
    /// `low`.
    pub const LOW: Priority = PriorityBase::Low.priority();
    /// How far before a named priority an offset may lead (`PRIORITY_OFFSET_POSITIVE_MAX`,
    /// libpfkey.h).
    pub const MOST_EARLIER: u64 = 1 << 30;
    /// How far behind a named priority an offset may lead (`PRIORITY_OFFSET_NEGATIVE_MAX`).
    pub const MOST_LATER: u64 = (1 << 30) - 1;
}

impl fmt::Display for Priority {
    /// As setkey prints it: `prio def`, `prio high + 5` (+ is earlier); nothing for 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return Ok(());
        }
        let base = PriorityBase::nearest(*self);
        write!(f, "prio {}", base.word())?;
        match i64::from(base.priority().0) - i64::from(self.0) {
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
