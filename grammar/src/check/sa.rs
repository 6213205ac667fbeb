//! What the kernel refuses about an SA by itself (`verify_newsa_info`, and the `init_state` of the
//! protocols).

use model::{Mode, Proto, Sa, SaDirection, SaFlags, SaMode, Spi};

use super::Mistake;

/// The flags that an inbound and an outbound SA cannot have.
const NOT_INBOUND: [&str; 3] = ["nopmtudisc", "dont-encap-dscp", "oseq-may-wrap"];
const NOT_OUTBOUND: [&str; 3] = ["decap-dscp", "icmp", "wildrecv"];

pub(super) fn mistake(sa: &Sa) -> Option<Mistake> {
    let is_ipcomp = sa.proto == Proto::IpComp;
    if is_ipcomp && sa.spi > Spi::LAST_CPI {
        return Some(Mistake::WideCpi);
    }
    if is_ipcomp && sa.esn {
        return Some(Mistake::EsnOfIpComp);
    }
    if is_ipcomp && sa.mode == SaMode::Of(Mode::Beet) {
        return Some(Mistake::BeetOfIpComp);
    }
    if sa.proto != Proto::Esp && sa.encap.is_some() {
        return Some(Mistake::EncapNotOfEsp);
    }
    if sa.esn && sa.replay_window == 0 && sa.direction != Some(SaDirection::Out) {
        return Some(Mistake::EsnWithoutWindow);
    }
    let refused = match sa.direction? {
        SaDirection::In => NOT_INBOUND,
        SaDirection::Out if sa.replay_window > 0 => return Some(Mistake::ReplayOfOutbound),
        SaDirection::Out => NOT_OUTBOUND,
    };
    has_one_of(sa.flags, refused).then_some(Mistake::FlagOfDirection)
}

fn has_one_of(flags: SaFlags, words: [&str; 3]) -> bool {
    flags.words().any(|word| words.contains(&word))
}
