use std::{
    num::{NonZeroU32, NonZeroU64},
    ops::Not,
};

use model::{KeyText, Keyed, ReqId, SaEntry};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    AttributeJson, DroppedJson, Fingerprints, IpTfsJson, LifetimesJson, MarkJson, NatTJson,
    SecurityContextJson, SelectorJson, SequenceJson, keys::Keys, nonzero, sa_parts,
};

/// An SA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Sa")]
pub struct SaJson {
    /// Source address.
    pub src: String,
    /// Destination address.
    pub dst: String,
    /// `ah`, `esp` or `ipcomp`, or the name of another protocol.
    pub protocol: &'static str,
    /// SPI, or CPI for IPComp.
    pub spi: u32,
    /// The mode that is installed.
    pub mode: &'static str,
    /// Whether the script gave no mode.
    #[serde(skip_serializing_if = "Not::not")]
    pub is_mode_any: bool,
    /// The number by which templates find the SA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reqid: Option<u32>,
    /// Packets that may arrive late; 0 for no replay check.
    pub replay_window: u32,
    /// Whether it has extended sequence numbers (RFC 4303).
    #[serde(skip_serializing_if = "Not::not")]
    pub esn: bool,
    /// The words of its flags, as `-flag` of setkey has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// The cipher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<AlgorithmJson>,
    /// The authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AlgorithmJson>,
    /// Encryption and authentication in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aead: Option<AlgorithmJson>,
    /// The name of the compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// The limits, unless there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetimes: Option<LifetimesJson>,
    /// NAT traversal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_t: Option<NatTJson>,
    /// Seconds between keepalives of NAT traversal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_keepalive: Option<NonZeroU32>,
    /// The mark that packets must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<MarkJson>,
    /// The mark that packets get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_mark: Option<MarkJson>,
    /// The number of the xfrm interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_id: Option<NonZeroU32>,
    /// `in` or `out`, where the SA is fixed to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// The device that does the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offload: Option<OffloadJson>,
    /// The security context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContextJson>,
    /// The packets that it is for, unless it is for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorJson>,
    /// Bytes up to which packets of a tunnel are padded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tfc_padding: Option<NonZeroU32>,
    /// Seconds between reports of a new address or port of the peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mapping_interval: Option<NonZeroU32>,
    /// Care-of address of Mobile IPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub care_of: Option<String>,
    /// The CPU whose packets it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Settings of mode `iptfs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iptfs: Option<IpTfsJson>,
    /// Flags that have no word: bits of `XFRMA_SA_EXTRA_FLAGS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_flags: Option<NonZeroU32>,
    /// Words of the replay bitmap, where they are not those that the window needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_words: Option<u32>,
    /// Sequence numbers, unless none was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<SequenceJson>,
    /// Attributes that this version does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_attributes: Vec<AttributeJson>,
    /// What the kernel has of it besides, and no statement of a script expresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inexpressible: Vec<&'static str>,
    /// Packets that were dropped, unless none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<DroppedJson>,
    /// When a packet last used it, in Unix seconds, if the kernel reports that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<u64>,
    /// `larval`, `mature`, `dying` or `dead`.
    pub state: &'static str,
    /// Packets that it has transformed.
    pub packets: u64,
    /// Bytes that it has transformed.
    pub bytes: u64,
    /// When it was added, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// When it was first used, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_used: Option<u64>,
    /// The indexes of the policies that it serves; `ipsecctl show` sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<u32>>,
}

/// An algorithm with its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Algorithm")]
pub struct AlgorithmJson {
    /// The name in scripts.
    pub algorithm: &'static str,
    /// Length of the key in bits.
    pub key_bits: usize,
    /// Length of the integrity check value in bits; 0 for ciphers.
    pub icv_bits: u16,
    /// The same for SAs with the same key, within a scope of fingerprints; not set for an empty key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_fingerprint: Option<String>,
    /// The key in hexadecimal digits, with `--keys`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A network device that does the work of an SA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Offload")]
pub struct OffloadJson {
    /// The name of the device.
    pub device: String,
    /// `in` or `out`.
    pub direction: &'static str,
    /// Whether the device transforms whole packets.
    pub packet: bool,
}

impl SaJson {
    /// An SA of the SAD.
    #[must_use]
    pub fn new(entry: &SaEntry, keys: Keys, fingerprints: &Fingerprints) -> Self {
        let sa = &entry.sa;
        let keyed = |keyed: &Option<Keyed>| {
            keyed.as_ref().map(|keyed| algorithm(keyed, keys, fingerprints))
        };
        Self {
            src: sa.ends.src().to_string(),
            dst: sa.ends.dst().to_string(),
            protocol: sa.proto.word(),
            spi: sa.spi.0,
            mode: sa.mode.installed().word(),
            is_mode_any: sa.mode.is_any(),
            reqid: sa.reqid.map(ReqId::number),
            replay_window: sa.replay_window,
            esn: sa.esn,
            flags: sa.flags.words().collect(),
            encryption: keyed(&sa.crypt),
            authentication: keyed(&sa.auth),
            aead: keyed(&sa.aead),
            compression: sa.comp.map(|algorithm| algorithm.name),
            lifetimes: LifetimesJson::of(&sa.lifetimes),
            nat_t: sa.encap.map(Into::into),
            nat_keepalive: sa.nat_keepalive,
            mark: MarkJson::of(sa.mark),
            output_mark: MarkJson::of(sa.output_mark),
            if_id: sa.if_id,
            direction: sa.direction.map(model::SaDirection::word),
            offload: sa.offload.as_ref().map(|offload| OffloadJson {
                device: offload.device.to_string(),
                direction: offload.direction.word(),
                packet: offload.packet,
            }),
            security_context: sa.sec_ctx.as_ref().map(Into::into),
            selector: sa.selector.as_ref().map(Into::into),
            tfc_padding: sa.tfc_padding,
            mapping_interval: sa.mapping_interval,
            care_of: sa.care_of.map(|address| address.to_string()),
            cpu: sa.cpu,
            iptfs: IpTfsJson::of(&sa.iptfs),
            extra_flags: sa_parts::extra_flags(sa),
            replay_words: sa.replay_words,
            sequence: SequenceJson::of(sa),
            unknown_attributes: sa
                .unknown
                .iter()
                .map(|attribute| AttributeJson::new(attribute, keys))
                .collect(),
            inexpressible: sa.inexpressible.clone(),
            dropped: DroppedJson::of(entry.stats),
            last_used: entry.last_used.map(NonZeroU64::get),
            state: entry.state.word(),
            packets: entry.current.packets,
            bytes: entry.current.bytes,
            added: nonzero(entry.current.add_time),
            first_used: entry.current.use_time.map(NonZeroU64::get),
            policies: None,
        }
    }
}

fn algorithm(
    Keyed { algorithm, key, icv_bits }: &Keyed,
    keys: Keys,
    fingerprints: &Fingerprints,
) -> AlgorithmJson {
    AlgorithmJson {
        algorithm: algorithm.name,
        key_bits: key.bits(),
        icv_bits: *icv_bits,
        key_fingerprint: fingerprints.of(key),
        key: (keys == Keys::Shown).then(|| KeyText(key).to_string()),
    }
}
