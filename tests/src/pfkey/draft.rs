use std::net::{IpAddr, SocketAddr};

use model::Key;
use pfkey::{
    Extension, Message, MessageType,
    ext::{
        Address, AddressKind, End, Filter, IpsecRequest, KeyKind, KmAddress, Lifetime,
        LifetimeKind, Policy, Sa, Sa2, SecCtx, SpiRange,
    },
};

use super::Seen;

/// `sadb_msg_pid` of a draft that does not set another.
pub const PID: u32 = 4242;

/// The word before the bytes of a message that has no other form.
const EXACTLY: &str = "bytes";

const TYPES: [&str; 24] = [
    "getspi",
    "update",
    "add",
    "delete",
    "get",
    "acquire",
    "register",
    "expire",
    "flush",
    "dump",
    "promisc",
    "pchange",
    "spdupdate",
    "spdadd",
    "spddelete",
    "spdget",
    "spdacquire",
    "spddump",
    "spdflush",
    "spdsetidx",
    "spdexpire",
    "spddelete2",
    "mapping",
    "migrate",
];
const SATYPES: [(&str, u8); 8] = [
    ("any", 0),
    ("ah", 2),
    ("esp", 3),
    ("rsvp", 5),
    ("ospf", 6),
    ("rip", 7),
    ("mip", 8),
    ("ipcomp", 9),
];
const MODES: [&str; 4] = ["any", "transport", "tunnel", "beet"];
const LEVELS: [&str; 4] = ["default", "use", "require", "unique"];
const POLICY_TYPES: [&str; 5] = ["discard", "none", "ipsec", "entrust", "bypass"];
const DIRECTIONS: [&str; 4] = ["any", "in", "out", "fwd"];
const PROTOS: [(&str, u16); 3] = [("esp", 50), ("ah", 51), ("ipcomp", 108)];

/// A message to be sent, as a case words it: some of its numbers are only known when it is sent.
#[derive(Debug, Clone)]
pub struct Draft {
    words: Vec<String>,
    seq: u32,
}

impl Draft {
    /// Exactly these bytes.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { words: vec![EXACTLY.to_owned(), hex.concat()], seq: 0 }
    }

    /// Reads `TYPE SATYPE EXTENSION...`, or `bytes HEX`; `seq` is its number unless it has another.
    pub fn read(words: &str, seq: u32) -> Result<Self, String> {
        let words = words.split_whitespace().map(String::from).collect();
        let draft = Self { words, seq };
        draft.bytes(&Seen::default()).map(|_| draft)
    }

    /// The words.
    #[must_use]
    pub fn text(&self) -> String {
        self.words.join(" ")
    }

    /// The message, with the numbers that were seen until now.
    pub fn bytes(&self, seen: &Seen) -> Result<Vec<u8>, String> {
        let [msg_type, satype, extensions @ ..] = &self.words[..] else {
            return Err("TYPE SATYPE is missing".to_owned());
        };
        if msg_type == EXACTLY {
            return bytes_of(satype);
        }
        let msg_type =
            named(msg_type, TYPES.iter().zip(1..).map(|(name, number)| (*name, number)))?;
        let satype = named(satype, SATYPES.into_iter())?;
        let mut message = Message::new(MessageType(msg_type), satype).numbered(self.seq, PID);
        let mut patches = Vec::new();
        let mut tail = Vec::new();
        for word in extensions {
            match word.split_once('=') {
                Some(("seq", number)) => message.seq = seen.number(number)?,
                Some(("pid", number)) => message.pid = seen.number(number)?,
                Some(("errno", number)) => message.errno = parse(number)?,
                Some(("reserved", number)) => message.reserved = parse(number)?,
                Some((place @ ("version" | "len" | "cut"), number)) => {
                    patches.push((place, parse::<usize>(number)?));
                }
                Some(("tail", hex)) => tail = bytes_of(hex)?,
                _ => extension(word, seen, &mut message.extensions)?,
            }
        }
        let mut bytes = message.encode().map_err(|error| error.to_string())?.to_vec();
        bytes.extend(tail);
        for (place, number) in patches {
            let low = number.to_le_bytes();
            match place {
                "version" => bytes[0] = low[0],
                "len" => bytes[4..6].copy_from_slice(&low[..2]),
                _ => bytes.resize(number, 0),
            }
        }
        Ok(bytes)
    }
}

fn extension(word: &str, seen: &Seen, all: &mut Vec<Extension>) -> Result<(), String> {
    let (name, value) = word.split_once(':').ok_or(format!("no extension: {word}"))?;
    let fields = Fields { value, seen };
    all.push(match name {
        "sa" => Extension::Sa(Sa {
            spi: fields.number("spi")?,
            replay: fields.number("replay")?,
            state: fields.number("state")?,
            auth: fields.number("auth")?,
            encrypt: fields.number("encrypt")?,
            flags: fields.number("flags")?,
        }),
        "hard" => Extension::Lifetime(LifetimeKind::Hard, lifetime(&fields)?),
        "soft" => Extension::Lifetime(LifetimeKind::Soft, lifetime(&fields)?),
        "current" => Extension::Lifetime(LifetimeKind::Current, lifetime(&fields)?),
        "src" => Extension::Address(AddressKind::Src, address(&fields)?),
        "dst" => Extension::Address(AddressKind::Dst, address(&fields)?),
        "proxy" => Extension::Address(AddressKind::Proxy, address(&fields)?),
        "oa" => Extension::Address(AddressKind::NatOriginal, address(&fields)?),
        "akey" => Extension::Key(KeyKind::Auth, key(value, 0x40)?),
        "ekey" => Extension::Key(KeyKind::Encrypt, key(value, 0x00)?),
        "range" => {
            let (min, max) = pair(value)?;
            Extension::SpiRange(SpiRange { min: parse(min)?, max: parse(max)? })
        }
        "policy" => Extension::Policy(Policy {
            policy_type: fields.named("type", &POLICY_TYPES)?,
            dir: fields.named("dir", &DIRECTIONS)?,
            id: fields.number("id")?,
            priority: fields.number("prio")?,
            requests: Vec::new(),
        }),
        "rq" => {
            let Some(Extension::Policy(policy)) = all.last_mut() else {
                return Err("rq: behind no policy".to_owned());
            };
            policy.requests.push(request(&fields)?);
            return Ok(());
        }
        "sa2" => Extension::Sa2(Sa2 {
            mode: fields.named("mode", &MODES)?,
            reqid: fields.number("reqid")?,
            ..Sa2::default()
        }),
        "natt" => Extension::NatType(parse(value)?),
        "sport" => Extension::NatPort(End::Src, parse(value)?),
        "dport" => Extension::NatPort(End::Dst, parse(value)?),
        "ctx" => {
            let context = [value.as_bytes(), b"\0"].concat();
            Extension::SecCtx(SecCtx { alg: 1, doi: 1, context })
        }
        "km" => {
            let (local, remote) = pair(value)?;
            let (local, remote) = (sockaddr(local)?, sockaddr(remote)?);
            Extension::KmAddress(KmAddress { reserved: 0, local, remote })
        }
        "filter" => Extension::Filter(filter(value)?),
        "raw" => {
            let (number, hex) = value.split_once('=').ok_or("raw:TYPE=HEX")?;
            Extension::Unknown(parse(number)?, bytes_of(hex)?)
        }
        _ => return Err(format!("no extension: {name}")),
    });
    Ok(())
}

/// `FIELD=VALUE,...`, or words that stand for themselves.
struct Fields<'a> {
    value: &'a str,
    seen: &'a Seen,
}

impl<'a> Fields<'a> {
    fn find(&self, name: &str) -> Option<&'a str> {
        let fields = self.value.split(',').filter_map(|field| field.split_once('='));
        fields.into_iter().find(|field| field.0 == name).map(|field| field.1)
    }

    /// The words without `=`.
    fn words(&self) -> impl Iterator<Item = &'a str> {
        self.value.split(',').filter(|field| !field.contains('='))
    }

    /// The number of a field; 0 without it.
    fn number<N: TryFrom<u32>>(&self, name: &str) -> Result<N, String> {
        let number = self.find(name).map_or(Ok(0), |number| self.seen.number(number))?;
        number.try_into().map_err(|_| format!("{name} is too large: {number}"))
    }

    /// The number of a field that may be a word, its place in `names`.
    fn named<N: TryFrom<u32>>(&self, name: &str, names: &[&str]) -> Result<N, String> {
        let word = self.find(name).unwrap_or("0");
        let names = names.iter().zip(0_u32..).map(|(name, number)| (*name, number));
        named(word, names)?.try_into().map_err(|_| format!("{name} is too large: {word}"))
    }
}

/// The number of a word of a table, or that the word is.
fn named<'n, N: std::str::FromStr + Copy>(
    word: &str,
    mut names: impl Iterator<Item = (&'n str, N)>,
) -> Result<N, String> {
    match names.find(|name| name.0 == word) {
        Some((_, number)) => Ok(number),
        None => word.parse().map_err(|_| format!("unknown: {word}")),
    }
}

/// A number, decimal or behind `0x`.
pub(super) fn parse<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    let number = number.map_err(|_| format!("no number: {text}"))?;
    number.try_into().map_err(|_| format!("too large: {text}"))
}

fn lifetime(fields: &Fields<'_>) -> Result<Lifetime, String> {
    Ok(Lifetime {
        allocations: fields.number("packets")?,
        bytes: fields.number::<u32>("bytes")?.into(),
        add_time: fields.number::<u32>("add")?.into(),
        use_time: fields.number::<u32>("use")?.into(),
    })
}

/// `ADDRESS[/PREFIX][,proto=N][,port=N]`.
fn address(fields: &Fields<'_>) -> Result<Address, String> {
    let text = fields.words().next().ok_or("no address")?;
    let (ip, prefix) = prefix(text)?;
    let proto = if fields.find("proto").is_some() { fields.number("proto")? } else { 255 };
    let sockaddr = SocketAddr::new(ip, fields.number("port")?);
    Ok(Address { proto, prefix_len: prefix, sockaddr })
}

fn prefix(text: &str) -> Result<(IpAddr, u8), String> {
    let (ip, length) = text.split_once('/').unwrap_or((text, ""));
    let ip: IpAddr = ip.parse().map_err(|_| format!("no address: {ip}"))?;
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    Ok((ip, if length.is_empty() { whole } else { parse(length)? }))
}

fn sockaddr(text: &str) -> Result<SocketAddr, String> {
    Ok(SocketAddr::new(prefix(text)?.0, 0))
}

/// `ONE-OTHER`.
fn pair(text: &str) -> Result<(&str, &str), String> {
    text.split_once('-').ok_or(format!("no pair: {text}"))
}

/// A key of this many bytes, each one more than the one before.
fn key(length: &str, first: u8) -> Result<Key, String> {
    let length: u8 = parse(length)?;
    Ok(Key::new((0..length).map(|at| first.wrapping_add(at)).collect()))
}

/// `PROTO,MODE,LEVEL[,reqid=N][,SRC-DST]`.
fn request(fields: &Fields<'_>) -> Result<IpsecRequest, String> {
    let words: Vec<_> = fields.words().collect();
    let [proto, mode, level, ends @ ..] = &words[..] else {
        return Err("rq:PROTO,MODE,LEVEL".to_owned());
    };
    let place = |names: &[&'static str]| -> Vec<_> {
        names.iter().zip(0_u8..).map(|(name, number)| (*name, number)).collect()
    };
    let ends = ends.first().map(|ends| pair(ends)).transpose()?;
    let ends = ends.map(|(src, dst)| Ok::<_, String>((sockaddr(src)?, sockaddr(dst)?)));
    Ok(IpsecRequest {
        proto: named(proto, PROTOS.into_iter())?,
        mode: named(mode, place(&MODES).into_iter())?,
        level: named(level, place(&LEVELS).into_iter())?,
        reqid: fields.number("reqid")?,
        ends: ends.transpose()?,
    })
}

/// `SRC/BITS-DST/BITS`.
fn filter(value: &str) -> Result<Filter, String> {
    let (src, dst) = pair(value)?;
    let ((src, src_prefix_len), (dst, dst_prefix_len)) = (prefix(src)?, prefix(dst)?);
    let bytes = |ip| match ip {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
        IpAddr::V6(ip) => ip.octets(),
    };
    let family = if src.is_ipv4() { 2 } else { 10 };
    Ok(Filter { src: bytes(src), dst: bytes(dst), family, src_prefix_len, dst_prefix_len })
}

fn bytes_of(hex: &str) -> Result<Vec<u8>, String> {
    let byte = |at: usize| hex.get(at..at + 2).and_then(|it| u8::from_str_radix(it, 16).ok());
    let bytes = (0..hex.len()).step_by(2).map(|at| byte(at).ok_or(format!("no bytes: {hex}")));
    bytes.collect()
}
