use std::fmt::{Display, Formatter, Result, Write};

use model::{
    Key, SaDirection,
    names::{Family, LookUp},
};

use crate::tree::{
    Action, Algorithm, Algorithms, Base, Command, Context, Endpoint, Ends, Extension, Flag,
    FragmentOption, Host, Level, MarkText, Mode, Node, Offset, Policy, Port, Priority, Range,
    Request, SaEnds, SaName, SaProto, Selection, Selector, Upper,
};

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let proto = |f: &mut Formatter<'_>, word: &str, proto: &Option<Node<SaProto>>| {
            f.write_str(word)?;
            proto.iter().try_for_each(|proto| write!(f, " {}", proto.value))
        };
        match self {
            Command::Add(name, algorithms) => write!(f, "add{name} {algorithms}"),
            Command::Update(name, algorithms) => write!(f, "update{name} {algorithms}"),
            Command::GetSpi(name) => write!(f, "getspi{name}"),
            Command::Get(name) => write!(f, "get{name}"),
            Command::Delete(name) => write!(f, "delete{name}"),
            Command::DeleteAll(ends) => write!(f, "deleteall{ends}"),
            Command::Flush(of) => proto(f, "flush", of),
            Command::Dump(of) => proto(f, "dump", of),
            Command::SpdAdd(what, policy) => write!(f, "spdadd{what} -P {}", policy.value),
            Command::SpdUpdate(what, policy) => write!(f, "spdupdate{what} -P {}", policy.value),
            Command::SpdDelete(what, policy) => write!(f, "spddelete{what} -P {}", policy.value),
            Command::SpdFlush => f.write_str("spdflush"),
            Command::SpdDump => f.write_str("spddump"),
            Command::Exit => f.write_str("exit"),
        }?;
        f.write_char(';')
    }
}

impl Display for SaName {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.ends, self.spi.value)?;
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
    match look_up.family {
        Some(Family::V4) => f.write_str(" -4")?,
        Some(Family::V6) => f.write_str(" -6")?,
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
        f.write_str(match self {
            SaProto::Esp => "esp",
            SaProto::EspOld => "esp-old",
            SaProto::Ah => "ah",
            SaProto::AhOld => "ah-old",
            SaProto::IpComp => "ipcomp",
            SaProto::Tcp => "tcp",
            SaProto::EspUdp(None) => "esp-udp",
            SaProto::EspUdp(Some(original)) => return write!(f, "esp-udp {}", original.value),
        })
    }
}

impl Display for Extension {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Extension::Flag(flag) => write!(f, "-f {flag}"),
            Extension::Mode(Some(mode)) => write!(f, "-m {mode}"),
            Extension::Mode(None) => f.write_str("-m any"),
            Extension::ReqId(number) => write!(f, "-u {number}"),
            Extension::Replay(packets) => write!(f, "-r {packets}"),
            Extension::HardTime(seconds) => write!(f, "-lh {seconds}"),
            Extension::SoftTime(seconds) => write!(f, "-ls {seconds}"),
            Extension::HardBytes(bytes) => write!(f, "-bh {bytes}"),
            Extension::SoftBytes(bytes) => write!(f, "-bs {bytes}"),
            Extension::Context(context) => context.fmt(f),
            Extension::HardUse(seconds) => write!(f, "-uh {seconds}"),
            Extension::SoftUse(seconds) => write!(f, "-us {seconds}"),
            Extension::HardPackets(packets) => write!(f, "-ph {packets}"),
            Extension::SoftPackets(packets) => write!(f, "-ps {packets}"),
            Extension::Fragment(FragmentOption::EspFrag, bytes) => write!(f, "-esp_frag {bytes}"),
            Extension::Fragment(FragmentOption::NattMtu, bytes) => write!(f, "-natt_mtu {bytes}"),
            Extension::Natt(ends) => write!(f, "-natt {} {}", ends.0, ends.1),
            Extension::Esn => f.write_str("-esn"),
            Extension::Mark(mark) => write!(f, "-mark {mark}"),
            Extension::OutMark(mark) => write!(f, "-outmark {mark}"),
            Extension::IfId(number) => write!(f, "-ifid {number}"),
            Extension::Direction(direction) => write!(f, "-dir {}", way(*direction)),
            Extension::Offload { device, direction, packet } => {
                let packet = if *packet { " packet" } else { "" };
                write!(f, "-offload {device} {}{packet}", way(*direction))
            }
            Extension::HardwareInterface(device) => write!(f, "-hwif {device}"),
            Extension::KeepAlive(Some(seconds)) => write!(f, "-keepalive {seconds}"),
            Extension::KeepAlive(None) => f.write_str("-nokeepalive"),
            Extension::KernelFlag(flags) => {
                write!(f, "-flag {}", flags.names().next().unwrap_or_default())
            }
        }
    }
}

fn way(direction: SaDirection) -> &'static str {
    match direction {
        SaDirection::In => "in",
        SaDirection::Out => "out",
    }
}

impl Display for MarkText {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{:#x}", self.value)?;
        self.mask.iter().try_for_each(|mask| write!(f, "/{mask:#x}"))
    }
}

impl Display for Flag {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Flag::ZeroPad => "zero-pad",
            Flag::RandomPad => "random-pad",
            Flag::SeqPad => "seq-pad",
            Flag::NoCyclicSeq => "nocyclic-seq",
        })
    }
}

impl Display for Mode {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Mode::Transport => "transport",
            Mode::Tunnel => "tunnel",
            Mode::Beet => "beet",
        })
    }
}

impl Display for Context {
    /// A label that is not UTF-8 cannot be shown as it is: `Display` is for text.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "-ctx {} {} \"{}\"", self.doi, self.alg, String::from_utf8_lossy(&self.label))
    }
}

impl Display for Algorithms {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Algorithms::Crypt(crypt, None) => write!(f, "-E {crypt}"),
            Algorithms::Crypt(crypt, Some(auth)) => write!(f, "-E {crypt} -A {auth}"),
            Algorithms::Auth(auth) => write!(f, "-A {auth}"),
            Algorithms::Comp { name, raw_cpi } => {
                write!(f, "-C {}{}", name.value, if *raw_cpi { " -R" } else { "" })
            }
        }
    }
}

impl Display for Algorithm {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.name.value)?;
        self.key.iter().try_for_each(|key| write_key(f, &key.value))
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
        f.write_str(self.direction.value.name())?;
        self.priority.iter().try_for_each(|priority| write!(f, " prio {}", priority.value))?;
        self.action.iter().try_for_each(|action| write!(f, " {}", action.value))?;
        self.requests.iter().try_for_each(|request| write!(f, " {}", request.value))
    }
}

impl Display for Priority {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let base = match self.base {
            Some(Base::Low) => "low",
            Some(Base::Def) => "def",
            Some(Base::High) => "high",
            None => "",
        };
        f.write_str(base)?;
        match self.offset {
            None => Ok(()),
            Some(Offset { later: true, by }) => write!(f, " - {by}"),
            Some(Offset { later: false, by }) if base.is_empty() => by.fmt(f),
            Some(Offset { later: false, by }) => write!(f, " + {by}"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Action::Discard => "discard",
            Action::None => "none",
            Action::Ipsec => "ipsec",
            Action::Bypass => "bypass",
            Action::Entrust => "entrust",
        })
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}/{}", self.proto.name(), self.mode)?;
        match (&self.ends, self.level) {
            (None, None) => Ok(()),
            (None, Some(level)) => write!(f, "//{level}"),
            (Some(ends), None) => write!(f, "/{}", ends.value),
            (Some(ends), Some(level)) => write!(f, "/{}/{level}", ends.value),
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
        match self {
            Level::Default => f.write_str("default"),
            Level::Use => f.write_str("use"),
            Level::Require => f.write_str("require"),
            Level::Unique(None) => f.write_str("unique"),
            Level::Unique(Some(number)) => write!(f, "unique:{number}"),
        }
    }
}
