//! The order of rows.

use std::cmp::Reverse;

use clap::ValueEnum;

use super::rates::Row;

/// What rows are sorted by, the largest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SortKey {
    /// Bytes a second
    Bytes,
    /// Packets a second
    Packets,
    /// Packets that the SAs have dropped
    Failed,
    /// How much of a limit was used
    Limit,
    /// Protocol, SPI and addresses, the smallest first
    Name,
}

impl SortKey {
    /// The word on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Packets => "packets",
            Self::Failed => "failed",
            Self::Limit => "limit",
            Self::Name => "name",
        }
    }

    /// The one after this.
    pub fn next(self) -> Self {
        match self {
            Self::Bytes => Self::Packets,
            Self::Packets => Self::Failed,
            Self::Failed => Self::Limit,
            Self::Limit => Self::Name,
            Self::Name => Self::Bytes,
        }
    }
}

/// Sorts rows; those that are equal, by name.
pub fn sort(rows: &mut [Row], order: SortKey) {
    let number = |row: &Row| match order {
        SortKey::Bytes => row.bytes,
        SortKey::Packets => row.packets,
        SortKey::Failed => row.failed,
        SortKey::Limit => row.limit.map_or(0, |limit| u64::from(limit.percent) + 1),
        SortKey::Name => 0,
    };
    rows.sort_by(|a, b| (Reverse(number(a)), &a.name).cmp(&(Reverse(number(b)), &b.name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_leads_to_the_next() {
        let orders = SortKey::value_variants();
        assert!(orders.windows(2).all(|pair| pair[0].next() == pair[1]));
        assert_eq!(orders[orders.len() - 1].next(), orders[0]);
    }
}
