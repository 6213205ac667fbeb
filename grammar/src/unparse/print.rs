use std::fmt::{Display, Formatter, Result, Write};

use model::{IpVersion, Key, PolicyType, PriorityBase, ScriptOption, names::LookUp};

use crate::tree::{
    Algorithm, Algorithms, Command, Context, Detail, DetailWord, Endpoint, Ends, Extension,
    FragmentOption, Host, Level, MarkText, Node, Offset, Policy, Port, Priority, Range, SaEnds,
    SaName, SaProto, SaSelector, Selection, Selector, StatementWord, Template, Upper,
};

impl Command {
    fn word(&self) -> StatementWord {
        match self {
            Command::Add(..) => StatementWord::Add,
            Command::Update(..) => StatementWord::Update,
            Command::GetSpi(_) => StatementWord::GetSpi,
            Command::Get(_) => StatementWord::Get,
            Command::Delete(_) => StatementWord::Delete,
            Command::DeleteAll(..) => StatementWord::DeleteAll,
            Command::Flush(_) => StatementWord::Flush,
            Command::Dump(_) => StatementWord::Dump,
            Command::SpdAdd(..) => StatementWord::SpdAdd,
            Command::SpdUpdate(..) => StatementWord::SpdUpdate,
            Command::SpdDelete(..) => StatementWord::SpdDelete,
            Command::SpdFlush(_) => StatementWord::SpdFlush,
            Command::SpdDump => StatementWord::SpdDump,
            Command::Exit => StatementWord::Exit,
        }
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.word().word())?;
        match self {
            Command::Add(name, algorithms) | Command::Update(name, algorithms) => {
                write!(f, "{name} {algorithms}")
            }
            Command::GetSpi(name) | Command::Get(name) | Command::Delete(name) => name.fmt(f),
            Command::DeleteAll(ends, options) => {
                ends.fmt(f)?;
                extensions(f, options)
            }
            Command::Flush(proto) | Command::Dump(proto) => {
                proto.iter().try_for_each(|proto| write!(f, " {}", proto.value))
            }
            Command::SpdAdd(what, policy) | Command::SpdUpdate(what, policy) => {
                write!(f, "{what} -P {}", policy.value)
            }
            Command::SpdDelete(what, policy) => write!(f, "{what} -P {}", policy.value),
            Command::SpdFlush(PolicyType::Main) | Command::SpdDump | Command::Exit => Ok(()),
            Command::SpdFlush(kind) => {
                write!(f, " {} {}", ScriptOption::PolicyType.word(), kind.word())
            }
        }?;
        f.write_char(';')
    }
}

impl Display for SaName {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {:#x}", self.ends, self.spi.value)?;
        extensions(f, &self.extensions)
    }
}

fn extensions(f: &mut Formatter<'_>, extensions: &[Node<Extension>]) -> Result {
    extensions.iter().try_for_each(|extension| write!(f, " {}", extension.value))
}

impl Display for SaEnds {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        look_up(f, self.look_up)?;
        write!(f, " {} {}", self.src, self.dst)?;
        self.proto.iter().try_for_each(|proto| write!(f, " {}", proto.value))
    }
}

fn look_up(f: &mut Formatter<'_>, look_up: LookUp) -> Result {
    match look_up.version {
        Some(IpVersion::V4) => f.write_str(" -4")?,
        Some(IpVersion::V6) => f.write_str(" -6")?,
        None => {}
    }
    f.write_str(if look_up.numeric { " -n" } else { "" })
}

impl Display for Host {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.address.value)?;
        self.port.iter().try_for_each(|port| write!(f, "[{}]", port.value))
    }
}

impl Display for Port {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Port::Any => f.write_str("any"),
            Port::Number(number) => number.fmt(f),
            Port::Service(name) => f.write_str(name),
        }
    }
}

impl Display for SaProto {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.word())?;
        match self {
            SaProto::EspUdp(Some(original)) => write!(f, " {}", original.value),
            _ => Ok(()),
        }
    }
}

impl Extension {
    /// The option that it is written with.
    pub(super) fn option(&self) -> ScriptOption {
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
            Extension::Mode(mode) => write!(f, " {}", mode.map_or("any", model::Mode::word)),
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
            Extension::Received(number, bitmap) => {
                write!(f, " {number}")?;
                let Some(words) = bitmap else { return Ok(()) };
                f.write_str("/0x")?;
                words.iter().try_for_each(|word| write!(f, "{word:08x}"))
            }
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
            Extension::ZeroLimit(limit) => {
                write!(f, " {}", limit.words().next().unwrap_or_default())
            }
            Extension::PolicyFlag(flags) => {
                write!(f, " {}", flags.words().next().unwrap_or_default())
            }
            Extension::KernelFlag(flags) => {
                write!(f, " {}", flags.words().next().unwrap_or_default())
            }
        }
    }
}

/// `drop-time=5,dont-frag`.
fn write_settings(
    f: &mut Formatter<'_>,
    settings: &[(model::IpTfsSetting, Option<u64>)],
) -> Result {
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

impl Display for Algorithms {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let [encryption, authentication, compression, raw] = [
            ScriptOption::Encryption,
            ScriptOption::Authentication,
            ScriptOption::Compression,
            ScriptOption::RawCpi,
        ]
        .map(ScriptOption::word);
        match self {
            Algorithms::Crypt(crypt, None) => write!(f, "{encryption} {crypt}"),
            Algorithms::Crypt(crypt, Some(auth)) => {
                write!(f, "{encryption} {crypt} {authentication} {auth}")
            }
            Algorithms::Auth(auth) => write!(f, "{authentication} {auth}"),
            Algorithms::Comp { name, raw_cpi } => {
                write!(f, "{compression} {}", AlgorithmName(&name.value))?;
                if *raw_cpi { write!(f, " {raw}") } else { Ok(()) }
            }
        }
    }
}

impl Display for Algorithm {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        AlgorithmName(&self.name.value).fmt(f)?;
        self.key.iter().try_for_each(|key| write_key(f, &key.value))
    }
}

/// A word, or the kernel's name in quotes.
struct AlgorithmName<'a>(&'a str);

impl Display for AlgorithmName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let quote = if self.0.starts_with(model::Algorithm::KERNEL) { "\"" } else { "" };
        write!(f, "{quote}{}{quote}", self.0)
    }
}

/// A key in hexadecimal, which can say every key but the empty one.
fn write_key(f: &mut Formatter<'_>, key: &Key) -> Result {
    if key.bytes().is_empty() {
        return f.write_str(" \"\"");
    }
    f.write_str(" 0x")?;
    key.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl Display for Selection {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Selection::Packets(selector) => selector.fmt(f),
            Selection::Tagged(name) => {
                write!(f, " tagged \"{}\"", String::from_utf8_lossy(&name.value))
            }
        }
    }
}

impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        look_up(f, self.look_up)?;
        write!(f, " {} {} {}", self.src, self.dst, self.upper.value)?;
        self.misc.iter().try_for_each(|misc| write!(f, " {}", misc.value))?;
        self.context.iter().try_for_each(|context| write!(f, " {}", context.value))?;
        extensions(f, &self.extensions)
    }
}

impl Display for Range {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.address.value)?;
        self.prefix.iter().try_for_each(|prefix| write!(f, "/{}", prefix.value))?;
        self.port.iter().try_for_each(|port| write!(f, "[{}]", port.value))
    }
}

impl Display for Upper {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Upper::Any => f.write_str("any"),
            Upper::Tcp => f.write_str("tcp"),
            Upper::Esp => f.write_str("esp"),
            Upper::Number(number) => number.fmt(f),
            Upper::Name(name) => f.write_str(name),
        }
    }
}

impl Display for Policy {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.direction.value.word())?;
        self.priority.iter().try_for_each(|priority| write!(f, " prio {}", priority.value))?;
        self.action.iter().try_for_each(|action| write!(f, " {}", action.value.word()))?;
        self.templates.iter().try_for_each(|template| write!(f, " {}", template.value))
    }
}

impl Display for Priority {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (base, offset) = match *self {
            Priority::From { base, offset } => (base.map_or("", PriorityBase::word), offset),
            Priority::Number(number) => return write!(f, "number:{number}"),
        };
        f.write_str(base)?;
        match offset {
            None => Ok(()),
            Some(Offset { later: true, by }) => write!(f, " - {by}"),
            Some(Offset { later: false, by }) if base.is_empty() => by.fmt(f),
            Some(Offset { later: false, by }) => write!(f, " + {by}"),
        }
    }
}

impl Display for Template {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}/{}", self.proto.word(), self.mode.word())?;
        match (&self.ends, self.level) {
            (None, None) => Ok(()),
            (None, Some(level)) => write!(f, "//{level}"),
            (Some(ends), None) => write!(f, "/{}", ends.value),
            (Some(ends), Some(level)) => write!(f, "/{}/{level}", ends.value),
        }?;
        self.details.iter().try_for_each(|detail| write!(f, "/{}", detail.value))
    }
}

impl Display for Detail {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}:", self.word().word())?;
        match self {
            Detail::Number(DetailWord::ReqId, number) => number.fmt(f),
            Detail::Number(_, number) => write!(f, "{number:#x}"),
            Detail::Share(share) => share.fmt(f),
        }
    }
}

impl Display for Ends {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Ends::Addresses(src, dst) => write!(f, "{src}-{dst}"),
            Ends::MeAny => f.write_str("me-any"),
            Ends::AnyMe => f.write_str("any-me"),
        }
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.address.value)?;
        self.port.iter().try_for_each(|port| write!(f, "[{port}]"))
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(self.kind.word())?;
        self.number.iter().try_for_each(|number| write!(f, ":{number}"))
    }
}
