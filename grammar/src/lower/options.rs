use model::{
    Dialect, Encap, EncapKind, Lifetimes, Mark, Offload, SaDirection, SaFlags, SecCtx,
    names::LookUp,
};

use super::{Lowering, cut};
use crate::{
    error::{Error, Kind},
    parse::lexer::token_at,
    tree::{self, Extension, MarkText, Node, SaEnds, SaName, SaProto, Span},
    warning::{Warning, WarningKind},
};

/// The longest replay window of the kernel, in packets (`XFRMA_REPLAY_ESN_MAX`, 512 bytes).
const MAX_REPLAY_WINDOW: u64 = 4096;
/// Packets to a byte of the bitmap, which is what `-r` counts in the BSDs.
const PACKETS_PER_BYTE: u64 = 8;

/// The extensions of an SA, the last of each kind.
#[derive(Default)]
pub(super) struct Options {
    pub mode: Option<(tree::Mode, Span)>,
    pub reqid: u32,
    pub replay_window: u32,
    pub lifetimes: Lifetimes,
    pub sec_ctx: Option<SecCtx>,
    pub encap: Option<Encap>,
    pub esn: bool,
    pub flags: SaFlags,
    pub mark: Mark,
    pub output_mark: Mark,
    pub if_id: u32,
    pub direction: Option<SaDirection>,
    pub nat_keepalive: u32,
    pub offload: Option<Offload>,
    pub warning: Option<Warning>,
}

impl Lowering<'_> {
    pub(super) fn options(&self, name: &SaName) -> Result<Options, Error> {
        let mut options = Options::default();
        let (mut hardware, mut fragment) = (None, None);
        for Node { value, span } in &name.extensions {
            match value {
                Extension::Mode(mode) => options.mode = mode.map(|mode| (mode, *span)),
                Extension::ReqId(reqid) => options.reqid = cut(*reqid),
                Extension::Replay(window) => {
                    options.replay_window = self.replay_window(&name.ends, *window, *span)?;
                }
                Extension::Context(context) => options.sec_ctx = sec_ctx(context),
                Extension::Natt(ends) => options.encap = Some(self.natt(ends, name.ends.look_up)?),
                Extension::Esn => options.esn = true,
                Extension::KernelFlag(flag) => options.flags = options.flags | *flag,
                Extension::Mark(mark) => options.mark = self.mark("-mark", *mark, *span)?,
                Extension::OutMark(mark) => {
                    options.output_mark = self.mark("-outmark", *mark, *span)?;
                }
                Extension::IfId(number) => options.if_id = self.narrow("-ifid", *number, *span)?,
                Extension::Direction(direction) => options.direction = Some(*direction),
                Extension::Offload { device, direction, packet } => {
                    let (direction, packet) = (*direction, *packet);
                    options.offload = Some(Offload { device: device.clone(), direction, packet });
                }
                Extension::HardwareInterface(device) => hardware = Some((device, *span)),
                Extension::KeepAlive(seconds) => {
                    let seconds = seconds.unwrap_or(0);
                    options.nat_keepalive = self.narrow("-keepalive", seconds, *span)?;
                }
                Extension::Fragment(..) => fragment = Some(*span),
                // Padding and cyclic sequence numbers mean nothing to AF_KEY.
                Extension::Flag(_) => {}
                limit => set_limit(limit, &mut options.lifetimes),
            }
        }
        if let Some((device, span)) = hardware {
            let direction = options.direction;
            let direction =
                direction.ok_or_else(|| self.error_at_end(Kind::HardwareDirection, span))?;
            options.offload = Some(Offload { device: device.clone(), direction, packet: true });
        }
        let warning = |span| Warning::new(WarningKind::Fragment, self.source, span, span);
        options.warning = fragment.map(warning);
        Ok(options)
    }

    fn replay_window(&self, ends: &SaEnds, given: u64, span: Span) -> Result<u32, Error> {
        let number = || token_at(self.source, span.start + "-r".len()).named;
        if is_old(ends) {
            return Err(Error::new(Kind::ReplayWithOld, self.source, span, number()));
        }
        let unit = if self.source.dialect().is_bsd() { PACKETS_PER_BYTE } else { 1 };
        let packets = given.saturating_mul(unit);
        if packets > MAX_REPLAY_WINDOW {
            let kind = Kind::OutOfRange { option: "-r", given, most: MAX_REPLAY_WINDOW / unit };
            return Err(Error::new(kind, self.source, span, number()));
        }
        Ok(cut(packets))
    }

    /// NAT traversal as FreeBSD writes it. The addresses behind the NAT are read and forgotten, as
    /// that of `esp-udp`.
    fn natt(&self, ends: &(tree::Host, tree::Host), look_up: LookUp) -> Result<Encap, Error> {
        let (src, dst) = (self.host(&ends.0, look_up)?, self.host(&ends.1, look_up)?);
        Ok(Encap { kind: EncapKind::EspInUdp, src_port: src.port, dst_port: dst.port })
    }

    pub(super) fn mark(
        &self,
        option: &'static str,
        text: MarkText,
        span: Span,
    ) -> Result<Mark, Error> {
        let mask = text.mask.unwrap_or(u32::MAX.into());
        Ok(Mark {
            value: self.narrow(option, text.value, span)?,
            mask: self.narrow(option, mask, span)?,
        })
    }

    /// A number of 32 bits: the options that no original has do not cut.
    pub(super) fn narrow(
        &self,
        option: &'static str,
        given: u64,
        span: Span,
    ) -> Result<u32, Error> {
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
        Extension::HardTime(seconds) => hard.add_seconds = seconds,
        Extension::SoftTime(seconds) => soft.add_seconds = seconds,
        Extension::HardBytes(bytes) => hard.bytes = bytes,
        Extension::SoftBytes(bytes) => soft.bytes = bytes,
        Extension::HardUse(seconds) => hard.use_seconds = seconds,
        Extension::SoftUse(seconds) => soft.use_seconds = seconds,
        Extension::HardPackets(packets) => hard.packets = packets,
        Extension::SoftPackets(packets) => soft.packets = packets,
        _ => {}
    }
}

/// A context as the original stores it; one without domain of interpretation is none.
pub(super) fn sec_ctx(context: &tree::Context) -> Option<SecCtx> {
    let byte = |number: u64| number.to_le_bytes()[0];
    let (doi, alg) = (byte(context.doi), byte(context.alg));
    (doi != 0).then(|| SecCtx { doi, alg, context: context.label.clone() })
}
