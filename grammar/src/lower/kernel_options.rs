//! The options for what Linux has of an SA and no original setkey has words for.

use std::{net::IpAddr, num::NonZeroU16};

use model::{
    Attribute, Direction, Encap, IpTfs, IpTfsSetting, Offload, PortMasks, ReplayState, Sa, SaFlags,
    ScriptOption, Selector, names::LookUp,
};

use super::{Lowering, range::NumberRange};
use crate::{
    error::{Error, Fault},
    tree::{Extension, Node, SaSelector, Span},
};

impl Lowering<'_> {
    /// Sets what an option is about, if it is one of these.
    pub(super) fn kernel_option(
        &self,
        sa: &mut Sa,
        option: &Extension,
        span: Span,
        look_up: LookUp,
    ) -> Result<(), Error> {
        match option {
            Extension::Esn => sa.esn = true,
            Extension::KernelFlag(flag) => sa.flags = sa.flags | *flag,
            Extension::Mark(mark) => sa.mark = self.mark(ScriptOption::Mark, *mark, span)?,
            Extension::OutMark(mark) => {
                sa.output_mark = self.mark(ScriptOption::OutMark, *mark, span)?;
            }
            Extension::IfId(number) => sa.if_id = self.number(ScriptOption::IfId, *number, span)?,
            Extension::Direction(direction) => sa.direction = Some(*direction),
            Extension::Offload { device, direction, packet } => {
                let (direction, packet) = (*direction, *packet);
                let device = self.device(device, span)?;
                sa.offload = Some(Offload { device, direction, packet });
            }
            Extension::KeepAlive(seconds) => {
                let seconds = seconds.unwrap_or(0);
                sa.nat_keepalive = self.number(ScriptOption::KeepAlive, seconds, span)?;
            }
            Extension::Selector(selector) => sa.selector = Some(self.sa_selector(selector)?),
            Extension::Encap { kind, ports, original } => {
                let port = |port| self.narrow(NumberRange::PORT, port, span).map(port_number);
                let original =
                    original.as_ref().map(|host| self.sole(host, look_up)).transpose()?;
                let (src_port, dst_port) = (port(ports.0)?, port(ports.1)?);
                sa.encap = Some(Encap { kind: *kind, src_port, dst_port, original });
            }
            Extension::TfcPadding(bytes) => {
                sa.tfc_padding = self.number(ScriptOption::TfcPadding, *bytes, span)?;
            }
            Extension::MappingInterval(seconds) => {
                sa.mapping_interval = self.number(ScriptOption::MappingInterval, *seconds, span)?;
            }
            Extension::CareOf(host) => sa.care_of = Some(self.sole(host, look_up)?),
            Extension::Cpu(cpu) => {
                let range = NumberRange::of_bits(ScriptOption::Cpu.word(), 32);
                sa.cpu = Some(self.narrow(range, *cpu, span)?);
            }
            Extension::IpTfs(settings) => sa.iptfs = self.iptfs(settings, span)?,
            Extension::Attribute { number, value } => {
                let range = NumberRange::of_bits(ScriptOption::Attribute.word(), 16);
                let number = self.narrow(range, *number, span)?.try_into().unwrap_or(u16::MAX);
                sa.unknown.push(Attribute { number, value: value.clone() });
            }
            Extension::ExtraFlags(bits) => {
                let range = NumberRange::of_bits(ScriptOption::KernelFlag.word(), 32);
                let bits = self.narrow(range, *bits, span)?;
                sa.flags = sa.flags | SaFlags::from_xfrm(0, bits);
            }
            _ => {}
        }
        Ok(())
    }

    /// Sequence numbers, which have 64 bits with ESN or a bitmap of more than one word. Without a bitmap, every number of the
    /// window counts as received, so that no packet is accepted twice.
    pub(super) fn replay_state(&self, sa: &mut Sa, name: &[Node<Extension>]) -> Result<(), Error> {
        let has_high_halves = sa.replay_words.or(sa.implied_replay_words()).is_some();
        let bits = if has_high_halves { 64 } else { 32 };
        let number = |option: ScriptOption, given, span| {
            let range = NumberRange::of_bits(option.word(), bits);
            self.in_range(range, given, span).map_err(|kind| self.error(kind, span))
        };
        let most = sa.bitmap_words();
        for Node { value, span } in name {
            match value {
                Extension::Received(given, bitmap) => {
                    let ones = || vec![u32::MAX; if sa.replay_window == 0 { 0 } else { most }];
                    let bitmap = bitmap.clone().unwrap_or_else(ones);
                    let is_empty = bitmap.iter().all(|&word| word == 0);
                    if bitmap.len() > most && !is_empty {
                        return Err(self.error(Fault::Bitmap { words: most }, *span));
                    }
                    sa.replay_state = ReplayState {
                        received: number(ScriptOption::Received, *given, *span)?,
                        bitmap: if is_empty { Vec::new() } else { bitmap },
                        ..sa.replay_state
                    };
                }
                Extension::Sent(given) => {
                    sa.replay_state.sent = number(ScriptOption::Sent, *given, *span)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn sa_selector(&self, given: &SaSelector) -> Result<Selector, Error> {
        let upper = self.upper(&given.packets.upper)?;
        let name = self.policy_name(&given.packets, upper)?;
        let refused = |refusal| self.error(Fault::Refused(refusal), given.packets.dst.address.span);
        let mut selector = name.id(Direction::Out).map_err(refused)?.selector;
        if let Some(device) = &given.device {
            selector.device = Some(self.device(&device.value, device.span)?);
        }
        if let Some(Node { value: (src, dst), span }) = given.masks {
            let range = NumberRange::of_bits("masks", 16);
            let mask = |mask| {
                self.narrow(range, mask, span).map(|mask| mask.try_into().unwrap_or(u16::MAX))
            };
            let masks = PortMasks { src: mask(src)?, dst: mask(dst)? };
            selector.port_masks = (masks != selector.port_masks()).then_some(masks);
        }
        if let Some(user) = &given.user {
            selector.user = self.narrow(NumberRange::of_bits("uid", 32), user.value, user.span)?;
        }
        Ok(selector)
    }

    fn iptfs(&self, settings: &[(IpTfsSetting, Option<u64>)], span: Span) -> Result<IpTfs, Error> {
        let mut iptfs = IpTfs::default();
        for &(setting, given) in settings {
            let number = |bits| {
                let range = NumberRange::of_bits(setting.word(), bits);
                self.narrow(range, given.unwrap_or(0), span).map(Some)
            };
            match setting {
                IpTfsSetting::DropTime => iptfs.drop_time = number(32)?,
                IpTfsSetting::ReorderWindow => {
                    iptfs.reorder_window =
                        number(16)?.map(|packets| packets.try_into().unwrap_or(u16::MAX));
                }
                IpTfsSetting::InitDelay => iptfs.init_delay = number(32)?,
                IpTfsSetting::MaxQueue => iptfs.max_queue = number(32)?,
                IpTfsSetting::PacketSize => iptfs.packet_size = number(32)?,
                IpTfsSetting::DontFragment => iptfs.dont_fragment = true,
            }
        }
        Ok(iptfs)
    }

    /// The one address of a host.
    fn sole(&self, host: &Node<String>, look_up: LookUp) -> Result<IpAddr, Error> {
        let addresses = self.addresses(host, look_up);
        let addresses = addresses.map_err(|kind| self.error(kind, host.span))?;
        self.only_one(&addresses, host)
    }
}

fn port_number(port: u32) -> Option<NonZeroU16> {
    u16::try_from(port).ok().and_then(NonZeroU16::new)
}
