use std::num::{NonZeroU16, NonZeroU32};

use model::{
    AddressPair, Encap, EncapKind, Mark, NAT_T_PORT, Offload, Operation, Proto, Sa, SaDirection,
    SaGroup, SaId, ScriptOption, Spi, SpiRequest,
};

use super::{
    Lowered, Lowering, NamedProto,
    algorithm::Chosen,
    doubts::{is_outside, late_soft_limit, limits_of_two_kinds, twice},
    hosts::End,
    options::is_old,
    range::NumberRange,
};
use crate::{
    error::{Error, Fault},
    parse::lexer::token_at,
    tree::{Algorithms, Extension, Host, Node, SaEnds, SaName, SaProto, StatementWord},
    warning::{Warning, WarningKind},
};

/// What `get`, `delete` and `deleteall` compare an SA with, where it is given.
#[derive(Default)]
struct Compared {
    mark: Option<Mark>,
    if_id: Option<Option<NonZeroU32>>,
}

impl Lowering<'_> {
    /// `add` and `update`.
    pub(super) fn add(
        &self,
        name: &SaName,
        algorithms: &Algorithms,
        operation: impl Fn(Box<Sa>) -> Operation,
    ) -> Result<Lowered, Error> {
        let (src, dst) = self.ends(&name.ends)?;
        let proto = self.proto(name.ends.proto.as_ref(), name.ends.look_up)?;
        self.refuse_old(&name.ends)?;
        let options = self.options(name)?;
        let mut warnings: Vec<_> = options.warning.iter().cloned().collect();
        let chosen = if is_tcp_md5(&name.ends, algorithms) {
            Chosen::default()
        } else {
            self.algorithms(algorithms, is_old(&name.ends), &mut warnings)?
        };
        let spi = self.spi(name)?;
        if proto != NamedProto::One(Proto::IpComp) && spi < Spi::FIRST_FREE {
            let span = name.spi.span;
            warnings.push(Warning::new(WarningKind::ReservedSpi, self.source, span, span));
        }
        warnings.extend(name.extensions.iter().filter_map(|Node { value, span }| match value {
            Extension::Mark(mark) if is_outside(*mark) => {
                Some(Warning::new(WarningKind::MarkOutsideMask, self.source, *span, *span))
            }
            _ => None,
        }));
        let extensions = &name.extensions;
        let doubts =
            [late_soft_limit(extensions), limits_of_two_kinds(extensions), twice(extensions)];
        let doubts = doubts.into_iter().flatten();
        warnings.extend(doubts.map(|(kind, span)| Warning::new(kind, self.source, span, span)));
        warnings.extend(self.doubt_of_ends(&name.ends, &src, &dst));
        warnings.extend(self.doubt_of_port(&name.ends));
        let encap = options.sa.encap.or_else(|| encap(&name.ends, &src, &dst));
        let offload = match options.hardware {
            None => options.sa.offload,
            Some((device, span)) => {
                let direction = options.sa.direction.or_else(|| self.direction(&src, &dst));
                let direction =
                    direction.ok_or_else(|| self.error_at_end(Fault::HardwareDirection, span))?;
                Some(Offload { device, direction, packet: true })
            }
        };
        let add = |ends| {
            let (proto, comp) = (proto.one()?, chosen.compression()?);
            let Chosen { crypt, auth, aead, .. } = chosen.clone();
            let named = Sa { ends, proto, spi, encap, offload, ..options.sa.clone() };
            let sa = Sa { crypt, auth, aead, comp, ..named };
            sa.check()?;
            if !options.is_lifetime_alone {
                sa.check_lifetimes()?;
            }
            Ok(operation(Box::new(sa)))
        };
        Ok(Lowered { warnings, ..self.each_pair(&name.ends, &src, &dst, add)? })
    }

    /// The direction of an SA of which one end is this host.
    fn direction(&self, src: &End, dst: &End) -> Option<SaDirection> {
        let is_local =
            |end: &End| end.addresses.iter().any(|&address| self.names.is_local(address));
        match (is_local(src), is_local(dst)) {
            (true, false) => Some(SaDirection::Out),
            (false, true) => Some(SaDirection::In),
            _ => None,
        }
    }

    /// `getspi`: SPI 0 is any.
    pub(super) fn get_spi(&self, name: &SaName) -> Result<Lowered, Error> {
        let (src, dst) = self.ends(&name.ends)?;
        let proto = self.proto(name.ends.proto.as_ref(), name.ends.look_up)?;
        self.refuse_unused(StatementWord::GetSpi, &name.extensions, |option| {
            self.is_original(option)
        })?;
        let Sa { mode, reqid, .. } = self.options(name)?.sa;
        let spi = Some(self.spi(name)?).filter(|spi| spi.0 != 0);
        let template = |ends| {
            let proto = proto.one()?;
            Ok(Operation::GetSpi(SpiRequest { ends, proto, spi, mode, reqid }))
        };
        self.each_pair(&name.ends, &src, &dst, template)
    }

    pub(super) fn get(&self, name: &SaName) -> Result<Lowered, Error> {
        let (src, dst) = self.ends(&name.ends)?;
        self.by_id(StatementWord::Get, name, (&src, &dst), Operation::GetSa)
    }

    pub(super) fn delete(&self, name: &SaName) -> Result<Lowered, Error> {
        let (src, dst) = self.ends(&name.ends)?;
        self.only_one(&src.addresses, &name.ends.src.address)?;
        self.only_one(&dst.addresses, &name.ends.dst.address)?;
        self.by_id(StatementWord::Delete, name, (&src, &dst), Operation::DeleteSa)
    }

    pub(super) fn delete_all(
        &self,
        ends: &SaEnds,
        options: &[Node<Extension>],
    ) -> Result<Lowered, Error> {
        let address = |host: &Host| {
            let addresses = self.addresses(&host.address, ends.look_up);
            let addresses = addresses.map_err(|kind| self.error(kind, host.address.span))?;
            Ok(End { addresses, port: 0 })
        };
        let (src, dst) = (address(&ends.src)?, address(&ends.dst)?);
        let proto = self.proto(ends.proto.as_ref(), ends.look_up)?;
        let Compared { mark, if_id } = self.compared(options)?;
        let delete_all = |ends| {
            let proto = proto.one_or_all()?;
            Ok(Operation::DeleteAllSa(SaGroup { ends, proto, mark, if_id }))
        };
        self.each_pair(ends, &src, &dst, delete_all)
    }

    fn compared(&self, options: &[Node<Extension>]) -> Result<Compared, Error> {
        let mut compared = Compared::default();
        for Node { value, span } in options {
            match value {
                Extension::Mark(mark) => {
                    compared.mark = Some(self.mark(ScriptOption::Mark, *mark, *span)?);
                }
                Extension::IfId(number) => {
                    let number = self.number(ScriptOption::IfId, *number, *span)?;
                    compared.if_id = Some(number);
                }
                _ => {}
            }
        }
        Ok(compared)
    }

    /// `get` and `delete`.
    fn by_id(
        &self,
        statement: StatementWord,
        name: &SaName,
        (src, dst): (&End, &End),
        operation: impl Fn(SaId, Option<Option<NonZeroU32>>) -> Operation,
    ) -> Result<Lowered, Error> {
        let proto = self.proto(name.ends.proto.as_ref(), name.ends.look_up)?;
        let spi = self.spi(name)?;
        let mode = self.options(name)?.mode;
        self.refuse_unused(statement, &name.extensions, |option| {
            matches!(option, ScriptOption::Mark | ScriptOption::IfId) || self.is_original(option)
        })?;
        let Compared { mark, if_id } = self.compared(&name.extensions)?;
        let mark = mark.unwrap_or_default();
        let warnings =
            mode.map(|span| Warning::new(WarningKind::ObsoleteMode, self.source, span, self.end()));
        let by_id = |ends: AddressPair| {
            Ok(operation(SaId { dst: ends.dst(), proto: proto.one()?, spi, mark }, if_id))
        };
        let warnings = warnings.into_iter().collect();
        Ok(Lowered { warnings, ..self.each_pair(&name.ends, src, dst, by_id)? })
    }

    /// Refuses the first option that a statement does not use.
    pub(super) fn refuse_unused(
        &self,
        statement: StatementWord,
        options: &[Node<Extension>],
        is_used: impl Fn(ScriptOption) -> bool,
    ) -> Result<(), Error> {
        match options.iter().find(|node| !is_used(node.value.option())) {
            Some(Node { value, span }) => {
                let kind = Fault::Unused { option: value.option(), statement };
                let word = token_at(self.source, span.start).named;
                Err(Error::new(kind, self.source, *span, word))
            }
            None => Ok(()),
        }
    }

    /// Whether the original reads an option, which `get` and its like do not use there either.
    fn is_original(&self, option: ScriptOption) -> bool {
        option.is_original(self.source.dialect())
    }

    /// The operation of every pair of addresses of one family.
    fn each_pair(
        &self,
        ends: &SaEnds,
        src: &End,
        dst: &End,
        operation: impl Fn(AddressPair) -> Result<Operation, model::Error>,
    ) -> Result<Lowered, Error> {
        let mut operations = Vec::with_capacity(1);
        for &src in &src.addresses {
            for &dst in &dst.addresses {
                operations.extend(AddressPair::new(src, dst).ok().map(&operation));
            }
        }
        if operations.is_empty() {
            return Err(self.error_at_end(Fault::NoPair, ends.dst.address.span));
        }
        Ok(Lowered { operations, ..Lowered::default() })
    }

    fn spi(&self, name: &SaName) -> Result<Spi, Error> {
        self.narrow(NumberRange::SPI, name.spi.value, name.spi.span).map(Spi)
    }

    fn ends(&self, ends: &SaEnds) -> Result<(End, End), Error> {
        Ok((self.host(&ends.src, ends.look_up)?, self.host(&ends.dst, ends.look_up)?))
    }
}

/// Whether it is an SA of TCP-MD5, which the protocol alone refuses.
fn is_tcp_md5(ends: &SaEnds, algorithms: &Algorithms) -> bool {
    let is_tcp = matches!(&ends.proto, Some(proto) if proto.value == SaProto::Tcp);
    is_tcp && matches!(algorithms, Algorithms::Auth(auth) if auth.name.value == "tcp-md5")
}

fn encap(ends: &SaEnds, src: &End, dst: &End) -> Option<Encap> {
    let proto = ends.proto.as_ref().map(|proto| &proto.value);
    let port = |end: &End| NonZeroU16::new(end.port).or(Some(NAT_T_PORT));
    matches!(proto, Some(SaProto::EspUdp(_))).then(|| Encap {
        kind: EncapKind::EspInUdp,
        src_port: port(src),
        dst_port: port(dst),
        original: None,
    })
}
