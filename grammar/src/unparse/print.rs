//! Statements as text.

use std::fmt::{Display, Formatter, Result, Write};

use model::{IpVersion, Key, KeyText, PolicyType, ScriptOption, names::LookUp};

use crate::tree::{
    Algorithm, Algorithms, Command, Extension, Host, Node, Port, Range, SaEnds, SaName, SaProto,
    Selection, Selector, StatementWord, Upper,
};

impl Command {
    pub(crate) fn word(&self) -> StatementWord {
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
pub(super) fn write_key(f: &mut Formatter<'_>, key: &Key) -> Result {
    if key.bytes().is_empty() {
        return f.write_str(" \"\"");
    }
    write!(f, " {}", KeyText(key))
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
