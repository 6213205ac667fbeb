//! The templates of a policy: `sadb_x_ipsecrequest` to and from the model.

use std::net::SocketAddr;

use model::{AddressPair, Direction, Level, Mode, Proto, ReqId, Template, TemplateMode};

use super::fields;
use crate::{Error, ext::IpsecRequest, wire::numbers};

impl IpsecRequest {
    /// A request of this protocol, mode and level; `ends` are the tunnel's, source first.
    ///
    /// A mode without number is an error.
    pub fn new(
        proto: Proto,
        mode: Mode,
        level: Level,
        ends: Option<(SocketAddr, SocketAddr)>,
    ) -> Result<Self, Error> {
        Ok(Self {
            proto: proto.number().into(),
            mode: numbers::mode_number(mode)?,
            level: level.kind().pfkey_number(),
            reqid: level.reqid().map_or(0, ReqId::number),
            ends,
        })
    }
}

impl TryFrom<&Template> for IpsecRequest {
    type Error = Error;

    /// AF_KEY passes no endpoints but a tunnel's.
    fn try_from(request: &Template) -> Result<Self, Error> {
        let ends = match request.mode {
            TemplateMode::Tunnel(ends) => Some(fields::sockaddrs(ends)),
            _ => None,
        };
        let reqid = request.reqid().map_or(0, ReqId::number);
        let (proto, mode) = (request.proto, request.mode.mode());
        Ok(Self { reqid, ..Self::new(proto, mode, request.level, ends)? })
    }
}

/// The template of a policy's entry or answer. A BEET request has no endpoints, whatever
/// follows it.
pub(crate) fn read(request: &IpsecRequest) -> Result<Template, Error> {
    let mode = match numbers::mode(request.mode)? {
        Mode::Transport => TemplateMode::Transport,
        Mode::Tunnel => TemplateMode::Tunnel(tunnel_ends(request)?),
        mode => TemplateMode::Other(mode, None),
    };
    let level = numbers::level(request.level, request.reqid)?;
    let proto = u8::try_from(request.proto).ok().and_then(Proto::from_number);
    let proto = proto.ok_or_else(|| unknown_proto(request))?;
    Ok(Template::new(proto, mode, level))
}

/// The template that AF_KEY makes of a request (`parse_ipsecrequest`). A reqid beside another level
/// than `unique` is ignored, one that is too large lets the kernel choose; a level without meaning
/// is `require`. AF_KEY reads the addresses in tunnel mode only, so a BEET request has
/// `beet_ends`.
pub(crate) fn accept(
    request: &IpsecRequest,
    direction: Direction,
    beet_ends: AddressPair,
) -> Result<Template, Error> {
    let mode = match numbers::mode(request.mode)? {
        Mode::Transport => TemplateMode::Transport,
        Mode::Tunnel => TemplateMode::Tunnel(tunnel_ends(request)?),
        Mode::Beet => TemplateMode::Beet(beet_ends),
        mode => TemplateMode::Other(mode, None),
    };
    // `xfrm_id_proto_valid`
    let proto = low_proto(request).filter(|&proto| proto != Proto::Any);
    let proto = proto.ok_or_else(|| unknown_proto(request))?;
    let level = numbers::level(request.level, request.reqid).unwrap_or(Level::Require);
    if level == Level::Use && mode.mode() == Mode::Beet && direction == Direction::Out {
        return Err(model::Error::OptionalOutboundBeet.into());
    }
    Ok(with_chosen_reqid(Template::new(proto, mode, level)))
}

/// The protocol of a request, of whose 16 bits AF_KEY keeps the low ones.
pub(crate) fn low_proto(request: &IpsecRequest) -> Option<Proto> {
    let [.., low] = request.proto.to_be_bytes();
    Proto::from_number(low)
}

/// Without a reqid that no script may choose: the kernel chooses one then.
pub(crate) fn with_chosen_reqid(request: Template) -> Template {
    match request.level {
        Level::Unique(Some(id)) if id > ReqId::MANUAL_MAX => {
            Template { level: Level::Unique(None), ..request }
        }
        _ => request,
    }
}

fn tunnel_ends(request: &IpsecRequest) -> Result<AddressPair, Error> {
    let (src, dst) = request.ends.ok_or(Error::Missing("tunnel address"))?;
    Ok(AddressPair::new(src.ip(), dst.ip())?)
}

pub(crate) fn unknown_proto(request: &IpsecRequest) -> Error {
    Error::UnknownNumber { field: "request protocol", number: request.proto.into() }
}
