//! `xfrm_usersa_info` with its attributes, and `xfrm_usersa_id`.

use std::num::NonZeroU32;

use model::{
    Encap, IpVersion, Mark, Offload, Proto, ReqId, Sa, SaDirection, SaEntry, SaFlags, SaId,
    SaState, SecCtx, Spi, SpiRequest,
};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{
    AF_UNSPEC, Address, Id, Selector, UserSaId, UserSaInfo, UserSpiInfo, XFRM_STATE_ESN,
    XFRM_USER_SA_ID_LEN, XFRM_USER_SA_INFO_LEN, XFRMA_SA, XfrmAttrs,
    state::{AllocSpiMessage, DelGetMessage, ModifyMessage},
};

use super::{
    AddressFamily, algorithm, algorithm::Algorithms, attributes, encap, lifetime, mark, nested,
    number, offload, recent, recent::Recent, replay, sec_ctx, selector,
};
use crate::{Error, Refusal, device::Devices};

/// The message that adds or updates an SA, refused if its device is not there. It holds the keys:
/// [`super::wipe`] it after use.
pub(crate) fn message(sa: &Sa, devices: &Devices) -> Result<ModifyMessage, Refusal> {
    let offload = sa.offload.as_ref().map(|offload| offload::attribute(offload, devices));
    let (replay_window, replay) = replay::write(sa);
    let [output_mark, output_bits] = mark::output(sa.output_mark);
    let extra_flags = sa.flags.extra_bits();
    let attributes = [
        sa.auth.as_ref().map(algorithm::auth),
        sa.crypt.as_ref().map(algorithm::crypt),
        sa.aead.as_ref().map(algorithm::aead),
        sa.comp.map(algorithm::comp),
        sa.encap.map(encap::attribute),
        offload.transpose()?,
        replay,
        (extra_flags != 0).then_some(XfrmAttrs::ExtraFlags(extra_flags)),
        sa.sec_ctx.as_ref().map(sec_ctx::attribute),
        mark::attribute(sa.mark),
        sa.if_id.map(|number| XfrmAttrs::IfId(number.get())),
        output_mark,
        output_bits,
        sa.direction.map(recent::direction),
        sa.nat_keepalive.map(recent::nat_keepalive),
    ];
    Ok(ModifyMessage {
        user_sa_info: UserSaInfo { replay_window, ..info(sa, devices)? },
        nlas: attributes.into_iter().flatten().collect(),
    })
}

/// The fixed structure, but for the replay window.
fn info(sa: &Sa, devices: &Devices) -> Result<UserSaInfo, Refusal> {
    let family = IpVersion::of(sa.ends.src()).family();
    let inner = if sa.flags.contains(SaFlags::ANY_FAMILY) { AF_UNSPEC } else { family };
    let all = Selector { family: inner, ..Selector::default() };
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

/// Reads an SA as it is at `now`, Unix seconds. An algorithm that the table does not know is
/// left out.
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
    let (mut algorithms, mut parts) = (Algorithms::default(), Parts::default());
    for attribute in attributes {
        if let Some(other) = algorithms.take(attribute?) {
            parts.take(other, devices)?;
        }
    }
    let proto = number::proto(info.id.proto)?;
    let family = IpVersion::from_family(info.family)
        .unwrap_or_else(|| IpVersion::guess(&info.saddr, &info.id.daddr));
    let lifetimes = lifetime::lifetimes(&info.lifetime_cfg);
    let current = lifetime::current(&info.lifetime_cur);
    let state = if needs_algorithm(proto) && !algorithms.any {
        SaState::Larval
    } else if lifetimes.soft.reached(&current, now) {
        SaState::Dying
    } else {
        SaState::Mature
    };
    let sa = Sa {
        ends: family.pair(&info.saddr, &info.id.daddr),
        proto,
        spi: Spi(info.id.spi),
        mode: number::mode(info.mode)?.into(),
        reqid: ReqId::new(info.reqid),
        seq: NonZeroU32::new(info.seq),
        selector: own_selector(&info.selector, family, devices)?,
        replay_window: parts.window.unwrap_or(info.replay_window.into()),
        flags: SaFlags::from_xfrm(info.flags, parts.extra_flags),
        auth: algorithms.auth,
        crypt: algorithms.crypt,
        aead: algorithms.aead,
        comp: algorithms.comp,
        lifetimes,
        encap: parts.encap,
        sec_ctx: parts.sec_ctx,
        esn: info.flags & XFRM_STATE_ESN != 0,
        mark: parts.mark,
        output_mark: parts.output_mark,
        if_id: parts.if_id,
        direction: parts.direction,
        nat_keepalive: parts.nat_keepalive,
        offload: parts.offload,
    };
    Ok(SaEntry { sa, state, current })
}

/// The selector of an SA that is not for all packets.
fn own_selector(
    wire: &Selector,
    family: IpVersion,
    devices: &Devices,
) -> Result<Option<model::Selector>, DecodeError> {
    let all = Selector { family: wire.family, ..Selector::default() };
    (*wire != all).then(|| selector::read(wire, Some(family), devices)).transpose()
}

/// What the attributes of an SA hold beside its algorithms.
#[derive(Default)]
struct Parts {
    window: Option<u32>,
    extra_flags: u32,
    encap: Option<Encap>,
    sec_ctx: Option<SecCtx>,
    mark: Mark,
    output_mark: Mark,
    if_id: Option<NonZeroU32>,
    direction: Option<SaDirection>,
    nat_keepalive: Option<NonZeroU32>,
    offload: Option<Offload>,
}

impl Parts {
    fn take(&mut self, attribute: XfrmAttrs, devices: &Devices) -> Result<(), DecodeError> {
        match attribute {
            XfrmAttrs::EncapsulationTemplate(template) => self.encap = encap::read(&template),
            XfrmAttrs::ReplayStateEsn(replay) => self.window = Some(replay.replay_window),
            XfrmAttrs::SecurityContext(context) => self.sec_ctx = Some(sec_ctx::read(context)),
            XfrmAttrs::ExtraFlags(flags) => self.extra_flags = flags,
            XfrmAttrs::Mark(mark) => self.mark = mark::read(mark),
            // The mask follows, but on kernels before 4.19, where it is always full.
            XfrmAttrs::MarkVal(value) => self.output_mark = Mark { value, mask: u32::MAX },
            XfrmAttrs::MarkMask(mask) => self.output_mark.mask = mask,
            XfrmAttrs::IfId(number) => self.if_id = NonZeroU32::new(number),
            XfrmAttrs::OffloadDevice(wire) => self.offload = Some(offload::read(wire, devices)),
            XfrmAttrs::Other(other) => match recent::read(&other)? {
                Some(Recent::Direction(direction)) => self.direction = Some(direction),
                Some(Recent::NatKeepalive(seconds)) => {
                    self.nat_keepalive = NonZeroU32::new(seconds);
                }
                None => {}
            },
            _ => {}
        }
        Ok(())
    }
}

fn needs_algorithm(proto: Proto) -> bool {
    matches!(proto, Proto::Ah | Proto::Esp | Proto::IpComp)
}

#[cfg(test)]
mod tests;
