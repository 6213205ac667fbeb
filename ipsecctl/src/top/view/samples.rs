//! Rates for tests.

use std::time::Duration;

use model::{Mark, Proto, SaId, Spi};

use crate::top::{
    rates::{Drops, Rates, Row},
    sample::{LimitUse, RowKey},
};

fn row(key: RowKey, name: &str, bytes: u64, packets: u64) -> Row {
    let sas = matches!(key, RowKey::Policy(_)).then_some(1);
    let history = Vec::new();
    Row { key, name: name.to_owned(), bytes, packets, failed: 0, limit: None, history, sas }
}

fn sa(spi: u32) -> RowKey {
    RowKey::Sa(SaId {
        dst: [192, 0, 2, 2].into(),
        proto: Proto::Esp,
        spi: Spi(spi),
        mark: Mark::default(),
    })
}

pub fn rates() -> Rates {
    let limit = |of, percent| Some(LimitUse { of, percent });
    let busy = Row {
        limit: limit("bytes", 75),
        history: (0..32).map(|step| step * 40_000).collect(),
        ..row(sa(0x1001), "esp 0x1001 192.0.2.1 > 192.0.2.2", 1_250_000, 1000)
    };
    let failing = Row { failed: 3, ..row(sa(0x1002), "esp 0x1002 192.0.2.2 > 192.0.2.1", 840, 10) };
    let idle = Row {
        limit: limit("time", 10),
        ..row(sa(0x1003), "ah 0x1003 2001:db8::1 > 2001:db8::2", 0, 0)
    };
    let out = row(RowKey::Policy(1), "out 10.1.0.0/24 > 10.2.0.0/24 any", 1_250_000, 1000);
    let inward =
        Row { failed: 3, ..row(RowKey::Policy(8), "in 10.2.0.0/24 > 10.1.0.0/24 any", 840, 10) };
    let drops =
        |counter: &str, packets, change| Drops { counter: counter.to_owned(), packets, change };
    Rates {
        interval: Duration::from_secs(1),
        sas: vec![busy, failing, idle],
        policies: vec![out, inward],
        drops: vec![drops("XfrmInNoStates", 7, 2), drops("XfrmOutPolBlock", 1, 0)],
        total: 1_250_840,
        total_history: (0..32).map(|step| step * 40_000).collect(),
    }
}
