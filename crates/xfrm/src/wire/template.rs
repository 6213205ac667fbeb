//! `xfrm_user_tmpl`: what a template is in the kernel.
//!
//! A template is optional or it is not, which does not always show the requested level. Its
//! field `share` does, which the kernel keeps and never reads (`copy_templates`,
//! net/xfrm/xfrm_user.c). A template of another program has 0 there (`XFRM_SHARE_ANY`), so `share`
//! also distinguishes ours from those of other programs, in an ACQUIRE too, which brings the templates of its policy.
//!
//! No algorithm mask can serve as that mark. The kernel sets `allalgs`, which AF_KEY sets itself,
//! only if all three masks are full; otherwise `xfrm_state_ok` (net/xfrm/xfrm_policy.c) shifts 1 by
//! the SA's `props.aalgo`, and 251, `SADB_X_AALG_NULL`, is too far: on 32-bit ARM and on PowerPC
//! the result is 0 and packets are dropped, and a kernel with UBSAN complains.

use model::{IpVersion, Level, Mode, ReqId, Template, TemplateMode};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{Address, Id, UserTemplate};

use super::{AddressFamily, number};

/// Any algorithm of the SA will do (`xfrm_tmpl.allalgs`).
const ANY_ALGORITHM: u32 = !0;

/// `share` of a template at level `default` (`XFRM_SHARE_SESSION`).
const SHARE_DEFAULT: u8 = 1;
/// `share` of a template at level `use` (`XFRM_SHARE_USER`).
const SHARE_USE: u8 = 2;
/// `share` of a template at level `require`, or `unique` if it has a reqid (`XFRM_SHARE_UNIQUE`).
const SHARE_REQUIRE: u8 = 3;

/// The kernel's template of one in a policy of family `policy`, which is that of transport mode too.
pub(super) fn write(template: &Template, is_optional: bool, policy: IpVersion) -> UserTemplate {
    let ends = template.mode.endpoints();
    UserTemplate {
        id: Id {
            daddr: ends.map(|ends| Address::from_ip(&ends.dst())).unwrap_or_default(),
            spi: 0,
            proto: template.proto.number(),
        },
        saddr: ends.map(|ends| Address::from_ip(&ends.src())).unwrap_or_default(),
        family: ends.map_or(policy, |ends| IpVersion::of(ends.src())).family(),
        reqid: template.level.reqid().map_or(0, ReqId::number),
        mode: template.mode.mode().xfrm(),
        share: match template.level {
            Level::Default => SHARE_DEFAULT,
            Level::Use => SHARE_USE,
            Level::Require | Level::Unique(_) => SHARE_REQUIRE,
        },
        optional: is_optional.into(),
        aalgos: ANY_ALGORITHM,
        ealgos: ANY_ALGORITHM,
        calgos: ANY_ALGORITHM,
    }
}

/// Whether a template was written by [`write`]: its masks say nothing of algorithms then.
pub(super) fn is_own(wire: &UserTemplate) -> bool {
    matches!(wire.share, SHARE_DEFAULT | SHARE_USE | SHARE_REQUIRE)
}

/// Reads a template; `policy` is its family if it does not say.
pub(super) fn read(wire: &UserTemplate, policy: IpVersion) -> Result<Template, DecodeError> {
    let proto = number::proto(wire.id.proto)?;
    let family = IpVersion::from_family(wire.family).unwrap_or(policy);
    let ends = family.pair(&wire.saddr, &wire.id.daddr);
    let mode = match number::mode(wire.mode)? {
        Mode::Transport => TemplateMode::Transport,
        Mode::Tunnel => TemplateMode::Tunnel(ends),
        Mode::Beet => TemplateMode::Beet(ends),
        other => {
            let none = ends.src().is_unspecified() && ends.dst().is_unspecified();
            TemplateMode::Other(other, (!none).then_some(ends))
        }
    };
    let level = match (wire.share, wire.optional, ReqId::new(wire.reqid)) {
        (SHARE_DEFAULT, _, None) => Level::Default,
        (SHARE_USE, _, None) => Level::Use,
        (SHARE_REQUIRE, _, None) | (_, 0, None) => Level::Require,
        (SHARE_REQUIRE, _, reqid) | (_, 0, reqid) => Level::Unique(reqid),
        (_, 1.., _) => Level::Use,
    };
    Ok(Template { proto, mode, level })
}
