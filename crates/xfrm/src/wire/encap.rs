//! `xfrm_encap_tmpl`: NAT traversal.

use std::num::NonZeroU16;

use model::{Encap, EncapKind, IpVersion};
use netlink_packet_xfrm::{Address, EncapTmpl, XfrmAttrs};

use super::AddressFamily;

pub(super) fn attribute(encap: Encap) -> XfrmAttrs {
    XfrmAttrs::EncapsulationTemplate(template(encap))
}

fn template(encap: Encap) -> EncapTmpl {
    EncapTmpl {
        encap_type: encap.kind.number().into(),
        encap_sport: encap.src_port.map_or(0, NonZeroU16::get),
        encap_dport: encap.dst_port.map_or(0, NonZeroU16::get),
        encap_oa: encap.original.as_ref().map(Address::from_ip).unwrap_or_default(),
    }
}

/// Reads the template of an SA whose addresses are of this version, unless the model has no value for
/// it.
pub(super) fn read(template: &EncapTmpl, version: IpVersion) -> Option<Encap> {
    let kind = EncapKind::from_number(template.encap_type.try_into().ok()?)?;
    let [src_port, dst_port] = [template.encap_sport, template.encap_dport].map(NonZeroU16::new);
    let is_given = template.encap_oa != Address::default();
    let original = is_given.then(|| version.address(&template.encap_oa));
    let encap = Encap { kind, src_port, dst_port, original };
    (self::template(encap) == *template).then_some(encap)
}
