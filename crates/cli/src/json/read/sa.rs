//! SAs.

use std::{
    net::IpAddr,
    num::{NonZeroU16, NonZeroU32},
};

use model::{
    AddressPair, Algorithm, AlgorithmKind, Attribute, Current, DeviceName, Encap, EncapKind, IpTfs,
    Key, Keyed, Mode, Offload, Proto, ReplayState, ReqId, Sa, SaDirection, SaEntry, SaFlags,
    SaMode, SaState, Spi,
};
use serde::Deserialize;

use super::{
    ReadKeys,
    values::{ReadContext, ReadLifetimes, ReadMark, ReadSelector, Secret, Text},
};

#[derive(Deserialize)]
pub struct ReadSa {
    src: IpAddr,
    dst: IpAddr,
    protocol: Text<Proto>,
    spi: u32,
    mode: Text<Mode>,
    #[serde(default)]
    is_mode_any: bool,
    reqid: Option<u32>,
    replay_window: u32,
    #[serde(default)]
    esn: bool,
    #[serde(default)]
    flags: Vec<Text<SaFlags>>,
    encryption: Option<ReadAlgorithm>,
    authentication: Option<ReadAlgorithm>,
    aead: Option<ReadAlgorithm>,
    compression: Option<String>,
    lifetimes: Option<ReadLifetimes>,
    nat_t: Option<ReadNatT>,
    nat_keepalive: Option<NonZeroU32>,
    mark: Option<ReadMark>,
    output_mark: Option<ReadMark>,
    if_id: Option<NonZeroU32>,
    direction: Option<Text<SaDirection>>,
    offload: Option<ReadOffload>,
    security_context: Option<ReadContext>,
    selector: Option<ReadSelector>,
    tfc_padding: Option<NonZeroU32>,
    mapping_interval: Option<NonZeroU32>,
    care_of: Option<IpAddr>,
    cpu: Option<u32>,
    #[serde(default)]
    iptfs: ReadIpTfs,
    extra_flags: Option<NonZeroU32>,
    replay_words: Option<u32>,
    sequence: Option<ReadSequence>,
    #[serde(default)]
    unknown_attributes: Vec<ReadAttribute>,
    #[serde(default)]
    inexpressible: Vec<String>,
    state: Text<SaState>,
    packets: u64,
    bytes: u64,
}

#[derive(Deserialize)]
struct ReadAlgorithm {
    algorithm: String,
    #[serde(default)]
    key_bits: usize,
    #[serde(default)]
    icv_bits: u16,
    key: Option<Text<Secret>>,
}

#[derive(Deserialize)]
struct ReadNatT {
    src_port: u16,
    dst_port: u16,
    encapsulation: Option<Text<EncapKind>>,
    original_address: Option<IpAddr>,
}

#[derive(Deserialize)]
struct ReadOffload {
    device: Text<DeviceName>,
    direction: Text<SaDirection>,
    packet: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ReadIpTfs {
    drop_time: Option<u32>,
    reorder_window: Option<u16>,
    init_delay: Option<u32>,
    max_queue: Option<u32>,
    packet_size: Option<u32>,
    dont_fragment: bool,
}

#[derive(Deserialize)]
struct ReadSequence {
    sent: u64,
    received: u64,
    bitmap: Option<String>,
}

#[derive(Deserialize)]
struct ReadAttribute {
    number: u16,
    value: Option<Text<Secret>>,
}

impl ReadSa {
    /// The SA. Errors: what cannot be.
    pub fn entry(self, keys: ReadKeys) -> Result<SaEntry, String> {
        let ends = AddressPair::new(self.src, self.dst).map_err(|error| error.to_string())?;
        let mode = self.mode.0;
        let flags = self.flags.iter().fold(SaFlags::default(), |all, flag| all | flag.0);
        let extra = flags.extra_bits() | self.extra_flags.map_or(0, NonZeroU32::get);
        let keyed = |kind, name, algorithm: Option<ReadAlgorithm>| {
            algorithm.map(|algorithm| algorithm.keyed(kind, name, keys)).transpose()
        };
        let sa = Sa {
            mode: if self.is_mode_any { SaMode::Any { installed: mode } } else { mode.into() },
            reqid: self.reqid.and_then(ReqId::new),
            selector: self.selector.map(ReadSelector::selector).transpose()?,
            replay_window: self.replay_window,
            replay_words: self.replay_words,
            replay_state: self.sequence.map(ReadSequence::state).transpose()?.unwrap_or_default(),
            flags: SaFlags::from_xfrm(flags.state_bits(), extra),
            auth: keyed(AlgorithmKind::Auth, "authentication", self.authentication)?,
            crypt: keyed(AlgorithmKind::Crypt, "encryption", self.encryption)?,
            aead: keyed(AlgorithmKind::Aead, "aead", self.aead)?,
            comp: self.compression.map(|name| named(AlgorithmKind::Comp, &name)).transpose()?,
            lifetimes: self.lifetimes.unwrap_or_default().lifetimes(),
            tfc_padding: self.tfc_padding,
            encap: self.nat_t.map(Into::into),
            sec_ctx: self.security_context.map(Into::into),
            esn: self.esn,
            mark: ReadMark::mark(self.mark),
            output_mark: ReadMark::mark(self.output_mark),
            if_id: self.if_id,
            direction: self.direction.map(|it| it.0),
            mapping_interval: self.mapping_interval,
            care_of: self.care_of,
            cpu: self.cpu,
            iptfs: self.iptfs.into(),
            nat_keepalive: self.nat_keepalive,
            offload: self.offload.map(Into::into),
            unknown: self
                .unknown_attributes
                .into_iter()
                .map(|attribute| attribute.attribute(keys))
                .collect::<Result<_, _>>()?,
            inexpressible: self
                .inexpressible
                .iter()
                .map(|what| known(what))
                .collect::<Result<_, _>>()?,
            ..Sa::bare(ends, self.protocol.0, Spi(self.spi))
        };
        let current = Current { packets: self.packets, bytes: self.bytes, ..Current::default() };
        Ok(SaEntry::new(sa, self.state.0, current))
    }
}

/// One of the things that no statement expresses.
fn known(what: &str) -> Result<&'static str, String> {
    let found = Sa::INEXPRESSIBLE.into_iter().find(|known| *known == what);
    found.ok_or_else(|| format!("inexpressible: unknown: {}", model::Visible(what)))
}

/// A key that is not there.
fn missing(what: &str, keys: ReadKeys) -> Result<Key, String> {
    match keys {
        ReadKeys::Optional => Ok(Key::default()),
        ReadKeys::Required => {
            Err(format!("{what} has no key: `ipsecctl show sas --json --keys` prints them"))
        }
    }
}

/// The algorithm of a word of scripts.
fn named(kind: AlgorithmKind, name: &str) -> Result<&'static Algorithm, String> {
    let of_kernel = || {
        let name = name.strip_prefix(Algorithm::KERNEL)?;
        Algorithm::is_kernel_name(name).then(|| Algorithm::of_kernel(kind, name)).flatten()
    };
    let found = Algorithm::by_name(kind, name).or_else(of_kernel);
    found.ok_or_else(|| format!("no algorithm `{}`", model::Visible(name)))
}

impl ReadAlgorithm {
    fn keyed(self, kind: AlgorithmKind, what: &str, keys: ReadKeys) -> Result<Keyed, String> {
        let algorithm = named(kind, &self.algorithm)?;
        let key = match self.key {
            Some(Text(Secret(key))) => key,
            None if self.key_bits == 0 => Key::default(),
            None => missing(what, keys)?,
        };
        Ok(Keyed { algorithm, key, icv_bits: self.icv_bits })
    }
}

impl ReadSequence {
    fn state(self) -> Result<ReplayState, String> {
        let digits = self.bitmap.unwrap_or_default();
        let words = digits.as_bytes().chunks(8).map(|word| {
            let word = str::from_utf8(word).ok().filter(|word| word.len() == 8);
            word.and_then(|word| u32::from_str_radix(word, 16).ok())
        });
        let bitmap = words.collect::<Option<Vec<_>>>();
        let bitmap = bitmap.ok_or("sequence.bitmap: expected words of eight hexadecimal digits")?;
        Ok(ReplayState { received: self.received, sent: self.sent, bitmap })
    }
}

impl ReadAttribute {
    fn attribute(self, keys: ReadKeys) -> Result<Attribute, String> {
        let value = match self.value {
            Some(Text(Secret(value))) => value,
            None => missing("unknown_attributes", keys)?,
        };
        Ok(Attribute { number: self.number, value })
    }
}

impl From<ReadNatT> for Encap {
    fn from(it: ReadNatT) -> Self {
        Encap {
            kind: it.encapsulation.map_or(EncapKind::EspInUdp, |kind| kind.0),
            src_port: NonZeroU16::new(it.src_port),
            dst_port: NonZeroU16::new(it.dst_port),
            original: it.original_address,
        }
    }
}

impl From<ReadOffload> for Offload {
    fn from(it: ReadOffload) -> Self {
        Offload { device: it.device.0, direction: it.direction.0, packet: it.packet }
    }
}

impl From<ReadIpTfs> for IpTfs {
    fn from(it: ReadIpTfs) -> Self {
        let ReadIpTfs {
            drop_time,
            reorder_window,
            init_delay,
            max_queue,
            packet_size,
            dont_fragment,
        } = it;
        IpTfs { drop_time, reorder_window, init_delay, max_queue, packet_size, dont_fragment }
    }
}
