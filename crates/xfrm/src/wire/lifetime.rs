//! Limits: none is `XFRM_INF` for bytes and packets, and 0 for seconds.

use std::num::NonZeroU64;

use model::{Current, Lifetime, Lifetimes, ZeroLimits};
use netlink_packet_xfrm::{self as xfrm, LifetimeConfig, XFRM_INF};

pub(super) fn config(Lifetimes { hard, soft }: &Lifetimes) -> LifetimeConfig {
    let limit = |count: u64| if count == 0 { XFRM_INF } else { count };
    let [hard_packets, hard_bytes, hard_add_expires_seconds, hard_use_expires_seconds] =
        hard.numbers();
    let [soft_packets, soft_bytes, soft_add_expires_seconds, soft_use_expires_seconds] =
        soft.numbers();
    LifetimeConfig {
        soft_byte_limit: limit(soft_bytes),
        hard_byte_limit: limit(hard_bytes),
        soft_packet_limit: limit(soft_packets),
        hard_packet_limit: limit(hard_packets),
        soft_add_expires_seconds,
        hard_add_expires_seconds,
        soft_use_expires_seconds,
        hard_use_expires_seconds,
    }
}

/// Whether there is a limit of no byte or no packet, which ends an SA with its first packet.
pub(super) fn has_zero(config: &LifetimeConfig) -> bool {
    [
        config.soft_byte_limit,
        config.hard_byte_limit,
        config.soft_packet_limit,
        config.hard_packet_limit,
    ]
    .contains(&0)
}

/// Writes 0 for limits of a policy that are not set.
pub(super) fn set_zero(config: &mut LifetimeConfig, zero: ZeroLimits) {
    for (limit, is_zero) in counts(config).into_iter().zip(zero.are_zero()) {
        if is_zero && *limit == XFRM_INF {
            *limit = 0;
        }
    }
}

/// The limits of bytes and packets that are 0.
pub(super) fn zero_limits(config: &LifetimeConfig) -> ZeroLimits {
    let mut config = *config;
    ZeroLimits::new(counts(&mut config).map(|limit| *limit == 0))
}

/// The limits of bytes and packets, in the order of the structure.
fn counts(config: &mut LifetimeConfig) -> [&mut u64; 4] {
    [
        &mut config.soft_byte_limit,
        &mut config.hard_byte_limit,
        &mut config.soft_packet_limit,
        &mut config.hard_packet_limit,
    ]
}

pub(super) fn lifetimes(config: &LifetimeConfig) -> Lifetimes {
    let count = |limit: u64| if limit == XFRM_INF { 0 } else { limit };
    Lifetimes {
        hard: Lifetime::from_numbers([
            count(config.hard_packet_limit),
            count(config.hard_byte_limit),
            config.hard_add_expires_seconds,
            config.hard_use_expires_seconds,
        ]),
        soft: Lifetime::from_numbers([
            count(config.soft_packet_limit),
            count(config.soft_byte_limit),
            config.soft_add_expires_seconds,
            config.soft_use_expires_seconds,
        ]),
    }
}

pub(super) fn current(current: &xfrm::Lifetime) -> Current {
    Current {
        packets: current.packets,
        bytes: current.bytes,
        add_time: current.add_time,
        use_time: NonZeroU64::new(current.use_time),
    }
}
