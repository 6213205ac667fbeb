//! `xfrm_encap_tmpl`: NAT traversal.

use model::{Encap, EncapKind};
use netlink_packet_xfrm::{
    Address, EncapTmpl, TCP_ENCAP_ESPINTCP, UDP_ENCAP_ESPINUDP, UDP_ENCAP_ESPINUDP_NON_IKE,
    XfrmAttrs,
};

const KINDS: [(EncapKind, u16); 3] = [
    (EncapKind::EspInUdpNonIke, UDP_ENCAP_ESPINUDP_NON_IKE),
    (EncapKind::EspInUdp, UDP_ENCAP_ESPINUDP),
    (EncapKind::EspInTcp, TCP_ENCAP_ESPINTCP),
];

pub(super) fn attribute(encap: Encap) -> XfrmAttrs {
    let row = KINDS.iter().find(|row| row.0 == encap.kind).expect("every kind has a row");
    XfrmAttrs::EncapsulationTemplate(EncapTmpl {
        encap_type: row.1,
        encap_sport: encap.src_port,
        encap_dport: encap.dst_port,
        encap_oa: Address::default(),
    })
}

pub(super) fn read(template: &EncapTmpl) -> Option<Encap> {
    let row = KINDS.iter().find(|row| row.1 == template.encap_type)?;
    Some(Encap { kind: row.0, src_port: template.encap_sport, dst_port: template.encap_dport })
}
