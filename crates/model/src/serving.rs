use std::{net::IpAddr, num::NonZeroU32};

use crate::{
    AlgorithmMasks, Direction, IpVersion, Mark, Mode, PolicyId, Prefix, Proto, ReqId, SaDirection,
    SaEntry, SaFlags, SaState, Selector, Spi, Template, table,
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
        /// The authentication, which a template may limit to some algorithms.
        Auth => FieldRow { word: "authentication" },
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
    /// The number of its authentication algorithm, 0 without one (`xfrm_state.props.aalgo`).
    auth: u8,
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
            auth: sa.auth.as_ref().and_then(|keyed| keyed.algorithm.pfkey).unwrap_or(0),
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
            (SaField::Auth, takes(&self.template.details.algorithms, sa.auth)),
            agrees(SaField::Mark),
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

/// Whether received packets may have come by an algorithm: the mask of authentication is all that the kernel compares,
/// unless all three allow all algorithms (`xfrm_tmpl.allalgs`), and it compares it for `in` and `fwd` alone.
fn takes(masks: &AlgorithmMasks, auth: u8) -> bool {
    let all = [AlgorithmMasks::default(), AlgorithmMasks::OF_AF_KEY];
    // Numbers above 31 have the bit that remains of a shift in a register.
    all.contains(masks) || masks.auth & 1_u32.wrapping_shl(auth.into()) != 0
}

#[cfg(test)]
mod tests;
