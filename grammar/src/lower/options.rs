use std::num::{NonZeroU16, NonZeroU32, NonZeroU64};

use model::{
    AddressPair, DeviceName, Dialect, Encap, EncapKind, Lifetimes, Mark, Proto, ReqId, Sa, SaMode,
    ScriptOption, SecCtx, Spi, names::LookUp,
};

use super::{Lowering, range::NumberRange};
use crate::{
    error::{Error, Fault},
    parse::lexer::token_at,
    tree::{self, Extension, Limit, MarkText, Node, SaEnds, SaName, SaProto, Span},
    warning::{Warning, WarningKind},
};

/// Packets to a byte of the bitmap, which is what `-r` counts in the BSDs.
const PACKETS_PER_BYTE: u32 = 8;

/// The extensions of an SA, the last of each kind.
pub(super) struct SaOptions {
    /// An SA with them, under the name of no SA, since a statement may name several.
    pub sa: Sa,
    /// Where a mode is given.
    pub mode: Option<Span>,
    /// The device of `-hwif`, and where it is given.
    pub hardware: Option<(DeviceName, Span)>,
    /// Whether a lifetime without limits is given, so that the other may be alone: `-uh 0`, `-us 0`.
    pub is_lifetime_alone: bool,
    pub warning: Option<Warning>,
}

impl Lowering<'_> {
    pub(super) fn options(&self, name: &SaName) -> Result<SaOptions, Error> {
        let mut sa =
            Sa { mode: SaMode::ANY, ..Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(0)) };
        let (mut mode_at, mut hardware, mut fragment) = (None, None, None);
        let mut is_alone = false;
        for Node { value, span } in &name.extensions {
            match value {
                Extension::Mode(mode) => mode_at = mode.map(|_| *span),
                Extension::HardwareInterface(device) => hardware = Some((device, *span)),
                Extension::Fragment(..) => fragment = Some(*span),
                // The original does not have these options.
                Extension::Limit(Limit::HardUse | Limit::SoftUse, 0) => is_alone = true,
                _ => {}
            }
            self.field(&mut sa, value, *span, &name.ends)?;
        }
        sa.replay_words = sa.replay_words.filter(|&it| Some(it) != sa.implied_replay_words());
        self.replay_state(&mut sa, &name.extensions)?;
        let hardware = hardware.map(|(device, span)| Ok((self.device(device, span)?, span)));
        let hardware = hardware.transpose()?;
        let warning = |span| Warning::new(WarningKind::Fragment, self.source, span, span);
        let warning = fragment.map(warning);
        Ok(SaOptions { sa, mode: mode_at, hardware, is_lifetime_alone: is_alone, warning })
    }

    /// Sets the field of an option that depends on no other.
    fn field(
        &self,
        sa: &mut Sa,
        extension: &Extension,
        span: Span,
        ends: &SaEnds,
    ) -> Result<(), Error> {
        match extension {
            Extension::Mode(mode) => sa.mode = mode.map_or(SaMode::ANY, Into::into),
            Extension::ReqId(reqid) => {
                let reqid = self.number(ScriptOption::ReqId, *reqid, span)?;
                sa.reqid = reqid.map(NonZeroU32::get).and_then(ReqId::new);
            }
            Extension::Replay(window, words) => {
                sa.replay_window = self.replay_window(ends, *window, span)?;
                sa.replay_words = self.replay_words(*words, span)?;
            }
            Extension::Limit(of, most) => self.set_limit(*of, *most, span, &mut sa.lifetimes)?,
            Extension::Context(context) => sa.sec_ctx = self.sec_ctx(context, span)?,
            Extension::Natt(both) => sa.encap = Some(self.natt(both, ends.look_up)?),
            // Padding and cyclic sequence numbers mean nothing to AF_KEY.
            Extension::Flag(_)
            // `options` has them.
            | Extension::Fragment(..)
            | Extension::HardwareInterface(_)
            // `replay_state` has them, since they depend on the window.
            | Extension::Received(..)
            | Extension::Sent(_)
            // Those of policies: the grammar has none of an SA.
            | Extension::Device(_)
            | Extension::PortMasks(..)
            | Extension::User(_)
            | Extension::PolicyType(_)
            | Extension::PolicyFlag(_)
            | Extension::PolicyOffload(_)
            | Extension::ZeroLimit(_)
            | Extension::NoForwardCopy => {}
            Extension::Esn
            | Extension::KernelFlag(_)
            | Extension::ExtraFlags(_)
            | Extension::Mark(_)
            | Extension::OutMark(_)
            | Extension::IfId(_)
            | Extension::Direction(_)
            | Extension::Offload { .. }
            | Extension::KeepAlive(_)
            | Extension::Selector(_)
            | Extension::Encap { .. }
            | Extension::TfcPadding(_)
            | Extension::MappingInterval(_)
            | Extension::CareOf(_)
            | Extension::Cpu(_)
            | Extension::IpTfs(_)
            | Extension::Attribute { .. } => {
                self.kernel_option(sa, extension, span, ends.look_up)?;
            }
        }
        Ok(())
    }

    fn replay_words(&self, given: Option<u64>, span: Span) -> Result<Option<u32>, Error> {
        let range = NumberRange {
            most: (Sa::MAX_REPLAY_WINDOW / u32::BITS).into(),
            ..NumberRange::of_bits("the words of -r", 32)
        };
        given.map(|given| self.narrow(range, given, span)).transpose()
    }

    fn replay_window(&self, ends: &SaEnds, given: u64, span: Span) -> Result<u32, Error> {
        let number = || token_at(self.source, span.start + ScriptOption::Replay.word().len()).named;
        if is_old(ends) {
            return Err(Error::new(Fault::ReplayWithOld, self.source, span, number()));
        }
        let unit = if self.source.dialect().is_bsd() { PACKETS_PER_BYTE } else { 1 };
        let most = Sa::MAX_REPLAY_WINDOW / unit;
        let range = NumberRange {
            most: most.into(),
            ..NumberRange::of_bits(ScriptOption::Replay.word(), 32)
        };
        let given = self.in_range(range, given, span);
        let given = given.map_err(|kind| Error::new(kind, self.source, span, number()))?;
        Ok(u32::try_from(given).map_or(most, |given| given.min(most)) * unit)
    }

    /// NAT traversal as FreeBSD writes it. The addresses behind the NAT are read and forgotten, as
    /// that of `esp-udp`.
    fn natt(&self, ends: &(tree::Host, tree::Host), look_up: LookUp) -> Result<Encap, Error> {
        let (src, dst) = (self.host(&ends.0, look_up)?, self.host(&ends.1, look_up)?);
        let [src_port, dst_port] = [src.port, dst.port].map(NonZeroU16::new);
        Ok(Encap { kind: EncapKind::EspInUdp, src_port, dst_port, original: None })
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
        let range = NumberRange::of_bits(word, 32);
        let [value, mask] = [text.value, mask].map(|given| self.narrow(range, given, span));
        Ok(Mark { value: value?, mask: mask? })
    }

    /// A number of 32 bits, of which 0 means none.
    pub(super) fn number(
        &self,
        option: ScriptOption,
        given: u64,
        span: Span,
    ) -> Result<Option<NonZeroU32>, Error> {
        self.narrow(NumberRange::of_bits(option.word(), 32), given, span).map(NonZeroU32::new)
    }

    /// The name of a network device, which need not exist.
    pub(super) fn device(&self, name: &str, span: Span) -> Result<DeviceName, Error> {
        name.parse().map_err(|_| self.error(Fault::Device(name.to_owned()), span))
    }

    /// A context as the original stores it; one without domain of interpretation is none.
    pub(super) fn sec_ctx(
        &self,
        context: &tree::Context,
        span: Span,
    ) -> Result<Option<SecCtx>, Error> {
        let range = NumberRange::of_bits(ScriptOption::Context.word(), 8);
        let byte = |given| self.narrow(range, given, span).map(|number| number.to_le_bytes()[0]);
        let (doi, alg) = (byte(context.doi)?, byte(context.alg)?);
        Ok((doi != 0).then(|| SecCtx { doi, alg, context: context.label.clone() }))
    }

    /// Sets a limit.
    pub(super) fn set_limit(
        &self,
        limit: Limit,
        given: u64,
        span: Span,
        lifetimes: &mut Lifetimes,
    ) -> Result<(), Error> {
        let given = self.in_range(NumberRange::of_bits(limit.word(), 64), given, span);
        let given = given.map_err(|kind| self.error(kind, span))?;
        *limit.field(lifetimes) = NonZeroU64::new(given);
        Ok(())
    }

    /// Refuses the protocols of RFC 1826 and RFC 1827 where they mean what they say.
    pub(super) fn refuse_old(&self, ends: &SaEnds) -> Result<(), Error> {
        let Some(proto) = ends.proto.as_ref().filter(|_| self.source.dialect() != Dialect::Linux)
        else {
            return Ok(());
        };
        match proto.value {
            SaProto::EspOld => Err(self.error_at_end(Fault::OldProtocol("esp-old"), proto.span)),
            SaProto::AhOld => Err(self.error_at_end(Fault::OldProtocol("ah-old"), proto.span)),
            _ => Ok(()),
        }
    }
}

pub(super) fn is_old(ends: &SaEnds) -> bool {
    let proto = ends.proto.as_ref().map(|proto| &proto.value);
    matches!(proto, Some(SaProto::EspOld | SaProto::AhOld))
}
