use std::net::IpAddr;

use ipsec::{
    AddressPair, Encap, EncapKind, Lifetimes, Mark, Mode, Operation, Proto, ReqId, Sa, SaId,
    SecCtx, Spi, names::LookUp,
};

use super::{Lowered, Lowering, cut};
use crate::{
    error::{Error, Kind},
    lexer::token_at,
    tree::{self, Algorithms, Extension, Host, Node, SaEnds, SaName, SaProto, Span},
    warning::{Warning, WarningKind},
};

/// The port of IKE and ESP behind a NAT, RFC 3948.
const NAT_T_PORT: u16 = 4500;
/// The most that AF_KEY takes.
const MAX_REPLAY_WINDOW: u32 = 32;

/// A host looked up.
struct End {
    addresses: Vec<IpAddr>,
    port: u16,
}

/// The extensions of an SA, the last of each kind.
#[derive(Default)]
struct Options {
    mode: Option<(tree::Mode, Span)>,
    reqid: u32,
    replay_window: u32,
    lifetimes: Lifetimes,
    sec_ctx: Option<SecCtx>,
}

impl Lowering<'_> {
    pub(super) fn add(&self, name: &SaName, algorithms: &Algorithms) -> Result<Lowered, Error> {
        let (src, dst) = self.ends(&name.ends)?;
        let proto = self.named_proto(&name.ends)?;
        let options = self.options(name)?;
        let mut warnings = Vec::new();
        let (crypt, auth, comp) = self.algorithms(algorithms, is_old(&name.ends), &mut warnings)?;
        let add = |ends| {
            let mut sa = Sa::bare(ends, proto.clone()?, Spi(cut(name.spi.value)));
            if let Some((tree::Mode::Tunnel, _)) = options.mode {
                sa.mode = Mode::Tunnel;
            }
            sa.reqid = ReqId(options.reqid);
            sa.replay_window = options.replay_window;
            sa.lifetimes = options.lifetimes;
            sa.sec_ctx.clone_from(&options.sec_ctx);
            sa.encap = encap(&name.ends, &src, &dst);
            (sa.crypt, sa.auth, sa.comp) = (crypt.clone(), auth.clone(), comp.clone()?);
            sa.check()?;
            Ok(Operation::AddSa(Box::new(sa)))
        };
        let operations = self.each_pair(&name.ends, &src, &dst, add)?;
        Ok(Lowered { operations, warnings })
    }

    pub(super) fn get(&self, name: &SaName) -> Result<Lowered, Error> {
        let (src, dst) = self.ends(&name.ends)?;
        self.by_id(name, &src, &dst, Operation::GetSa)
    }

    pub(super) fn delete(&self, name: &SaName) -> Result<Lowered, Error> {
        let (src, dst) = self.ends(&name.ends)?;
        self.only_one(&src.addresses, &name.ends.src.address)?;
        self.only_one(&dst.addresses, &name.ends.dst.address)?;
        self.by_id(name, &src, &dst, Operation::DeleteSa)
    }

    pub(super) fn delete_all(&self, ends: &SaEnds) -> Result<Lowered, Error> {
        let address = |host: &Host| {
            let addresses = self.addresses(&host.address, ends.look_up);
            let addresses = addresses.map_err(|kind| self.error(kind, host.address.span))?;
            Ok(End { addresses, port: 0 })
        };
        let (src, dst) = (address(&ends.src)?, address(&ends.dst)?);
        let proto = self.proto(ends.proto.as_ref(), ends.look_up)?;
        let delete_all = |pair| Ok(Operation::DeleteAllSa(pair, proto.clone()?));
        let operations = self.each_pair(ends, &src, &dst, delete_all)?;
        Ok(Lowered { operations, warnings: Vec::new() })
    }

    /// `get` and `delete`.
    fn by_id(
        &self,
        name: &SaName,
        src: &End,
        dst: &End,
        operation: impl Fn(SaId) -> Operation,
    ) -> Result<Lowered, Error> {
        let proto = self.named_proto(&name.ends)?;
        let spi = Spi(cut(name.spi.value));
        let mode = self.options(name)?.mode;
        let warnings = mode.map(|(_, span)| {
            Warning::new(WarningKind::ObsoleteMode, self.source, span, self.end())
        });
        let by_id = |ends: AddressPair| {
            Ok(operation(SaId {
                dst: ends.dst(),
                proto: proto.clone()?,
                spi,
                mark: Mark::default(),
            }))
        };
        let operations = self.each_pair(&name.ends, src, dst, by_id)?;
        Ok(Lowered { operations, warnings: warnings.into_iter().collect() })
    }

    fn each_pair(
        &self,
        ends: &SaEnds,
        src: &End,
        dst: &End,
        operation: impl Fn(AddressPair) -> Result<Operation, ipsec::Error>,
    ) -> Result<Vec<Result<Operation, ipsec::Error>>, Error> {
        let mut operations = Vec::with_capacity(1);
        for &src in &src.addresses {
            for &dst in &dst.addresses {
                operations.extend(AddressPair::new(src, dst).ok().map(&operation));
            }
        }
        if operations.is_empty() {
            return Err(self.error_at_end(Kind::NoPair, ends.dst.address.span));
        }
        Ok(operations)
    }

    fn ends(&self, ends: &SaEnds) -> Result<(End, End), Error> {
        Ok((self.host(&ends.src, ends.look_up)?, self.host(&ends.dst, ends.look_up)?))
    }

    /// A host that may have a port. Without one, the original's parser has had to look at the next
    /// token to know.
    fn host(&self, host: &Host, look_up: LookUp) -> Result<End, Error> {
        let (address, port) = (&host.address, host.port.as_ref());
        let error = |kind, wrong| match port {
            Some(port) => {
                let close = Span { start: port.span.end - 1, end: port.span.end };
                Error::new(kind, self.source, wrong, close)
            }
            None => {
                Error::new(kind, self.source, wrong, token_at(self.source, address.span.end).named)
            }
        };
        let number = match port {
            Some(port) => self.port(&port.value).map_err(|kind| error(kind, port.span))?,
            None => 0,
        };
        let addresses = self.addresses(address, look_up);
        let addresses = addresses.map_err(|kind| error(kind, address.span))?;
        Ok(End { addresses, port: number })
    }

    /// The protocol of a statement about one SA, where AF_KEY wants one.
    fn named_proto(&self, ends: &SaEnds) -> Result<Result<Proto, ipsec::Error>, Error> {
        let proto = self.proto(ends.proto.as_ref(), ends.look_up)?;
        Ok(proto.and_then(|proto| proto.ok_or(ipsec::Error::NoProto)))
    }

    fn options(&self, name: &SaName) -> Result<Options, Error> {
        let mut options = Options::default();
        let Lifetimes { hard, soft } = &mut options.lifetimes;
        for Node { value, span } in &name.extensions {
            match value {
                Extension::Mode(mode) => options.mode = mode.map(|mode| (mode, *span)),
                Extension::ReqId(reqid) => options.reqid = cut(*reqid),
                Extension::Replay(_) if is_old(&name.ends) => {
                    let number = token_at(self.source, span.start + "-r".len());
                    return Err(Error::new(Kind::ReplayWithOld, self.source, *span, number.named));
                }
                Extension::Replay(packets) => {
                    options.replay_window = cut(*packets).min(MAX_REPLAY_WINDOW);
                }
                Extension::HardTime(seconds) => hard.add_seconds = *seconds,
                Extension::SoftTime(seconds) => soft.add_seconds = *seconds,
                Extension::HardBytes(bytes) => hard.bytes = *bytes,
                Extension::SoftBytes(bytes) => soft.bytes = *bytes,
                Extension::Context(context) => options.sec_ctx = sec_ctx(context),
                // Padding and cyclic sequence numbers mean nothing to AF_KEY.
                Extension::Flag(_) => {}
            }
        }
        Ok(options)
    }
}

fn is_old(ends: &SaEnds) -> bool {
    let proto = ends.proto.as_ref().map(|proto| &proto.value);
    matches!(proto, Some(SaProto::EspOld | SaProto::AhOld))
}

fn encap(ends: &SaEnds, src: &End, dst: &End) -> Option<Encap> {
    let proto = ends.proto.as_ref().map(|proto| &proto.value);
    let port = |end: &End| if end.port == 0 { NAT_T_PORT } else { end.port };
    matches!(proto, Some(SaProto::EspUdp(_))).then(|| Encap {
        kind: EncapKind::EspInUdp,
        src_port: port(src),
        dst_port: port(dst),
    })
}

/// A context as the original stores it; one without domain of interpretation is none.
pub(super) fn sec_ctx(context: &tree::Context) -> Option<SecCtx> {
    let byte = |number: u64| number.to_le_bytes()[0];
    let (doi, alg) = (byte(context.doi), byte(context.alg));
    (doi != 0).then(|| SecCtx { doi, alg, context: context.label.clone() })
}
