//! `XFRM_MSG_MIGRATE_STATE` (Linux 7.2): an SA gets other addresses and encapsulation, and keeps its sequence numbers,
//! replay window and counters.
//!
//! Hand-written because netlink-packet-xfrm does not know the message: a variant of its `XfrmMessage` would end it.

use model::{IpVersion, Proto, Relocation};
use netlink_packet_core::Emitable;
use netlink_packet_xfrm::{
    Address, EncapTmpl, Mark, UserSaId, UserSaInfo, XFRM_USER_SA_ID_LEN, XfrmAttrs, XfrmMessage,
};

use super::{AddressFamily, encap};

/// The number of the message, which netlink-packet-xfrm does not know.
const XFRM_MSG_MIGRATE_STATE: u16 = 0x29;
/// `XFRM_MIGRATE_STATE_UPDATE_H2H_SEL`: the selector of the two hosts follows them.
const UPDATE_HOST_SELECTOR: u32 = 2;
/// `sizeof(struct xfrm_user_migrate_state)`.
const LENGTH: usize = 132;

/// The message that moves an SA; `info` is the kernel's.
pub(crate) fn message(info: &UserSaInfo, mark: model::Mark, to: &Relocation) -> XfrmMessage {
    let id = UserSaId {
        daddr: info.id.daddr,
        spi: info.id.spi,
        family: info.family,
        proto: info.id.proto,
    };
    let (src, dst) = (to.ends.src(), to.ends.dst());
    let family = IpVersion::of(dst).family();
    let mut selector = info.selector;
    let is_of_all = selector.prefixlen_s == 0 && selector.prefixlen_d == 0;
    if is_of_all && selector.family == info.family {
        selector.family = family;
    }
    let mut object = vec![0; LENGTH];
    id.emit(&mut object[..XFRM_USER_SA_ID_LEN]);
    Address::from_ip(&dst).emit(&mut object[24..40]);
    Address::from_ip(&src).emit(&mut object[40..56]);
    Mark { value: mark.value, mask: mark.mask }.emit(&mut object[56..64]);
    selector.emit(&mut object[64..120]);
    object[120..124].copy_from_slice(&info.reqid.to_ne_bytes());
    let flags = if is_host_to_host(info) { UPDATE_HOST_SELECTOR } else { 0 };
    object[124..128].copy_from_slice(&flags.to_ne_bytes());
    object[128..130].copy_from_slice(&family.to_ne_bytes());
    if let Some(encap) = to.encap {
        let attribute = match encap {
            Some(encap) => encap::attribute(encap),
            // What is left out stays: type 0 removes it.
            None => XfrmAttrs::EncapsulationTemplate(EncapTmpl::default()),
        };
        object.resize(LENGTH + Emitable::buffer_len(&attribute), 0);
        attribute.emit(&mut object[LENGTH..]);
    }
    XfrmMessage::Other((XFRM_MSG_MIGRATE_STATE, object))
}

/// A message about no SA: the address family is none. A kernel that knows the message refuses it with ESRCH, one that
/// does not with EINVAL, and one without CONFIG_XFRM_MIGRATE with ENOPROTOOPT.
pub(crate) fn probe() -> XfrmMessage {
    let mut object = vec![0; LENGTH];
    UserSaId { spi: 1, proto: Proto::Esp.number(), ..UserSaId::default() }
        .emit(&mut object[..XFRM_USER_SA_ID_LEN]);
    object[128..130].copy_from_slice(&IpVersion::V4.family().to_ne_bytes());
    XfrmMessage::Other((XFRM_MSG_MIGRATE_STATE, object))
}

/// Whether the selector of an SA is that of its two addresses.
fn is_host_to_host(info: &UserSaInfo) -> bool {
    let whole = if info.family == IpVersion::V4.family() { 32 } else { 128 };
    let selector = &info.selector;
    (selector.prefixlen_s, selector.prefixlen_d) == (whole, whole)
        && selector.saddr == info.saddr
        && selector.daddr == info.id.daddr
}
