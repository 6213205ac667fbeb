//! Limits: the model's 0 is `XFRM_INF` for bytes and packets, and 0 for seconds.

use model::{Current, Lifetime, Lifetimes};
use netlink_packet_xfrm::{self as xfrm, LifetimeConfig, XFRM_INF};

pub(super) fn config(Lifetimes { hard, soft }: &Lifetimes) -> LifetimeConfig {
    let limit = |count: u64| if count == 0 { XFRM_INF } else { count };
    LifetimeConfig {
        soft_byte_limit: limit(soft.bytes),
        hard_byte_limit: limit(hard.bytes),
        soft_packet_limit: limit(soft.packets),
        hard_packet_limit: limit(hard.packets),
        soft_add_expires_seconds: soft.add_seconds,
        hard_add_expires_seconds: hard.add_seconds,
        soft_use_expires_seconds: soft.use_seconds,
        hard_use_expires_seconds: hard.use_seconds,
    }
}

pub(super) fn lifetimes(config: &LifetimeConfig) -> Lifetimes {
    let count = |limit: u64| if limit == XFRM_INF { 0 } else { limit };
    Lifetimes {
        hard: Lifetime {
            packets: count(config.hard_packet_limit),
            bytes: count(config.hard_byte_limit),
            add_seconds: config.hard_add_expires_seconds,
            use_seconds: config.hard_use_expires_seconds,
        },
        soft: Lifetime {
            packets: count(config.soft_packet_limit),
            bytes: count(config.soft_byte_limit),
            add_seconds: config.soft_add_expires_seconds,
            use_seconds: config.soft_use_expires_seconds,
        },
    }
}

pub(super) fn current(current: &xfrm::Lifetime) -> Current {
    Current {
        packets: current.packets,
        bytes: current.bytes,
        add_time: current.add_time,
        use_time: current.use_time,
    }
}
