//! `xfrm_encap_tmpl`: NAT traversal.

use model::{Encap, EncapKind};
use netlink_packet_xfrm::{Address, EncapTmpl, XfrmAttrs};

pub(super) fn attribute(encap: Encap) -> XfrmAttrs {
    XfrmAttrs::EncapsulationTemplate(EncapTmpl {
        encap_type: encap.kind.number().into(),
        encap_sport: encap.src_port,
        encap_dport: encap.dst_port,
        encap_oa: Address::default(),
    })
}

pub(super) fn read(template: &EncapTmpl) -> Option<Encap> {
    let kind = EncapKind::from_number(template.encap_type.try_into().ok()?)?;
    Some(Encap { kind, src_port: template.encap_sport, dst_port: template.encap_dport })
}
