use crate::{AddressPair, Level, Mode, Proto, ReqId, Spi, table};

/// How a template encapsulates, with the endpoints where the mode has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TemplateMode {
    /// Between the packet's own addresses.
    Transport,
    /// Between these.
    Tunnel(AddressPair),
    /// Bound end-to-end tunnel between these.
    Beet(AddressPair),
    /// What ipsec-tools cannot set: a mode that is neither of these, or transport mode with endpoints, which the
    /// kernel keeps and does not use.
    Other(Mode, Option<AddressPair>),
}

impl TemplateMode {
    /// The template's mode, with the endpoints that the kernel has, if they are any.
    #[must_use]
    pub fn new(mode: Mode, ends: AddressPair) -> Self {
        let is_any = ends.src().is_unspecified() && ends.dst().is_unspecified();
        match mode {
            Mode::Transport if is_any => TemplateMode::Transport,
            Mode::Tunnel => TemplateMode::Tunnel(ends),
            Mode::Beet => TemplateMode::Beet(ends),
            // Its outer header is of the endpoints' IP version.
            Mode::IpTfs => TemplateMode::Other(mode, Some(ends)),
            Mode::Transport | Mode::RouteOptimization | Mode::InTrigger => {
                TemplateMode::Other(mode, (!is_any).then_some(ends))
            }
        }
    }

    /// The kernel's mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self {
            TemplateMode::Transport => Mode::Transport,
            TemplateMode::Tunnel(_) => Mode::Tunnel,
            TemplateMode::Beet(_) => Mode::Beet,
            TemplateMode::Other(mode, _) => *mode,
        }
    }

    /// The endpoints, where it has its own.
    #[must_use]
    pub fn endpoints(&self) -> Option<AddressPair> {
        match *self {
            TemplateMode::Transport => None,
            TemplateMode::Tunnel(endpoints) | TemplateMode::Beet(endpoints) => Some(endpoints),
            TemplateMode::Other(_, endpoints) => endpoints,
        }
    }
}

/// One transform of a policy: `esp/tunnel/A-B/require`. In the kernel a template
/// (`xfrm_user_tmpl`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Template {
    /// Its protocol.
    pub proto: Proto,
    /// Its mode and endpoints.
    pub mode: TemplateMode,
    /// How strict.
    pub level: Level,
    /// What ipsec-tools cannot say of a template.
    pub details: TemplateDetails,
}

impl Template {
    /// A template without details.
    #[must_use]
    pub fn new(proto: Proto, mode: TemplateMode, level: Level) -> Self {
        Self { proto, mode, level, details: TemplateDetails::default() }
    }

    /// The number that SAs must have; any will do without one.
    #[must_use]
    pub fn reqid(&self) -> Option<ReqId> {
        self.level.reqid().or(self.details.reqid)
    }

    /// Sets the kernel's field `share`. One value has one form: that which keeps the level is no detail.
    pub fn set_share(&mut self, share: Share) {
        self.details.share = (share != Share::of(self.level)).then_some(share);
    }
}

/// A template as the kernel has it: with a requirement and the field `share` in place of a level.
#[derive(Debug, Clone, Copy)]
pub struct KernelTemplate {
    /// Its protocol.
    pub proto: Proto,
    /// Its mode and endpoints.
    pub mode: TemplateMode,
    /// The number that SAs must have; any will do without one.
    pub reqid: Option<ReqId>,
    /// Whether packets may pass without an SA.
    pub is_optional: bool,
    /// The field that may keep the level.
    pub share: Share,
    /// The SPI that SAs must have; any will do without one.
    pub spi: Option<Spi>,
    /// The algorithms that SAs may have.
    pub algorithms: AlgorithmMasks,
}

impl KernelTemplate {
    /// The template: its level is what `share` keeps, or else what is installed.
    #[must_use]
    pub fn template(self) -> Template {
        let kind = ShareKind::ALL.iter().find(|kind| kind.xfrm() == self.share.0);
        let level = match (kind, self.is_optional) {
            (Some(ShareKind::Session), _) => Level::Default,
            (Some(ShareKind::User), _) | (Some(ShareKind::Any) | None, true) => Level::Use,
            (Some(ShareKind::Unique), _) | (Some(ShareKind::Any) | None, false) => {
                Level::of_reqid(self.reqid)
            }
        };
        let mut template = Template::new(self.proto, self.mode, level);
        template.details.reqid = self.reqid.filter(|_| level.reqid().is_none());
        (template.details.spi, template.details.algorithms) = (self.spi, self.algorithms);
        template.set_share(self.share);
        template
    }

    /// The template of a policy that drops its packets, which the kernel does not use: no level that was
    /// requested matters.
    #[must_use]
    pub fn unused(self) -> Template {
        let mut template = Self { share: Share(0), ..self }.template();
        template.set_share(self.share);
        template
    }
}

/// What the kernel has of a template and ipsec-tools has no words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TemplateDetails {
    /// The number that SAs must have at another level than `unique`.
    pub reqid: Option<ReqId>,
    /// The SPI that SAs must have; any will do without one.
    pub spi: Option<Spi>,
    /// The algorithms that SAs may have.
    pub algorithms: AlgorithmMasks,
    /// The kernel's field `share`, where it does not hold the level ([`Share`]).
    pub share: Option<Share>,
}

/// The algorithms that SAs of a template may have: bit N is the algorithm of PF_KEY's number N. The
/// default is all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlgorithmMasks {
    /// Encryption (`xfrm_user_tmpl.ealgos`).
    pub crypt: u32,
    /// Authentication (`xfrm_user_tmpl.aalgos`).
    pub auth: u32,
    /// Compression (`xfrm_user_tmpl.calgos`).
    pub comp: u32,
}

impl Default for AlgorithmMasks {
    fn default() -> Self {
        Self { crypt: u32::MAX, auth: u32::MAX, comp: u32::MAX }
    }
}

impl AlgorithmMasks {
    /// Those of the templates of AF_KEY, in which any algorithm will do: the kernel has a flag for that
    /// (`xfrm_tmpl.allalgs`), which netlink does not show.
    pub const OF_AF_KEY: Self = Self { crypt: 0, auth: 0, comp: 0 };
}

/// The kernel's field `share` of a template, which it keeps and never reads. xfrm-tools keep the level there
/// (docs/adr/0005-share-field.md); in templates of other programs it is whatever they set, nearly always `any`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Share(pub u8);

struct ShareRow {
    word: &'static str,
    xfrm: u8,
}

table! {
    /// The values of `share` that have names.
    pub enum ShareKind: ShareRow, "share" {
        /// `XFRM_SHARE_ANY`.
        Any => ShareRow { word: "any", xfrm: 0 },
        /// `XFRM_SHARE_SESSION`.
        Session => ShareRow { word: "session", xfrm: 1 },
        /// `XFRM_SHARE_USER`.
        User => ShareRow { word: "user", xfrm: 2 },
        /// `XFRM_SHARE_UNIQUE`.
        Unique => ShareRow { word: "unique", xfrm: 3 },
    }
}

impl ShareKind {
    /// The `XFRM_SHARE_*` number (linux/xfrm.h).
    #[must_use]
    pub const fn xfrm(self) -> u8 {
        self.row().xfrm
    }
}

impl Share {
    /// The value that keeps a level.
    #[must_use]
    pub fn of(level: Level) -> Self {
        let kind = match level {
            Level::Default => ShareKind::Session,
            Level::Use => ShareKind::User,
            Level::Require | Level::Unique(_) => ShareKind::Unique,
        };
        Share(kind.xfrm())
    }
}

impl std::fmt::Display for Share {
    /// The word of ip-xfrm(8), or the number of a value that has none.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match ShareKind::ALL.iter().find(|kind| kind.xfrm() == self.0) {
            Some(kind) => f.write_str(kind.word()),
            None => self.0.fmt(f),
        }
    }
}

impl std::str::FromStr for Share {
    type Err = crate::UnknownWord;

    fn from_str(text: &str) -> Result<Self, crate::UnknownWord> {
        let named = text.parse::<ShareKind>().map(|kind| Share(kind.xfrm()));
        named.or_else(|unknown| text.parse().map(Share).map_err(|_| unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lead_back() {
        for number in 0..=u8::MAX {
            assert_eq!(Share(number).to_string().parse(), Ok(Share(number)));
        }
        assert_eq!(Share(0).to_string(), "any");
        assert!("256".parse::<Share>().is_err() && "none".parse::<Share>().is_err());
    }

    #[test]
    fn transport_mode_may_have_endpoints() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        assert_eq!(
            TemplateMode::new(Mode::Transport, AddressPair::UNSPECIFIED),
            TemplateMode::Transport
        );
        let mode = TemplateMode::new(Mode::Transport, ends);
        assert_eq!((mode.mode(), mode.endpoints()), (Mode::Transport, Some(ends)));
    }
}
