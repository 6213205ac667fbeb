//! ipsecd does what needs a running process.

mod confinement;
pub(crate) mod crash;
mod life;
pub(crate) mod memory;
mod metrics;
mod others;
mod restart;
mod services;
mod tunnels;
mod unit;

use std::time::Duration;

use scenarios::{Host, eventually};

/// How long anything may take: far longer than any does.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that is left out of a policy, or made required, as an SA goes or comes.
const TUNNEL: &str = "esp/tunnel/192.0.2.1-192.0.2.2/use";

/// `ip xfrm state` words for an SA of [`TUNNEL`].
const SA: &str = "src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001";

/// `ip xfrm state add` for it.
fn add_sa() -> String {
    format!("xfrm state add {SA} mode tunnel enc cbc(aes) 0x{}", "5a".repeat(16))
}

/// How many templates the kernel's policies have.
fn templates(host: &Host) -> usize {
    host.show("xfrm policy").matches("\ttmpl ").count()
}
