//! Options as text.

use std::fmt::{Display, Formatter, Result};

use model::{IpTfsSetting, SaMode, ScriptOption};

use super::print::write_key;
use crate::tree::{Context, Extension, FragmentOption, MarkText, SaSelector};

impl Extension {
    /// The option that it is written with.
    pub(crate) fn option(&self) -> ScriptOption {
        match self {
            Extension::Flag(_) => ScriptOption::Flag,
            Extension::Mode(_) => ScriptOption::Mode,
            Extension::ReqId(_) => ScriptOption::ReqId,
            Extension::Replay(..) => ScriptOption::Replay,
            Extension::Limit(limit, _) => limit.option(),
            Extension::Context(_) => ScriptOption::Context,
            Extension::Fragment(FragmentOption::EspFrag, _) => ScriptOption::EspFrag,
            Extension::Fragment(FragmentOption::NattMtu, _) => ScriptOption::NattMtu,
            Extension::Natt(_) => ScriptOption::Natt,
            Extension::Esn => ScriptOption::Esn,
            Extension::Mark(_) => ScriptOption::Mark,
            Extension::OutMark(_) => ScriptOption::OutMark,
            Extension::IfId(_) => ScriptOption::IfId,
            Extension::Direction(_) => ScriptOption::Direction,
            Extension::Offload { .. } | Extension::PolicyOffload(_) => ScriptOption::Offload,
            Extension::HardwareInterface(_) => ScriptOption::HardwareInterface,
            Extension::KeepAlive(Some(_)) => ScriptOption::KeepAlive,
            Extension::KeepAlive(None) => ScriptOption::NoKeepAlive,
            Extension::KernelFlag(_) | Extension::ExtraFlags(_) | Extension::PolicyFlag(_) => {
                ScriptOption::KernelFlag
            }
            Extension::Selector(_) => ScriptOption::Selector,
            Extension::Encap { .. } => ScriptOption::Encap,
            Extension::TfcPadding(_) => ScriptOption::TfcPadding,
            Extension::MappingInterval(_) => ScriptOption::MappingInterval,
            Extension::CareOf(_) => ScriptOption::CareOf,
            Extension::Cpu(_) => ScriptOption::Cpu,
            Extension::IpTfs(_) => ScriptOption::IpTfs,
            Extension::Received(..) => ScriptOption::Received,
            Extension::Sent(_) => ScriptOption::Sent,
            Extension::Attribute { .. } => ScriptOption::Attribute,
            Extension::Device(_) => ScriptOption::Device,
            Extension::PortMasks(..) => ScriptOption::PortMasks,
            Extension::User(_) => ScriptOption::User,
            Extension::PolicyType(_) => ScriptOption::PolicyType,
            Extension::ZeroLimit(_) => ScriptOption::ZeroLimit,
            Extension::NoForwardCopy => ScriptOption::NoForwardCopy,
        }
    }
}

impl Display for Extension {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Extension::Context(context) = self {
            return context.fmt(f);
        }
        f.write_str(self.option().word())?;
        match self {
            Extension::NoForwardCopy
            | Extension::Esn
            | Extension::KeepAlive(None)
            | Extension::Context(_) => Ok(()),
            Extension::Flag(flag) => write!(f, " {}", flag.word()),
            Extension::Mode(mode) => {
                write!(f, " {}", mode.map_or(SaMode::ANY_WORD, model::Mode::word))
            }
            Extension::ReqId(number)
            | Extension::Limit(_, number)
            | Extension::Fragment(_, number)
            | Extension::IfId(number)
            | Extension::TfcPadding(number)
            | Extension::MappingInterval(number)
            | Extension::Cpu(number)
            | Extension::Sent(number)
            | Extension::User(number)
            | Extension::KeepAlive(Some(number)) => write!(f, " {number}"),
            Extension::Replay(packets, words) => {
                write!(f, " {packets}")?;
                words.iter().try_for_each(|words| write!(f, "/{words}"))
            }
            Extension::ExtraFlags(bits) => write!(f, " {bits:#x}"),
            Extension::Selector(selector) => selector.fmt(f),
            Extension::Encap { kind, ports, original } => {
                write!(f, " {} {} {}", kind.word(), ports.0, ports.1)?;
                original.iter().try_for_each(|address| write!(f, " {}", address.value))
            }
            Extension::CareOf(address) => write!(f, " {}", address.value),
            Extension::IpTfs(settings) => write_settings(f, settings),
            Extension::Received(number, bitmap) => write_received(f, *number, bitmap.as_deref()),
            Extension::Attribute { number, value } => {
                write!(f, " {number}")?;
                write_key(f, value)
            }
            Extension::Natt(ends) => write!(f, " {} {}", ends.0, ends.1),
            Extension::Mark(mark) | Extension::OutMark(mark) => write!(f, " {mark}"),
            Extension::Direction(direction) => write!(f, " {}", direction.word()),
            Extension::Offload { device, direction, packet } => {
                let packet = if *packet { " packet" } else { "" };
                write!(f, " {device} {}{packet}", direction.word())
            }
            Extension::HardwareInterface(device)
            | Extension::Device(device)
            | Extension::PolicyOffload(device) => write!(f, " {device}"),
            Extension::PortMasks(src, dst) => write!(f, " {src:#x}/{dst:#x}"),
            Extension::PolicyType(kind) => write!(f, " {}", kind.word()),
            Extension::ZeroLimit(limit) => write_one(f, limit.words()),
            Extension::PolicyFlag(flags) => write_one(f, flags.words()),
            Extension::KernelFlag(flags) => write_one(f, flags.words()),
        }
    }
}

/// The word of a set of one.
fn write_one(f: &mut Formatter<'_>, mut words: impl Iterator<Item = impl Display>) -> Result {
    words.next().map_or(Ok(()), |word| write!(f, " {word}"))
}

/// `9/0x000001ff`.
fn write_received(f: &mut Formatter<'_>, number: u64, bitmap: Option<&[u32]>) -> Result {
    write!(f, " {number}")?;
    let Some(words) = bitmap else { return Ok(()) };
    f.write_str("/0x")?;
    words.iter().try_for_each(|word| write!(f, "{word:08x}"))
}

/// `drop-time=5,dont-frag`.
fn write_settings(f: &mut Formatter<'_>, settings: &[(IpTfsSetting, Option<u64>)]) -> Result {
    for (place, (setting, number)) in settings.iter().enumerate() {
        write!(f, "{}{}", if place == 0 { ' ' } else { ',' }, setting.word())?;
        number.iter().try_for_each(|number| write!(f, "={number}"))?;
    }
    Ok(())
}

impl Display for SaSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.packets.fmt(f)?;
        self.device.iter().try_for_each(|device| write!(f, " dev {}", device.value))?;
        let masks = self.masks.iter();
        masks
            .map(|masks| masks.value)
            .try_for_each(|(src, dst)| write!(f, " masks {src:#x}/{dst:#x}"))?;
        self.user.iter().try_for_each(|user| write!(f, " uid {}", user.value))
    }
}

impl Display for MarkText {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{:#x}", self.value)?;
        self.mask.iter().try_for_each(|mask| write!(f, "/{mask:#x}"))
    }
}

impl Display for Context {
    /// A label that is not UTF-8 cannot be shown as it is: `Display` is for text.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let label = String::from_utf8_lossy(&self.label);
        write!(f, "{} {} {} \"{label}\"", ScriptOption::Context.word(), self.doi, self.alg)
    }
}
