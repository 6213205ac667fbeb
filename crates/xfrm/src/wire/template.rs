//! `xfrm_user_tmpl`: what a request is in the kernel.

use ipsec::{Level, Mode, Proto, ReqId, Request, RequestMode};
use netlink_packet_core::DecodeError;
use netlink_packet_xfrm::{Address, Id, UserTemplate};

use super::Family;

/// Any algorithm of the SA will do (`xfrm_tmpl.allalgs`).
const ANY_ALGORITHM: u32 = !0;

/// The template of a request in a policy of family `policy`, which is that of transport mode too.
pub(super) fn write(request: &Request, policy: Family) -> UserTemplate {
    let ends = request.mode.endpoints();
    let reqid = match request.level {
        Level::Unique(Some(ReqId(number))) => number,
        Level::Default | Level::Use | Level::Require | Level::Unique(None) => 0,
    };
    UserTemplate {
        id: Id {
            daddr: ends.map(|ends| Address::from_ip(&ends.dst())).unwrap_or_default(),
            spi: 0,
            proto: request.proto.number(),
        },
        saddr: ends.map(|ends| Address::from_ip(&ends.src())).unwrap_or_default(),
        family: ends.map_or(policy, |ends| Family::of(ends.src())).number(),
        reqid,
        mode: request.mode.mode().xfrm(),
        share: 0,
        optional: u8::from(request.level == Level::Use),
        aalgos: ANY_ALGORITHM,
        ealgos: ANY_ALGORITHM,
        calgos: ANY_ALGORITHM,
    }
}

/// Reads a template; `policy` is its family if it does not say.
pub(super) fn read(wire: &UserTemplate, policy: Family) -> Result<Request, DecodeError> {
    let unknown = |what, number: u8| DecodeError::from(format!("template: {what} {number}"));
    let proto =
        Proto::from_number(wire.id.proto).ok_or_else(|| unknown("protocol", wire.id.proto))?;
    let mode = Mode::from_xfrm(wire.mode).ok_or_else(|| unknown("mode", wire.mode))?;
    let family = Family::from_number(wire.family).unwrap_or(policy);
    let ends = family.pair(&wire.saddr, &wire.id.daddr);
    let mode = match mode {
        Mode::Transport => RequestMode::Transport,
        Mode::Tunnel => RequestMode::Tunnel(ends),
        Mode::Beet => RequestMode::Beet(ends),
        other => {
            let none = ends.src().is_unspecified() && ends.dst().is_unspecified();
            RequestMode::Other(other, (!none).then_some(ends))
        }
    };
    let level = match (wire.optional, wire.reqid) {
        (1.., _) => Level::Use,
        (0, 0) => Level::Require,
        (0, number) => Level::Unique(Some(ReqId(number))),
    };
    Ok(Request { proto, mode, level })
}
