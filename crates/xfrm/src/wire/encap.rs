//! `xfrm_encap_tmpl`: NAT traversal.

use std::num::NonZeroU16;

use model::{Encap, EncapKind};
use netlink_packet_xfrm::{Address, EncapTmpl, XfrmAttrs};

pub(super) fn attribute(encap: Encap) -> XfrmAttrs {
    XfrmAttrs::EncapsulationTemplate(EncapTmpl {
        encap_type: encap.kind.number().into(),
        encap_sport: encap.src_port.map_or(0, NonZeroU16::get),
        encap_dport: encap.dst_port.map_or(0, NonZeroU16::get),
        encap_oa: Address::default(),
    })
}

pub(super) fn read(template: &EncapTmpl) -> Option<Encap> {
    let kind = EncapKind::from_number(template.encap_type.try_into().ok()?)?;
    let [src_port, dst_port] = [template.encap_sport, template.encap_dport].map(NonZeroU16::new);
    Some(Encap { kind, src_port, dst_port })
}
