//! `xfrm_usersa_info` with its attributes, and `xfrm_usersa_id`.

use std::num::{NonZeroU32, NonZeroU64};

use model::{
    IpVersion, Mark, Proto, ReqId, Sa, SaDirection, SaEntry, SaFlags, SaId, SaState, SaStats, Spi,
    SpiRequest,
};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{
    AF_UNSPEC, Address, Id, Selector, UserSaId, UserSaInfo, UserSpiInfo, XFRM_STATE_ESN,
    XFRM_USER_SA_ID_LEN, XFRM_USER_SA_INFO_LEN, XFRMA_SA, XfrmAttrs,
    state::{AllocSpiMessage, DelGetMessage, ModifyMessage},
};

use super::{
    AddressFamily, algorithm, algorithm::Algorithms, attributes, encap, iptfs, lifetime, mark,
    nested, number, offload, raw, recent::Recent, replay, sec_ctx, selector, unknown,
};
use crate::{Error, KernelRefusal, device::Devices};

/// The message that adds or updates an SA, refused if its device is not there. It holds the keys:
/// [`super::wipe`] it after use.
pub(crate) fn message(sa: &Sa, devices: &Devices) -> Result<ModifyMessage, KernelRefusal> {
    let offload = sa.offload.as_ref().map(|offload| offload::attribute(offload, devices));
    let (replay_window, replay) = replay::write(sa);
    let [output_mark, output_bits] = mark::output(sa.output_mark);
    let extra_flags = sa.flags.extra_bits();
    let attributes = [
        sa.auth.as_ref().map(algorithm::auth),
        sa.crypt.as_ref().map(algorithm::crypt),
        sa.aead.as_ref().map(algorithm::aead),
        sa.comp.map(algorithm::comp),
        sa.tfc_padding.map(|bytes| XfrmAttrs::TfcPadding(bytes.get())),
        sa.encap.map(encap::attribute),
        sa.mapping_interval.map(|seconds| XfrmAttrs::MappingTimeThreshold(seconds.get())),
        sa.care_of.map(|address| XfrmAttrs::CareOfAddr(Address::from_ip(&address))),
        offload.transpose()?,
        replay,
        (extra_flags != 0).then_some(XfrmAttrs::ExtraFlags(extra_flags)),
        sa.sec_ctx.as_ref().map(sec_ctx::attribute),
        mark::attribute(sa.mark),
        sa.if_id.map(|number| XfrmAttrs::IfId(number.get())),
        output_mark,
        output_bits,
    ];
    let recent = [
        sa.direction.map(|direction| Recent::SaDirection(direction.xfrm())),
        sa.nat_keepalive.map(|seconds| Recent::NatKeepaliveInterval(seconds.get())),
        sa.cpu.map(Recent::SaPerCpu),
    ];
    let recent = recent.into_iter().flatten().chain(iptfs::attributes(sa.iptfs));
    let attributes = attributes.into_iter().flatten().chain(recent.map(Into::into));
    Ok(ModifyMessage {
        user_sa_info: UserSaInfo { replay_window, ..info(sa, devices)? },
        // The last of two of one number is in force (`__nla_parse`).
        nlas: attributes.chain(sa.unknown.iter().map(unknown)).collect(),
    })
}

/// The fixed structure, but for the replay window.
fn info(sa: &Sa, devices: &Devices) -> Result<UserSaInfo, KernelRefusal> {
    let version = IpVersion::of(sa.ends.src());
    let (family, all) = (version.family(), all_packets(version, sa.flags));
    Ok(UserSaInfo {
        selector: sa.selector.as_ref().map_or(Ok(all), |own| selector::write(own, devices))?,
        id: Id { daddr: Address::from_ip(&sa.ends.dst()), spi: sa.spi.0, proto: sa.proto.number() },
        saddr: Address::from_ip(&sa.ends.src()),
        lifetime_cfg: lifetime::config(&sa.lifetimes),
        seq: sa.seq.map_or(0, NonZeroU32::get),
        reqid: sa.reqid.map_or(0, ReqId::number),
        family,
        mode: sa.mode.installed().xfrm(),
        flags: sa.flags.state_bits() | if sa.esn { XFRM_STATE_ESN } else { 0 },
        ..UserSaInfo::default()
    })
}

/// The selector of an SA for all packets.
fn all_packets(version: IpVersion, flags: SaFlags) -> Selector {
    let is_any = flags.contains(SaFlags::ANY_FAMILY);
    let family = if is_any { AF_UNSPEC } else { version.family() };
    Selector { family, ..Selector::default() }
}

/// The message that asks for an SPI from `min` to `max`, for the larval SA of the ACQUIRE of number
/// `seq`, if there is one.
pub(crate) fn spi_message(
    wanted: &SpiRequest,
    (min, max): (Spi, Spi),
    seq: Option<NonZeroU32>,
) -> AllocSpiMessage {
    let family = IpVersion::of(wanted.ends.src()).family();
    let info = UserSaInfo {
        id: Id {
            daddr: Address::from_ip(&wanted.ends.dst()),
            spi: 0,
            proto: wanted.proto.number(),
        },
        saddr: Address::from_ip(&wanted.ends.src()),
        seq: seq.map_or(0, NonZeroU32::get),
        reqid: wanted.reqid.map_or(0, ReqId::number),
        family,
        mode: wanted.mode.installed().xfrm(),
        ..UserSaInfo::default()
    };
    AllocSpiMessage { spi_info: UserSpiInfo { info, min: min.0, max: max.0 }, nlas: Vec::new() }
}

/// The message that names an SA.
pub(crate) fn id_message(id: &SaId) -> DelGetMessage {
    DelGetMessage {
        user_sa_id: UserSaId {
            daddr: Address::from_ip(&id.dst),
            spi: id.spi.0,
            family: IpVersion::of(id.dst).family(),
            proto: id.proto.number(),
        },
        nlas: mark::attribute(id.mark).into_iter().collect(),
    }
}

/// The IP protocol number of an SA, whether the model knows it or not.
pub(crate) fn proto_number(object: &[u8]) -> Result<u8, Error> {
    Ok(UserSaInfo::parse(object)?.id.proto)
}

/// Reads an SA as it is at `now`, Unix seconds.
pub(crate) fn read(object: &[u8], now: u64, devices: &Devices) -> Result<SaEntry, Error> {
    let info = UserSaInfo::parse(object)?;
    entry(&info, attributes(object, XFRM_USER_SA_INFO_LEN), now, devices)
}

/// Reads an SA that was deleted: its name, with the whole SA in attributes (`xfrm_notify_sa`).
pub(crate) fn read_deleted(object: &[u8], now: u64, devices: &Devices) -> Result<SaEntry, Error> {
    let info = nested(object, XFRM_USER_SA_ID_LEN, XFRMA_SA, UserSaInfo::parse)?;
    let entry = entry(&info, attributes(object, XFRM_USER_SA_ID_LEN), now, devices)?;
    Ok(SaEntry { state: SaState::Dead, ..entry })
}

/// Reads an SA of this fixed structure and these attributes.
pub(super) fn entry(
    info: &UserSaInfo,
    attributes: impl Iterator<Item = Result<XfrmAttrs, DecodeError>>,
    now: u64,
    devices: &Devices,
) -> Result<SaEntry, Error> {
    let version = IpVersion::from_family(info.family)
        .unwrap_or_else(|| IpVersion::guess(&info.saddr, &info.id.daddr));
    let mut algorithms = Algorithms::default();
    let mut parts = Parts::of(info, version, devices)?;
    for attribute in attributes {
        if let Some(other) = algorithms.take(attribute?) {
            parts.take(other, devices)?;
        }
    }
    parts.sa.unknown.append(&mut algorithms.raw);
    let proto = parts.sa.proto;
    let current = lifetime::current(&info.lifetime_cur);
    let state = if needs_algorithm(proto) && !algorithms.any {
        SaState::Larval
    } else if parts.sa.lifetimes.soft.reached(&current, now) {
        SaState::Dying
    } else {
        SaState::Mature
    };
    let Algorithms { auth, crypt, aead, comp, .. } = algorithms;
    let sa = Sa { auth, crypt, aead, comp, ..parts.sa };
    let dropped = SaStats {
        replay_window: info.stats.replay_window,
        replay: info.stats.replay,
        integrity_failed: info.stats.integrity_failed,
    };
    Ok(SaEntry { sa, state, current, stats: dropped, last_used: parts.last_used })
}

/// An SA without its algorithms, as it is put together of the fixed structure and the attributes.
struct Parts {
    sa: Sa,
    version: IpVersion,
    last_used: Option<NonZeroU64>,
}

impl Parts {
    /// What the fixed structure contains.
    fn of(info: &UserSaInfo, version: IpVersion, devices: &Devices) -> Result<Self, DecodeError> {
        let ends = version.pair(&info.saddr, &info.id.daddr);
        let mut sa = Sa {
            mode: number::mode(info.mode)?.into(),
            reqid: ReqId::new(info.reqid),
            seq: NonZeroU32::new(info.seq),
            replay_window: info.replay_window.into(),
            flags: SaFlags::from_xfrm(info.flags, 0),
            esn: info.flags & XFRM_STATE_ESN != 0,
            lifetimes: lifetime::lifetimes(&info.lifetime_cfg),
            ..Sa::bare(ends, number::proto(info.id.proto)?, Spi(info.id.spi))
        };
        if info.selector != all_packets(version, sa.flags) {
            sa.selector = Some(selector::read(&info.selector, Some(version), devices)?);
            if info.selector.family == AF_UNSPEC {
                sa.inexpressible.push(Sa::SELECTOR_OF_NO_VERSION);
            }
        }
        if lifetime::has_zero(&info.lifetime_cfg) {
            sa.inexpressible.push(Sa::LIMIT_OF_ZERO);
        }
        Ok(Self { sa, version, last_used: None })
    }

    fn take(&mut self, attribute: XfrmAttrs, devices: &Devices) -> Result<(), DecodeError> {
        let sa = &mut self.sa;
        match attribute {
            XfrmAttrs::EncapsulationTemplate(ref template) => {
                sa.encap = encap::read(template, self.version);
                if sa.encap.is_none() {
                    sa.unknown.push(raw(&attribute));
                }
            }
            XfrmAttrs::ReplayState(wire) => sa.replay_state = replay::read(&wire),
            XfrmAttrs::ReplayStateEsn(wire) => {
                sa.replay_window = wire.replay_window;
                let words = Some(wire.bmp_len);
                sa.replay_words = words.filter(|_| words != sa.implied_replay_words());
                sa.replay_state = replay::read_wide(wire);
            }
            XfrmAttrs::SecurityContext(context) => sa.sec_ctx = Some(sec_ctx::read(context)),
            XfrmAttrs::ExtraFlags(flags) => {
                sa.flags = SaFlags::from_xfrm(sa.flags.state_bits(), flags);
            }
            XfrmAttrs::TfcPadding(bytes) => sa.tfc_padding = NonZeroU32::new(bytes),
            XfrmAttrs::MappingTimeThreshold(seconds) => {
                sa.mapping_interval = NonZeroU32::new(seconds);
            }
            XfrmAttrs::CareOfAddr(address) => sa.care_of = Some(self.version.address(&address)),
            XfrmAttrs::LastUsed(seconds) => self.last_used = NonZeroU64::new(seconds),
            XfrmAttrs::Mark(mark) => sa.mark = mark::read(mark),
            // The mask follows, but on kernels before 4.19, where it is always full.
            XfrmAttrs::MarkVal(value) => sa.output_mark = Mark { value, mask: u32::MAX },
            XfrmAttrs::MarkMask(mask) => sa.output_mark.mask = mask,
            XfrmAttrs::IfId(number) => sa.if_id = NonZeroU32::new(number),
            XfrmAttrs::OffloadDevice(wire) => sa.offload = Some(offload::read(wire, devices)),
            XfrmAttrs::Other(ref other) => match Recent::parse(other)? {
                Some(recent) => self.take_recent(recent),
                None => sa.unknown.push(raw(&attribute)),
            },
            // A notification of a deletion has the fixed structure in an attribute.
            XfrmAttrs::Pad() | XfrmAttrs::SaInfo(_) => {}
            other => sa.unknown.push(raw(&other)),
        }
        Ok(())
    }

    fn take_recent(&mut self, attribute: Recent) {
        let sa = &mut self.sa;
        match attribute {
            Recent::SaDirection(number) => match SaDirection::from_xfrm(number) {
                Some(direction) => sa.direction = Some(direction),
                None => sa.unknown.push(raw(&attribute.into())),
            },
            Recent::NatKeepaliveInterval(seconds) => sa.nat_keepalive = NonZeroU32::new(seconds),
            Recent::SaPerCpu(cpu) => sa.cpu = Some(cpu),
            Recent::IpTfsDropTime(time) => sa.iptfs.drop_time = Some(time),
            Recent::IpTfsReorderWindow(packets) => sa.iptfs.reorder_window = Some(packets),
            Recent::IpTfsDontFragment => sa.iptfs.dont_fragment = true,
            Recent::IpTfsInitDelay(time) => sa.iptfs.init_delay = Some(time),
            Recent::IpTfsMaxQueueSize(size) => sa.iptfs.max_queue = Some(size),
            Recent::IpTfsPacketSize(size) => sa.iptfs.packet_size = Some(size),
        }
    }
}

fn needs_algorithm(proto: Proto) -> bool {
    matches!(proto, Proto::Ah | Proto::Esp | Proto::IpComp)
}

#[cfg(test)]
mod tests;
