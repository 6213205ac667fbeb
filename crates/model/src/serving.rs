use std::{net::IpAddr, num::NonZeroU32};

use crate::{
    Direction, IpVersion, Mark, Mode, PolicyId, Prefix, Proto, ReqId, SaDirection, SaEntry,
    SaFlags, SaState, Selector, Spi, Template, table,
};

struct FieldRow {
    word: &'static str,
}

table! {
    /// A field in which an SA is not what a template demands, by the name of its column in
    /// `ipsecctl show sas`.
    pub enum SaField: FieldRow, "field of an SA" {
        /// AH, ESP or IPComp.
        Protocol => FieldRow { word: "protocol" },
        /// The mode.
        Mode => FieldRow { word: "mode" },
        /// The source.
        Src => FieldRow { word: "src" },
        /// The destination.
        Dst => FieldRow { word: "dst" },
        /// The SPI that the template demands.
        Spi => FieldRow { word: "spi" },
        /// The reqid.
        ReqId => FieldRow { word: "reqid" },
        /// The mark.
        Mark => FieldRow { word: "mark" },
        /// The number of the xfrm interface.
        IfId => FieldRow { word: "if_id" },
        /// The direction that the SA is for.
        Direction => FieldRow { word: "direction" },
        /// The packets that the SA is for, or their IP version.
        Selector => FieldRow { word: "selector" },
        /// Flag `wildrecv`: the SA is for received packets alone.
        Flags => FieldRow { word: "flags" },
    }
}

/// What a template of a policy demands of an SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// The direction of the policy.
    pub direction: Direction,
    /// The selector of the policy.
    pub selector: Selector,
    /// The mark of the policy.
    pub mark: Mark,
    /// The xfrm interface of the policy.
    pub if_id: Option<NonZeroU32>,
    /// The template.
    pub template: Template,
}

/// What an SA offers to templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The source.
    pub src: IpAddr,
    /// The destination.
    pub dst: IpAddr,
    /// The protocol.
    pub proto: Proto,
    /// The SPI.
    pub spi: Spi,
    mode: Mode,
    reqid: Option<ReqId>,
    mark: Mark,
    if_id: Option<NonZeroU32>,
    direction: Option<SaDirection>,
    selector: Option<Selector>,
    /// The IP version of the packets, where it matters.
    version: Option<IpVersion>,
    flags: SaFlags,
}

impl Offer {
    /// What an SA offers; nothing if it is larval or dead.
    #[must_use]
    pub fn of(entry: &SaEntry) -> Option<Self> {
        let is_usable = matches!(entry.state, SaState::Mature | SaState::Dying);
        is_usable.then(|| Self::in_any_state(entry))
    }

    /// What an SA offers, or would offer if it was not larval or dead.
    #[must_use]
    pub fn in_any_state(SaEntry { sa, .. }: &SaEntry) -> Self {
        // Unless it is flagged so, an SA without a selector is for packets of its own version.
        let is_for_both = sa.selector.is_some() || sa.flags.contains(SaFlags::ANY_FAMILY);
        Self {
            src: sa.ends.src(),
            dst: sa.ends.dst(),
            proto: sa.proto,
            spi: sa.spi,
            mode: sa.mode.installed(),
            reqid: sa.reqid,
            mark: sa.mark,
            if_id: sa.if_id,
            direction: sa.direction,
            selector: sa.selector,
            version: (!is_for_both).then_some(IpVersion::of(sa.ends.dst())),
            flags: sa.flags,
        }
    }

    /// The mode in the kernel.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }
}

impl Demand {
    /// What the templates of a policy demand.
    pub fn of<'a>(
        id: &PolicyId,
        templates: &'a [Template],
    ) -> impl Iterator<Item = Self> + use<'a> {
        let PolicyId { direction, selector, mark, if_id, .. } = *id;
        templates.iter().map(move |&template| Self { direction, selector, mark, if_id, template })
    }

    /// The sources of the SAs that may serve it.
    #[must_use]
    pub fn src(&self) -> Prefix {
        self.end(self.selector.src(), self.endpoint(|(src, _)| src))
    }

    /// The destinations of the SAs that may serve it. Of received packets the kernel compares the source
    /// of a tunnel alone (`xfrm4_state_addr_cmp`).
    #[must_use]
    pub fn dst(&self) -> Prefix {
        match (self.direction, self.is_transport()) {
            (Direction::In | Direction::Fwd, false) => {
                Prefix::everything(IpVersion::of(self.src().addr()))
            }
            _ => self.end(self.selector.dst(), self.endpoint(|(_, dst)| dst)),
        }
    }

    /// Whether packets of the policy may use an SA: as the kernel looks one up for `out`
    /// (`xfrm_state_find`), and as it accepts one of received packets (`xfrm_state_ok`). Whether one
    /// does depends on the packet too.
    #[must_use]
    pub fn is_served_by(&self, sa: &Offer) -> bool {
        self.mismatches(sa).next().is_none()
    }

    /// The fields because of which packets of the policy do not use an SA.
    pub fn mismatches(&self, sa: &Offer) -> impl Iterator<Item = SaField> + use<> {
        let common = [
            (SaField::Protocol, sa.proto == self.template.proto),
            (SaField::Mode, sa.mode == self.template.mode.mode()),
            (SaField::Src, self.takes_src(sa.src)),
            (SaField::Dst, self.dst().contains(sa.dst)),
            (SaField::Spi, self.template.details.spi.is_none_or(|spi| spi == sa.spi)),
            (SaField::Selector, sa.selector.is_none_or(|own| own.overlaps(&self.selector))),
        ];
        let others = match self.direction {
            Direction::Out => self.found(sa),
            Direction::In | Direction::Fwd => self.accepted(sa),
        };
        common.into_iter().chain(others).filter(|(_, agrees)| !agrees).map(|(field, _)| field)
    }

    /// An SA that packets leave by may have no source (`__xfrm4_state_addr_check`).
    fn takes_src(&self, src: IpAddr) -> bool {
        let is_any = self.direction == Direction::Out && src.is_unspecified();
        self.src().contains(src) || is_any && src.is_ipv4() == self.src().addr().is_ipv4()
    }

    fn found(&self, sa: &Offer) -> [(SaField, bool); 6] {
        [
            (SaField::Direction, sa.direction != Some(SaDirection::In)),
            (SaField::ReqId, sa.reqid == self.template.reqid()),
            (SaField::IfId, sa.if_id == self.if_id),
            (SaField::Mark, self.mark.value & self.mark.mask & sa.mark.mask == sa.mark.value),
            (SaField::Selector, sa.version.is_none_or(|it| it == self.selector.version())),
            (SaField::Flags, !sa.flags.contains(SaFlags::WILD_RECEIVE)),
        ]
    }

    fn accepted(&self, sa: &Offer) -> [(SaField, bool); 6] {
        let agrees = |field| (field, true);
        [
            (SaField::Direction, sa.direction != Some(SaDirection::Out)),
            (SaField::ReqId, self.template.reqid().is_none_or(|reqid| sa.reqid == Some(reqid))),
            (SaField::IfId, self.if_id.is_none_or(|if_id| sa.if_id == Some(if_id))),
            agrees(SaField::Mark),
            agrees(SaField::Selector),
            agrees(SaField::Flags),
        ]
    }

    fn is_transport(&self) -> bool {
        self.template.mode.mode() == Mode::Transport
    }

    fn endpoint(&self, of: impl Fn((IpAddr, IpAddr)) -> IpAddr) -> Option<IpAddr> {
        self.template.mode.endpoints().map(|ends| of((ends.src(), ends.dst())))
    }

    /// The packet's own address in transport mode; otherwise an address that is not 0 is compared.
    fn end(&self, packets: Prefix, endpoint: Option<IpAddr>) -> Prefix {
        match endpoint {
            _ if self.is_transport() => packets,
            Some(addr) if !addr.is_unspecified() => Prefix::host(addr),
            Some(addr) => Prefix::everything(IpVersion::of(addr)),
            None => Prefix::everything(self.selector.version()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddressPair, Current, Level, Sa, TemplateMode};

    fn addr(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn ends(src: u8, dst: u8) -> AddressPair {
        AddressPair::new(addr(src), addr(dst)).unwrap()
    }

    fn demand(direction: Direction, mode: TemplateMode, reqid: u32) -> Demand {
        let net = Prefix::new(addr(0), Some(24)).unwrap();
        let level = ReqId::new(reqid).map_or(Level::Require, |reqid| Level::Unique(Some(reqid)));
        let template = Template::new(Proto::Esp, mode, level);
        let id = PolicyId::new(Selector::within(net), direction);
        Demand::of(&id, &[template]).next().unwrap()
    }

    fn sa(ends: AddressPair, mode: Mode, change: impl Fn(&mut Sa)) -> Offer {
        let mut sa = Sa { mode: mode.into(), ..Sa::bare(ends, Proto::Esp, Spi(0x1000)) };
        change(&mut sa);
        let current = Current::default();
        Offer::of(&SaEntry::new(sa, SaState::Mature, current)).unwrap()
    }

    #[test]
    fn a_tunnel_has_its_own_ends() {
        let tunnel = TemplateMode::Tunnel(ends(1, 2));
        for (direction, served) in
            [(Direction::Out, [true, false, false]), (Direction::In, [true, true, false])]
        {
            let demand = demand(direction, tunnel, 0);
            let serves = |src, dst| demand.is_served_by(&sa(ends(src, dst), Mode::Tunnel, |_| ()));
            assert_eq!([serves(1, 2), serves(1, 3), serves(4, 2)], served);
            assert!(!demand.is_served_by(&sa(ends(1, 2), Mode::Transport, |_| ())));
        }
        let any = TemplateMode::Tunnel(AddressPair::UNSPECIFIED);
        assert!(demand(Direction::Out, any, 0).is_served_by(&sa(ends(7, 8), Mode::Tunnel, |_| ())));
    }

    #[test]
    fn transport_is_between_the_packets_own_addresses() {
        let demand = demand(Direction::Out, TemplateMode::Transport, 0);
        assert!(demand.is_served_by(&sa(ends(1, 2), Mode::Transport, |_| ())));
        let elsewhere = AddressPair::new(addr(1), [198, 51, 100, 2].into()).unwrap();
        assert!(!demand.is_served_by(&sa(elsewhere, Mode::Transport, |_| ())));
    }

    #[test]
    fn only_an_outbound_lookup_compares_a_reqid_of_none() {
        let seven = |sa: &mut Sa| sa.reqid = ReqId::new(7);
        for (direction, without) in [(Direction::Out, false), (Direction::In, true)] {
            let serves = |reqid| {
                let sa = sa(ends(1, 2), Mode::Transport, seven);
                demand(direction, TemplateMode::Transport, reqid).is_served_by(&sa)
            };
            assert_eq!([serves(0), serves(7), serves(8)], [without, true, false]);
        }
    }

    #[test]
    fn mark_interface_direction_and_selector_count() {
        let demand = demand(Direction::Out, TemplateMode::Transport, 0);
        let serves = |demand: &Demand, change: fn(&mut Sa)| {
            demand.is_served_by(&sa(ends(1, 2), Mode::Transport, change))
        };
        for unfit in [
            (|sa| sa.mark = Mark { value: 1, mask: 1 }) as fn(&mut Sa),
            |sa| sa.if_id = NonZeroU32::new(1),
            |sa| sa.direction = Some(SaDirection::In),
            |sa| sa.selector = Some(Selector::within(Prefix::host([10, 0, 0, 1].into()))),
            |sa| sa.proto = Proto::Ah,
        ] {
            assert!(!serves(&demand, unfit));
        }
        let mut of_spi = demand;
        of_spi.template.details.spi = Some(Spi(0x1001));
        assert!(!serves(&of_spi, |_| ()) && serves(&of_spi, |sa| sa.spi = Spi(0x1001)));
        let marked = Demand { mark: Mark { value: 3, mask: 0xff }, ..demand };
        assert!(serves(&marked, |sa| sa.mark = Mark { value: 1, mask: 1 }));
        assert!(serves(&demand, |sa| sa.selector = Some(Selector::within(Prefix::host(addr(1))))));
    }

    #[test]
    fn a_larval_sa_serves_nothing() {
        let sa = Sa::bare(ends(1, 2), Proto::Esp, Spi(0x1000));
        let entry = SaEntry::new(sa, SaState::Larval, Current::default());
        assert_eq!(Offer::of(&entry), None);
    }
}
