//! What the kernel refuses about an SA by itself (`verify_newsa_info`, `xfrm_state_construct` and the
//! `init_state` of the protocols).

use model::{
    EncapKind, IpTfs, IpTfsSetting, IpVersion, Mode, Proto, Sa, SaDirection, SaFlags, ScriptOption,
    Spi,
};

use super::Mistake;

/// The flags that an inbound and an outbound SA cannot have.
const NOT_INBOUND: [SaFlags; 3] =
    [SaFlags::NO_PMTU_DISC, SaFlags::DONT_ENCAP_DSCP, SaFlags::OSEQ_MAY_WRAP];
const NOT_OUTBOUND: [SaFlags; 3] = [SaFlags::DECAP_DSCP, SaFlags::ICMP, SaFlags::WILD_RECEIVE];

pub(super) fn mistake(sa: &Sa) -> Option<Mistake> {
    of_ipcomp(sa)
        .or_else(|| of_mode(sa))
        .or_else(|| of_options(sa))
        .or_else(|| of_direction(sa, sa.direction?))
}

fn of_ipcomp(sa: &Sa) -> Option<Mistake> {
    if sa.proto != Proto::IpComp {
        return None;
    }
    if sa.spi > Spi::LAST_CPI {
        Some(Mistake::WideCpi)
    } else if sa.esn {
        Some(Mistake::EsnOfIpComp)
    } else {
        has_long_bitmap(sa).then_some(Mistake::WindowOfIpComp)
    }
}

/// Whether its sequence numbers are those of `xfrm_replay_state_esn`.
fn has_long_bitmap(sa: &Sa) -> bool {
    sa.replay_words.or(sa.implied_replay_words()).is_some()
}

fn of_mode(sa: &Sa) -> Option<Mistake> {
    let version = IpVersion::of(sa.ends.dst());
    let has_other_version = sa.selector.as_ref().is_some_and(|it| it.version() != version);
    match sa.mode.installed() {
        Mode::Beet if sa.proto == Proto::IpComp => return Some(Mistake::BeetOfIpComp),
        Mode::IpTfs if sa.proto != Proto::Esp => return Some(Mistake::IpTfsNotOfEsp),
        Mode::IpTfs if sa.direction.is_none() => return Some(Mistake::IpTfsWithoutDirection),
        mode @ Mode::InTrigger => return Some(Mistake::ModeOfSa(mode)),
        mode @ Mode::RouteOptimization if sa.proto != Proto::Esp || version == IpVersion::V4 => {
            return Some(Mistake::ModeOfSa(mode));
        }
        Mode::Transport | Mode::RouteOptimization if has_other_version => {
            return Some(Mistake::SelectorVersion);
        }
        Mode::Transport | Mode::RouteOptimization | Mode::Tunnel | Mode::Beet | Mode::IpTfs => {}
    }
    let has_settings = sa.iptfs != IpTfs::default();
    (sa.proto == Proto::Esp && has_settings && sa.mode.installed() != Mode::IpTfs)
        .then_some(Mistake::IpTfsOfOtherMode)
}

fn of_options(sa: &Sa) -> Option<Mistake> {
    let is_outbound = sa.direction == Some(SaDirection::Out);
    let is_in_udp = sa.encap.is_some_and(|encap| encap.kind == EncapKind::EspInUdp);
    if sa.proto != Proto::Esp && sa.encap.is_some() {
        Some(Mistake::EncapNotOfEsp)
    } else if sa.esn && sa.replay_window == 0 && !is_outbound {
        Some(Mistake::EsnWithoutWindow)
    } else if sa.tfc_padding.is_some()
        && (sa.proto, sa.mode.installed()) != (Proto::Esp, Mode::Tunnel)
    {
        Some(Mistake::TfcPadding)
    } else if sa.mapping_interval.is_some() && sa.encap.is_none() {
        Some(Mistake::MappingWithoutEncap)
    } else if sa.nat_keepalive.is_some() && !is_outbound {
        Some(Mistake::KeepAliveNotOfOutbound)
    } else if sa.nat_keepalive.is_some() && !is_in_udp {
        Some(Mistake::KeepAliveWithoutEncap)
    } else {
        (sa.cpu.is_some() && sa.direction.is_none()).then_some(Mistake::CpuWithoutDirection)
    }
}

fn of_direction(sa: &Sa, direction: SaDirection) -> Option<Mistake> {
    let is_outbound = direction == SaDirection::Out;
    let has_received = sa.replay_state.received > 0 || !sa.replay_state.bitmap.is_empty();
    if is_outbound && sa.replay_window > 0 {
        return Some(Mistake::ReplayOfOutbound);
    }
    if is_outbound && has_received {
        return Some(Mistake::NumberOfDirection(ScriptOption::Received));
    }
    // That of the fixed structure is not compared.
    if !is_outbound && sa.replay_state.sent > 0 && has_long_bitmap(sa) {
        return Some(Mistake::NumberOfDirection(ScriptOption::Sent));
    }
    if is_outbound && sa.mapping_interval.is_some() {
        return Some(Mistake::MappingOfOutbound);
    }
    if sa.offload.is_some_and(|offload| offload.direction != direction) {
        return Some(Mistake::OffloadOfDirection);
    }
    let refused = if is_outbound { NOT_OUTBOUND } else { NOT_INBOUND };
    if refused.iter().any(|&flag| sa.flags.contains(flag)) {
        return Some(Mistake::FlagOfDirection);
    }
    iptfs_of_other(sa.iptfs, direction).map(Mistake::IpTfsOfDirection)
}

/// A setting of mode `iptfs` that is there and is one of the other direction.
fn iptfs_of_other(iptfs: IpTfs, direction: SaDirection) -> Option<IpTfsSetting> {
    let of_other: &[(bool, IpTfsSetting)] = match direction {
        SaDirection::In => &[
            (iptfs.init_delay.is_some(), IpTfsSetting::InitDelay),
            (iptfs.max_queue.is_some(), IpTfsSetting::MaxQueue),
            (iptfs.packet_size.is_some(), IpTfsSetting::PacketSize),
            (iptfs.dont_fragment, IpTfsSetting::DontFragment),
        ],
        SaDirection::Out => &[
            (iptfs.drop_time.is_some(), IpTfsSetting::DropTime),
            (iptfs.reorder_window.is_some(), IpTfsSetting::ReorderWindow),
        ],
    };
    of_other.iter().find(|(is_there, _)| *is_there).map(|(_, setting)| *setting)
}
