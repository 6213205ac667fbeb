use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU32,
};

use model::{DeviceName, Error, IpVersion, PolicyId, Sa, Selector, Upper};

use crate::{Field, Fields};

/// A packet as a look-up sees it (`struct flowi`, include/net/flow.h). What is `None` is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    src: IpAddr,
    dst: IpAddr,
    /// The number of the upper-layer protocol.
    pub upper: Option<u8>,
    /// The source port, host order; the type of ICMP; the upper half of GRE's key.
    pub src_port: Option<u16>,
    /// The destination port, host order; the code of ICMP; the lower half of GRE's key.
    pub dst_port: Option<u16>,
    /// The device of its route.
    pub device: FlowDevice,
    /// The firewall mark.
    pub mark: u32,
    /// The number of the xfrm interface that it passes; none: it passes none.
    pub if_id: Option<NonZeroU32>,
    /// The number of the processor that sends it.
    pub cpu: Option<u32>,
}

/// The device that selectors are compared with (`flowi_oif`): that of the route (`skb_dst`). Of IPv6 packets of this
/// host it is the one that their socket is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowDevice {
    /// It is not known.
    Unknown,
    /// None: no selector with a device matches.
    None,
    /// This one.
    Named(DeviceName),
}

impl FlowDevice {
    /// Whether it is the device of a selector; `None`: that is not known.
    fn is(self, wanted: DeviceName) -> Option<bool> {
        match self {
            FlowDevice::Unknown => None,
            FlowDevice::None => Some(false),
            FlowDevice::Named(own) => Some(own == wanted),
        }
    }
}

impl Flow {
    /// Whether it is an ICMP error (`icmp_pointers`, net/ipv4/icmp.c; RFC 4443, section 2.1). One whose type is
    /// not known is taken for none.
    pub(crate) fn is_icmp_error(&self) -> bool {
        match (self.version(), self.upper.map(Upper::Number), self.src_port) {
            (IpVersion::V4, Some(Upper::ICMP), Some(3 | 4 | 5 | 11 | 12)) => true,
            (IpVersion::V6, Some(Upper::ICMPV6), Some(kind)) => kind < 128,
            _ => false,
        }
    }
}

/// What a selector or policy and a flow do not have in common. Both empty: it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// The fields that differ.
    pub differs: Fields,
    /// The fields that are compared and not known.
    pub unknown: Fields,
}

impl Compared {
    /// Whether every field that is compared is known and agrees.
    #[must_use]
    pub fn matches(self) -> bool {
        self.differs.is_empty() && self.unknown.is_empty()
    }

    /// Whether it matches if the unknown fields do.
    #[must_use]
    pub fn may_match(self) -> bool {
        self.differs.is_empty()
    }
}

impl Flow {
    /// A packet between two addresses of which nothing else is known. It has no mark.
    ///
    /// Errors: [`Error::FamilyMismatch`].
    pub fn new(src: IpAddr, dst: IpAddr) -> Result<Self, Error> {
        model::AddressPair::new(src, dst)?;
        let (upper, src_port, dst_port, if_id, cpu) = (None, None, None, None, None);
        let device = FlowDevice::Unknown;
        Ok(Self { src, dst, upper, src_port, dst_port, device, mark: 0, if_id, cpu })
    }

    /// The packet with another mark.
    #[must_use]
    pub fn marked(mut self, mark: u32) -> Self {
        self.mark = mark;
        self
    }

    /// What comes out of an SA in mode `beet`: its IP header has the addresses of the selector, without one none
    /// (`xfrm4_remove_beet_encap`, `xfrm6_remove_beet_encap`, net/xfrm/xfrm_input.c).
    pub(crate) fn out_of_beet(mut self, sa: &Sa) -> Self {
        let (src, dst) = match (&sa.selector, self.version()) {
            (Some(selector), version) if selector.version() == version => {
                (selector.src().addr(), selector.dst().addr())
            }
            (Some(_), _) => return self,
            (None, IpVersion::V4) => (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()),
            (None, IpVersion::V6) => (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()),
        };
        (self.src, self.dst) = (src, dst);
        self
    }

    /// The packet that answers it.
    pub(crate) fn reversed(&self) -> Self {
        let (src, dst, src_port, dst_port) = (self.dst, self.src, self.dst_port, self.src_port);
        Self { src, dst, src_port, dst_port, ..*self }
    }

    /// Sets the source, of the same IP version.
    pub fn set_src(&mut self, src: IpAddr) {
        debug_assert_eq!(src.is_ipv4(), self.dst.is_ipv4());
        self.src = src;
    }

    /// The source.
    #[must_use]
    pub fn src(&self) -> IpAddr {
        self.src
    }

    /// The destination.
    #[must_use]
    pub fn dst(&self) -> IpAddr {
        self.dst
    }

    /// The IP version.
    #[must_use]
    pub fn version(&self) -> IpVersion {
        IpVersion::of(self.src)
    }

    /// The ports that are compared; 0 of protocols whose ports are not ([`Upper::has_compared_ports`]). ICMP of the other IP version has no type (`decode_session4`, `decode_session6`), and MH
    /// no code (`xfrm_flowi_dport`).
    #[must_use]
    pub fn compared_ports(&self) -> (Option<u16>, Option<u16>) {
        let Some(number) = self.upper else { return (self.src_port, self.dst_port) };
        let of_other_version = match self.version() {
            IpVersion::V4 => Upper::ICMPV6,
            IpVersion::V6 => Upper::ICMP,
        };
        match Upper::Number(number) {
            upper if upper == of_other_version || !upper.has_compared_ports() => (Some(0), Some(0)),
            Upper::MH => (self.src_port, Some(0)),
            _ => (self.src_port, self.dst_port),
        }
    }

    /// Compares it with a selector (`xfrm_selector_match`, net/xfrm/xfrm_policy.c).
    #[must_use]
    pub fn compare(&self, selector: &Selector) -> Compared {
        let masks = selector.port_masks();
        let (src_port, dst_port) = self.compared_ports();
        let port = |own: Option<u16>, wanted: u16, mask: u16| match own {
            _ if mask == 0 => Some(true),
            own => own.map(|own| (own ^ wanted) & mask == 0),
        };
        let protocol = match selector.upper {
            Upper::Any => Some(true),
            Upper::Number(wanted) => self.upper.map(|own| own == wanted),
        };
        let device = match selector.device {
            None => Some(true),
            Some(wanted) => self.device.is(wanted),
        };
        compared([
            (Field::Src, Some(selector.src().contains(self.src))),
            (Field::Dst, Some(selector.dst().contains(self.dst))),
            (Field::Protocol, protocol),
            (Field::SrcPort, port(src_port, selector.src_port, masks.src)),
            (Field::DstPort, port(dst_port, selector.dst_port, masks.dst)),
            (Field::Device, device),
        ])
    }

    /// Compares it with what names a policy, but its direction (`xfrm_policy_match`). Labels of security
    /// modules are never known.
    #[must_use]
    pub fn compare_policy(&self, id: &PolicyId) -> Compared {
        let selector = self.compare(&id.selector);
        let rest = compared([
            (Field::Mark, Some(self.mark & id.mark.mask == id.mark.value)),
            (Field::IfId, Some(self.if_id == id.if_id)),
            (Field::SecurityContext, if id.sec_ctx.is_some() { None } else { Some(true) }),
        ]);
        Compared {
            differs: selector.differs.and(rest.differs),
            unknown: selector.unknown.and(rest.unknown),
        }
    }
}

fn compared<const N: usize>(fields: [(Field, Option<bool>); N]) -> Compared {
    Compared {
        differs: Fields::of(fields.map(|(field, agrees)| (field, agrees == Some(false)))),
        unknown: Fields::of(fields.map(|(field, agrees)| (field, agrees.is_none()))),
    }
}

#[cfg(test)]
mod tests {
    use model::{Direction, Mark, PortMasks, Prefix};

    use super::*;

    fn flow() -> Flow {
        let new = Flow::new([10, 0, 0, 1].into(), [10, 0, 1, 2].into()).unwrap();
        Flow { upper: Some(17), src_port: Some(1000), dst_port: Some(53), ..new }
    }

    fn selector(src: [u8; 4], src_len: u32, dst: [u8; 4], dst_len: u32) -> Selector {
        let prefix = |addr: [u8; 4], len| Prefix::new(addr.into(), Some(len)).unwrap();
        Selector::new(prefix(src, src_len), prefix(dst, dst_len)).unwrap()
    }

    #[test]
    fn each_field_is_compared() {
        let all = selector([10, 0, 0, 0], 24, [10, 0, 1, 0], 24);
        assert!(flow().compare(&all).matches());
        let differs = |change: fn(&mut Selector)| {
            let mut selector = all;
            change(&mut selector);
            flow().compare(&selector).differs.only()
        };
        assert_eq!(
            flow().compare(&selector([10, 0, 1, 0], 24, [0; 4], 0)).differs.only(),
            Some(Field::Src)
        );
        assert_eq!(
            flow().compare(&selector([0; 4], 0, [10, 0, 1, 3], 32)).differs.only(),
            Some(Field::Dst)
        );
        assert_eq!(differs(|it| it.upper = Upper::Number(6)), Some(Field::Protocol));
        assert_eq!(differs(|it| it.src_port = 1001), Some(Field::SrcPort));
        assert_eq!(differs(|it| it.dst_port = 54), Some(Field::DstPort));
        let masked = |it: &mut Selector| {
            (it.src_port, it.port_masks) = (0x3e0, Some(PortMasks { src: 0xfff0, dst: 0 }));
        };
        assert_eq!(differs(masked), None);
    }

    #[test]
    fn what_is_not_known_is_a_doubt_only_where_it_is_compared() {
        let unknown = Flow { upper: None, src_port: None, dst_port: None, ..flow() };
        let mut wanted = selector([0; 4], 0, [0; 4], 0);
        assert!(unknown.compare(&wanted).matches());
        (wanted.upper, wanted.dst_port) = (Upper::Number(17), 53);
        let compared = unknown.compare(&wanted);
        assert!(compared.may_match() && !compared.matches());
        assert_eq!(compared.unknown.iter().collect::<Vec<_>>(), [Field::Protocol, Field::DstPort]);
        // ESP has no ports: the kernel compares 0.
        let esp = Flow { upper: Some(50), ..unknown };
        let mut any = wanted;
        any.upper = Upper::Any;
        assert_eq!(esp.compare(&any).differs.only(), Some(Field::DstPort));
        wanted.device = Some("eth0".parse().unwrap());
        assert_eq!(flow().compare(&wanted).unknown.only(), Some(Field::Device));
    }

    #[test]
    fn ports_are_compared_of_some_protocols() {
        let with_port = |version: &str, upper, src_port, dst_port| {
            let all =
                Prefix::everything(if version == "4" { IpVersion::V4 } else { IpVersion::V6 });
            let own = |last: u8| format!("2001:db8::{last}").parse::<IpAddr>().unwrap();
            let ends = if version == "4" { flow() } else { Flow::new(own(1), own(2)).unwrap() };
            let ports = (Some(8), Some(3));
            let flow = Flow { upper: Some(upper), src_port: ports.0, dst_port: ports.1, ..ends };
            let mut selector = Selector::within(all);
            (selector.src_port, selector.dst_port) = (src_port, dst_port);
            flow.compare(&selector).matches()
        };
        for (version, upper, matches) in [
            ("4", 6, true),
            ("4", 17, true),
            ("4", 132, true),
            ("4", 136, true),
            ("4", 47, true),
            ("4", 1, true),
            ("6", 58, true),
            // What the kernel compares is 0.
            ("4", 33, false),
            ("4", 50, false),
            ("4", 58, false),
            ("6", 1, false),
            ("6", 135, false),
        ] {
            assert_eq!(with_port(version, upper, 8, 3), matches, "{version} {upper}");
        }
        assert!(with_port("6", 135, 8, 0));
    }

    #[test]
    fn mark_and_interface_are_the_policys() {
        let mut id = PolicyId::new(selector([0; 4], 0, [0; 4], 0), Direction::Out);
        id.mark = Mark { value: 1, mask: 0xf };
        assert_eq!(flow().compare_policy(&id).differs.only(), Some(Field::Mark));
        assert!(Flow { mark: 0x21, ..flow() }.compare_policy(&id).matches());
        id.if_id = NonZeroU32::new(7);
        assert_eq!(
            Flow { mark: 1, ..flow() }.compare_policy(&id).differs.only(),
            Some(Field::IfId)
        );
    }
}
