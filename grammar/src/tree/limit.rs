use std::num::NonZeroU64;

use model::{Lifetimes, ScriptOption, table};

struct Row {
    word: &'static str,
    option: ScriptOption,
}

const fn of(option: ScriptOption) -> Row {
    Row { word: option.word(), option }
}

table! {
    /// A limit of an SA or a policy: the option that it is written with.
    pub enum Limit: Row, "limit" {
        /// Hard limit in seconds.
        HardTime => of(ScriptOption::HardTime),
        /// Soft limit in seconds.
        SoftTime => of(ScriptOption::SoftTime),
        /// Hard limit in bytes.
        HardBytes => of(ScriptOption::HardBytes),
        /// Soft limit in bytes.
        SoftBytes => of(ScriptOption::SoftBytes),
        /// Hard limit in seconds since the first use.
        HardUse => of(ScriptOption::HardUse),
        /// Soft limit in seconds since the first use.
        SoftUse => of(ScriptOption::SoftUse),
        /// Hard limit in packets.
        HardPackets => of(ScriptOption::HardPackets),
        /// Soft limit in packets.
        SoftPackets => of(ScriptOption::SoftPackets),
    }
}

impl Limit {
    /// The option.
    #[must_use]
    pub fn option(self) -> ScriptOption {
        self.row().option
    }

    /// The limit in a pair of lifetimes; none: no limit.
    pub(crate) fn field(self, lifetimes: &mut Lifetimes) -> &mut Option<NonZeroU64> {
        let Lifetimes { hard, soft } = lifetimes;
        match self {
            Limit::HardTime => &mut hard.add_seconds,
            Limit::SoftTime => &mut soft.add_seconds,
            Limit::HardBytes => &mut hard.bytes,
            Limit::SoftBytes => &mut soft.bytes,
            Limit::HardUse => &mut hard.use_seconds,
            Limit::SoftUse => &mut soft.use_seconds,
            Limit::HardPackets => &mut hard.packets,
            Limit::SoftPackets => &mut soft.packets,
        }
    }
}
