//! `xfrm_usersa_info` with its attributes, and `xfrm_usersa_id`.

use ipsec::{Encap, EncapKind, Mode, Proto, ReqId, Sa, SaEntry, SaFlags, SaId, SaState, Spi};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{
    AF_UNSPEC, Address, EncapTmpl, Id, ReplayEsn, Selector, TCP_ENCAP_ESPINTCP, UDP_ENCAP_ESPINUDP,
    UDP_ENCAP_ESPINUDP_NON_IKE, UserSaId, UserSaInfo, XFRM_USER_SA_INFO_LEN, XfrmAttrs,
    state::{DelGetMessage, ModifyMessage},
};

use super::{Family, algorithm, algorithm::Algorithms, attributes, lifetime, sec_ctx};
use crate::Error;

/// The largest window of the fixed structure's own bitmap, in packets.
const LEGACY_WINDOW: u32 = 32;

const ENCAP_KINDS: [(EncapKind, u16); 3] = [
    (EncapKind::EspInUdpNonIke, UDP_ENCAP_ESPINUDP_NON_IKE),
    (EncapKind::EspInUdp, UDP_ENCAP_ESPINUDP),
    (EncapKind::EspInTcp, TCP_ENCAP_ESPINTCP),
];

/// The message that adds or updates an SA. It holds the keys: [`super::wipe`] it after use.
pub(crate) fn message(sa: &Sa) -> ModifyMessage {
    let family = Family::of(sa.ends.src()).number();
    let inner = if sa.flags.contains(SaFlags::ANY_FAMILY) { AF_UNSPEC } else { family };
    let window = u8::try_from(sa.replay_window).ok().filter(|&w| u32::from(w) <= LEGACY_WINDOW);
    ModifyMessage {
        user_sa_info: UserSaInfo {
            selector: Selector { family: inner, ..Selector::default() },
            id: Id {
                daddr: Address::from_ip(&sa.ends.dst()),
                spi: sa.spi.0,
                proto: sa.proto.number(),
            },
            saddr: Address::from_ip(&sa.ends.src()),
            lifetime_cfg: lifetime::config(&sa.lifetimes),
            reqid: sa.reqid.0,
            family,
            mode: sa.mode.xfrm(),
            replay_window: window.unwrap_or(0),
            flags: sa.flags.state_bits(),
            ..UserSaInfo::default()
        },
        nlas: [
            sa.auth.as_ref().map(algorithm::auth),
            sa.crypt.as_ref().map(algorithm::crypt),
            sa.comp.map(algorithm::comp),
            sa.encap.map(encap_template),
            window.is_none().then(|| wide_window(sa.replay_window)),
            sa.sec_ctx.as_ref().map(sec_ctx::attribute),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// The message that names an SA.
pub(crate) fn id_message(id: &SaId) -> DelGetMessage {
    DelGetMessage {
        user_sa_id: UserSaId {
            daddr: Address::from_ip(&id.dst),
            spi: id.spi.0,
            family: Family::of(id.dst).number(),
            proto: id.proto.number(),
        },
        nlas: Vec::new(),
    }
}

/// The IP protocol number of an SA, whether the model knows it or not.
pub(crate) fn proto_number(object: &[u8]) -> Result<u8, Error> {
    Ok(UserSaInfo::parse(object)?.id.proto)
}

/// Reads an SA as it stands at `now`, Unix seconds. An algorithm that the table does not know is
/// left out.
pub(crate) fn read(object: &[u8], now: u64) -> Result<SaEntry, Error> {
    let info = UserSaInfo::parse(object)?;
    let mut algorithms = Algorithms::default();
    let mut window = u32::from(info.replay_window);
    let (mut encap, mut sec_ctx) = (None, None);
    for attribute in attributes(object, XFRM_USER_SA_INFO_LEN) {
        match algorithms.take(attribute?) {
            Some(XfrmAttrs::EncapsulationTemplate(template)) => encap = read_encap(&template),
            Some(XfrmAttrs::ReplayStateEsn(replay)) => window = replay.replay_window,
            Some(XfrmAttrs::SecurityContext(context)) => sec_ctx = Some(sec_ctx::read(context)),
            _ => {}
        }
    }
    let unknown = |what, number: u8| DecodeError::from(format!("SA: {what} {number}"));
    let proto =
        Proto::from_number(info.id.proto).ok_or_else(|| unknown("protocol", info.id.proto))?;
    let family = Family::from_number(info.family)
        .unwrap_or_else(|| Family::guess(&info.saddr, &info.id.daddr));
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
        mode: Mode::from_xfrm(info.mode).ok_or_else(|| unknown("mode", info.mode))?,
        reqid: ReqId(info.reqid),
        replay_window: window,
        flags: SaFlags::from_xfrm(info.flags, 0),
        auth: algorithms.auth,
        crypt: algorithms.crypt,
        comp: algorithms.comp,
        lifetimes,
        encap,
        sec_ctx,
    };
    Ok(SaEntry { sa, state, current })
}

fn needs_algorithm(proto: Proto) -> bool {
    matches!(proto, Proto::Ah | Proto::Esp | Proto::IpComp)
}

/// A window beyond the legacy bitmap, without extended sequence numbers: `xfrm_replay_state_esn`
/// in an SA without `XFRM_STATE_ESN`. The kernel supplies the empty bitmap of `bmp_len` words
/// (`xfrm_alloc_replay_state_esn`).
fn wide_window(packets: u32) -> XfrmAttrs {
    XfrmAttrs::ReplayStateEsn(ReplayEsn {
        bmp_len: packets.div_ceil(u32::BITS),
        replay_window: packets,
        ..ReplayEsn::default()
    })
}

fn encap_template(encap: Encap) -> XfrmAttrs {
    let row = ENCAP_KINDS.iter().find(|row| row.0 == encap.kind).expect("every kind has a row");
    XfrmAttrs::EncapsulationTemplate(EncapTmpl {
        encap_type: row.1,
        encap_sport: encap.src_port,
        encap_dport: encap.dst_port,
        encap_oa: Address::default(),
    })
}

fn read_encap(template: &EncapTmpl) -> Option<Encap> {
    let row = ENCAP_KINDS.iter().find(|row| row.1 == template.encap_type)?;
    Some(Encap { kind: row.0, src_port: template.encap_sport, dst_port: template.encap_dport })
}

#[cfg(test)]
mod tests;
