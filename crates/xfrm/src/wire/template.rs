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

use model::{
    AlgorithmMasks, Installation, IpVersion, KernelTemplate, ReqId, Share, ShareKind, Spi,
    Template, TemplateMode,
};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{Address, Id, UserTemplate};

use super::{AddressFamily, number};

/// `share` of a template at level `default`.
const SHARE_DEFAULT: u8 = ShareKind::Session.xfrm();
/// `share` of a template at level `use`.
const SHARE_USE: u8 = ShareKind::User.xfrm();
/// `share` of a template at level `require`, or `unique` if it has a reqid.
const SHARE_REQUIRE: u8 = ShareKind::Unique.xfrm();

/// The kernel's templates of those of a policy of IP version `policy`. A template of transport mode is
/// of the IP version of the one before it, the first one of the policy's (`validate_tmpl`,
/// net/xfrm/xfrm_user.c).
pub(super) fn write_all<'t>(
    templates: impl Iterator<Item = &'t Template>,
    installation: Installation,
    policy: IpVersion,
) -> Vec<UserTemplate> {
    let write_next = |before: &mut IpVersion, (place, template): (usize, &Template)| {
        let ends = template.mode.endpoints();
        *before = ends.map_or(*before, |ends| IpVersion::of(ends.src()));
        Some(write(template, installation.is_optional(place), *before))
    };
    templates.enumerate().scan(policy, write_next).collect()
}

/// The kernel's template of one between addresses of an IP version.
fn write(template: &Template, is_optional: bool, version: IpVersion) -> UserTemplate {
    let (ends, details) = (template.mode.endpoints(), &template.details);
    UserTemplate {
        id: Id {
            daddr: ends.map(|ends| Address::from_ip(&ends.dst())).unwrap_or_default(),
            spi: details.spi.map_or(0, |spi| spi.0),
            proto: template.proto.number(),
        },
        saddr: ends.map(|ends| Address::from_ip(&ends.src())).unwrap_or_default(),
        family: version.family(),
        reqid: template.reqid().map_or(0, ReqId::number),
        mode: template.mode.mode().xfrm(),
        share: details.share.unwrap_or(Share::of(template.level)).0,
        optional: is_optional.into(),
        aalgos: details.algorithms.auth,
        ealgos: details.algorithms.crypt,
        calgos: details.algorithms.comp,
    }
}

/// Whether the level of a template was written by [`write`]: its masks say nothing of algorithms then.
pub(super) fn is_own(wire: &UserTemplate) -> bool {
    matches!(wire.share, SHARE_DEFAULT | SHARE_USE | SHARE_REQUIRE)
}

/// Reads a template that the kernel does not use, as it is: no level that was requested matters.
pub(super) fn read_unused(wire: &UserTemplate, policy: IpVersion) -> Result<Template, DecodeError> {
    Ok(of_kernel(wire, policy)?.unused())
}

/// Reads a template; `policy` is its IP version if it does not say.
pub(super) fn read(wire: &UserTemplate, policy: IpVersion) -> Result<Template, DecodeError> {
    Ok(of_kernel(wire, policy)?.template())
}

fn of_kernel(wire: &UserTemplate, policy: IpVersion) -> Result<KernelTemplate, DecodeError> {
    let family = IpVersion::from_family(wire.family).unwrap_or(policy);
    let ends = family.pair(&wire.saddr, &wire.id.daddr);
    let (proto, mode) = (number::proto(wire.id.proto)?, number::mode(wire.mode)?);
    Ok(KernelTemplate {
        proto,
        mode: TemplateMode::new(mode, ends),
        reqid: ReqId::new(wire.reqid),
        is_optional: wire.optional != 0,
        share: Share(wire.share),
        spi: (wire.id.spi != 0).then_some(Spi(wire.id.spi)),
        algorithms: AlgorithmMasks { crypt: wire.ealgos, auth: wire.aalgos, comp: wire.calgos },
    })
}
