use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use model::{
    AddressPair, DeviceName, Dialect, Encap, EncapKind, Lifetimes, Mark, Mode, Offload, Proto,
    ReqId, Sa, SaMode, ScriptOption, SecCtx, Spi, names::LookUp,
};

use super::{Lowering, cut};
use crate::{
    error::{Error, Kind},
    parse::lexer::token_at,
    tree::{self, Extension, MarkText, Node, SaEnds, SaName, SaProto, Span},
    warning::{Warning, WarningKind},
};

/// Packets to a byte of the bitmap, which is what `-r` counts in the BSDs.
const PACKETS_PER_BYTE: u64 = 8;

/// The extensions of an SA, the last of each kind.
pub(super) struct Options {
    /// An SA with them, under the name of no SA, since a statement may name several.
    pub sa: Sa,
    /// Where a mode is given.
    pub mode: Option<Span>,
    pub warning: Option<Warning>,
}

impl Lowering<'_> {
    pub(super) fn options(&self, name: &SaName) -> Result<Options, Error> {
        let mut sa =
            Sa { mode: SaMode::ANY, ..Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(0)) };
        let (mut mode_at, mut hardware, mut fragment) = (None, None, None);
        for Node { value, span } in &name.extensions {
            match value {
                Extension::Mode(mode) => {
                    sa.mode = mode.map_or(SaMode::ANY, |mode| Mode::from(mode).into());
                    mode_at = mode.map(|_| *span);
                }
                Extension::ReqId(reqid) => sa.reqid = ReqId::new(cut(*reqid)),
                Extension::Replay(window) => {
                    sa.replay_window = self.replay_window(&name.ends, *window, *span)?;
                }
                Extension::Context(context) => sa.sec_ctx = sec_ctx(context),
                Extension::Natt(ends) => sa.encap = Some(self.natt(ends, name.ends.look_up)?),
                Extension::Esn => sa.esn = true,
                Extension::KernelFlag(flag) => sa.flags = sa.flags | *flag,
                Extension::Mark(mark) => sa.mark = self.mark(ScriptOption::Mark, *mark, *span)?,
                Extension::OutMark(mark) => {
                    sa.output_mark = self.mark(ScriptOption::OutMark, *mark, *span)?;
                }
                Extension::IfId(number) => {
                    sa.if_id = self.number(ScriptOption::IfId, *number, *span)?;
                }
                Extension::Direction(direction) => sa.direction = Some(*direction),
                Extension::Offload { device, direction, packet } => {
                    let (direction, packet) = (*direction, *packet);
                    let device = self.device(device, *span)?;
                    sa.offload = Some(Offload { device, direction, packet });
                }
                Extension::HardwareInterface(device) => hardware = Some((device, *span)),
                Extension::KeepAlive(seconds) => {
                    let seconds = seconds.unwrap_or(0);
                    sa.nat_keepalive = self.number(ScriptOption::KeepAlive, seconds, *span)?;
                }
                Extension::Fragment(..) => fragment = Some(*span),
                // Padding and cyclic sequence numbers mean nothing to AF_KEY.
                Extension::Flag(_) => {}
                limit @ (Extension::HardTime(_)
                | Extension::SoftTime(_)
                | Extension::HardBytes(_)
                | Extension::SoftBytes(_)
                | Extension::HardUse(_)
                | Extension::SoftUse(_)
                | Extension::HardPackets(_)
                | Extension::SoftPackets(_)) => set_limit(limit, &mut sa.lifetimes),
            }
        }
        if let Some((device, span)) = hardware {
            let direction = sa.direction;
            let direction =
                direction.ok_or_else(|| self.error_at_end(Kind::HardwareDirection, span))?;
            let device = self.device(device, span)?;
            sa.offload = Some(Offload { device, direction, packet: true });
        }
        let warning = |span| Warning::new(WarningKind::Fragment, self.source, span, span);
        Ok(Options { sa, mode: mode_at, warning: fragment.map(warning) })
    }

    fn replay_window(&self, ends: &SaEnds, given: u64, span: Span) -> Result<u32, Error> {
        let number = || token_at(self.source, span.start + ScriptOption::Replay.word().len()).named;
        if is_old(ends) {
            return Err(Error::new(Kind::ReplayWithOld, self.source, span, number()));
        }
        let unit = if self.source.dialect().is_bsd() { PACKETS_PER_BYTE } else { 1 };
        let packets = given.saturating_mul(unit);
        let most = u64::from(Sa::MAX_REPLAY_WINDOW);
        if packets > most {
            let option = ScriptOption::Replay.word();
            let kind = Kind::OutOfRange { option, given, most: most / unit };
            return Err(Error::new(kind, self.source, span, number()));
        }
        Ok(cut(packets))
    }

    /// NAT traversal as FreeBSD writes it. The addresses behind the NAT are read and forgotten, as
    /// that of `esp-udp`.
    fn natt(&self, ends: &(tree::Host, tree::Host), look_up: LookUp) -> Result<Encap, Error> {
        let (src, dst) = (self.host(&ends.0, look_up)?, self.host(&ends.1, look_up)?);
        let [src_port, dst_port] = [src.port, dst.port].map(NonZeroU16::new);
        Ok(Encap { kind: EncapKind::EspInUdp, src_port, dst_port })
    }

    pub(super) fn mark(
        &self,
        option: ScriptOption,
        text: MarkText,
        span: Span,
    ) -> Result<Mark, Error> {
        self.mark_of(option.word(), text, span)
    }

    /// The mark that a word other than an option gives.
    pub(super) fn mark_of(
        &self,
        word: &'static str,
        text: MarkText,
        span: Span,
    ) -> Result<Mark, Error> {
        let mask = text.mask.unwrap_or(u32::MAX.into());
        let [value, mask] = [text.value, mask].map(|given| self.narrow(word, given, span));
        Ok(Mark { value: value?, mask: mask? })
    }

    /// A number of 32 bits, of which 0 means none.
    pub(super) fn number(
        &self,
        option: ScriptOption,
        given: u64,
        span: Span,
    ) -> Result<Option<NonZeroU32>, Error> {
        self.narrow(option.word(), given, span).map(NonZeroU32::new)
    }

    /// The name of a network device, which need not exist.
    pub(super) fn device(&self, name: &str, span: Span) -> Result<DeviceName, Error> {
        name.parse().map_err(|_| self.error(Kind::Device(name.to_owned()), span))
    }

    /// A number of 32 bits: the options that no original has do not cut.
    fn narrow(&self, option: &'static str, given: u64, span: Span) -> Result<u32, Error> {
        let kind = Kind::OutOfRange { option, given, most: u32::MAX.into() };
        u32::try_from(given).map_err(|_| self.error(kind, span))
    }

    /// Refuses the protocols of RFC 1826 and RFC 1827 where they mean what they say.
    pub(super) fn refuse_old(&self, ends: &SaEnds) -> Result<(), Error> {
        let Some(proto) = ends.proto.as_ref().filter(|_| self.source.dialect() != Dialect::Linux)
        else {
            return Ok(());
        };
        match proto.value {
            SaProto::EspOld => Err(self.error_at_end(Kind::OldProtocol("esp-old"), proto.span)),
            SaProto::AhOld => Err(self.error_at_end(Kind::OldProtocol("ah-old"), proto.span)),
            _ => Ok(()),
        }
    }
}

pub(super) fn is_old(ends: &SaEnds) -> bool {
    let proto = ends.proto.as_ref().map(|proto| &proto.value);
    matches!(proto, Some(SaProto::EspOld | SaProto::AhOld))
}

/// Sets the limit that an extension is about, if it is about one.
pub(super) fn set_limit(extension: &Extension, lifetimes: &mut Lifetimes) {
    let Lifetimes { hard, soft } = lifetimes;
    match *extension {
        Extension::HardTime(seconds) => hard.add_seconds = NonZeroU64::new(seconds),
        Extension::SoftTime(seconds) => soft.add_seconds = NonZeroU64::new(seconds),
        Extension::HardBytes(bytes) => hard.bytes = NonZeroU64::new(bytes),
        Extension::SoftBytes(bytes) => soft.bytes = NonZeroU64::new(bytes),
        Extension::HardUse(seconds) => hard.use_seconds = NonZeroU64::new(seconds),
        Extension::SoftUse(seconds) => soft.use_seconds = NonZeroU64::new(seconds),
        Extension::HardPackets(packets) => hard.packets = NonZeroU64::new(packets),
        Extension::SoftPackets(packets) => soft.packets = NonZeroU64::new(packets),
        _ => {}
    }
}

/// A context as the original stores it; one without domain of interpretation is none.
pub(super) fn sec_ctx(context: &tree::Context) -> Option<SecCtx> {
    let byte = |number: u64| number.to_le_bytes()[0];
    let (doi, alg) = (byte(context.doi), byte(context.alg));
    (doi != 0).then(|| SecCtx { doi, alg, context: context.label.clone() })
}
