use std::{num::NonZeroU32, ops::Not};

use model::SaEntry;
use schemars::JsonSchema;
use serde::Serialize;

use super::{MarkJson, PolicyJson, TemplateJson};

/// What becomes of a packet, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
pub struct ExplanationJson {
    /// `in`, `out` or `fwd`.
    pub direction: &'static str,
    /// `clear`: it passes as it is. `protected`: it passes by SAs. `dropped`. `unknown`: that is not known.
    pub verdict: &'static str,
    /// Why it is dropped, in one or two words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The counters of `/proc/net/xfrm_stat` that it raises.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<&'static str>,
    /// The first line of the text.
    pub message: String,
    /// The fields of the packet that were not given and decide.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_fields: Vec<&'static str>,
    /// The packet that policies are looked up for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<PacketJson>,
    /// Whether the captured packet is for another host, so that it is looked up as it is and none of its headers is undone.
    #[serde(skip_serializing_if = "Not::not")]
    pub for_another_host: bool,
    /// The captured packet is a `first` or a `later` fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment: Option<&'static str>,
    /// The packet inside of the headers of the captured one is a `first` or a `later` fragment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fragment_inside: Option<&'static str>,
    /// The packet that was captured, if it is another one than was given; with `for_another_host` the one that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_packet: Option<PacketJson>,
    /// Its route, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteJson>,
    /// The protected packet, if the vti device that it is for drops it before its SAs are undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outer: Option<PacketJson>,
    /// The headers that it arrives with, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<ReceivedHeaderJson>,
    /// The check of its policy, for `in` and `fwd`; of a packet that is dropped in UDP, that of the UDP packet, and
    /// with `outer` that of the protected packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<ExplainedPolicyJson>,
    /// The policy that it leaves by, for `out` and `fwd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<ExplainedPolicyJson>,
    /// The packet as it leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<WireJson>,
    /// What of its way is not followed, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_followed: Vec<String>,
    /// What would mend it, where that is obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Packet")]
pub struct PacketJson {
    /// The source.
    pub src: String,
    /// The destination.
    pub dst: String,
    /// The number of the upper-layer protocol, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// The source port, or what stands in for it, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src_port: Option<u16>,
    /// The destination port, or what stands in for it, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst_port: Option<u16>,
    /// The firewall mark.
    pub mark: u32,
    /// The number of the xfrm interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub if_id: Option<NonZeroU32>,
    /// The network device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// The route of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Route")]
pub struct RouteJson {
    /// The network device that it arrives at: if none was given, that of the route back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrives_by: Option<String>,
    /// The network device of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The next router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The most bytes of a packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Why there is none: the policies are looked up as if there were one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What names an SA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SaName")]
pub struct SaNameJson {
    /// `ah`, `esp` or `ipcomp`, or the name of another protocol.
    pub protocol: &'static str,
    /// The SPI or CPI.
    pub spi: u32,
    /// The source.
    pub src: String,
    /// The destination.
    pub dst: String,
    /// The mark, which is part of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<MarkJson>,
}

/// A header of AH, ESP or IPComp of a received packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ReceivedHeader")]
pub struct ReceivedHeaderJson {
    /// The SPI or CPI.
    pub spi: u32,
    /// The sequence number, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u32>,
    /// Of captured AH and ESP: whether its integrity check value is that of the SA's key (`right`, `wrong`), or would be with
    /// another length (`other-length`), with extended sequence numbers where the SA has none, or without (`other-esn`), with
    /// another upper half of the extended sequence number than the kernel infers (`other-sequence`), or, of AH, with the source
    /// of the SA (`other-source`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<&'static str>,
    /// Of captured ESP that the SA has decrypted: whether a packet is inside (`right`), none (`wrong`), or, by its next header,
    /// nothing (`dummy`); or neither padding nor header shows it (`unknown`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decryption: Option<&'static str>,
    /// The number of the protocol of what is inside, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_header: Option<u8>,
    /// The SA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sa: Option<SaNameJson>,
    /// SAs of this SPI of another protocol, destination or mark, or between the same ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<SaNameJson>,
}

/// A look-up of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedPolicy")]
pub struct ExplainedPolicyJson {
    /// Whether none is looked up, since the device has `disable_xfrm` or `disable_policy`.
    #[serde(skip_serializing_if = "Not::not")]
    pub exempt: bool,
    /// The policy as it is installed; none: no policy matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyJson>,
    /// Its templates as they were requested, if it is partial.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requested: Vec<TemplateJson>,
    /// Whether no policy matches and a catch-all of the variable `def_policy` discards.
    #[serde(skip_serializing_if = "Not::not")]
    pub def_policy: bool,
    /// The indexes of policies that match too and come later, in their order; the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<u32>,
    /// The index of a policy of the same priority that may come first instead: the kernel does not show their order, since
    /// a policy was replaced, or its index chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rival: Option<u32>,
    /// Policies that do not match because of one field, nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<NearPolicyJson>,
    /// What becomes of its templates, in the order in which they are looked at, up to the one that fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<ExplainedTemplateJson>,
    /// The templates that a partial policy was requested with, and that are not installed, since no SA serves them: a packet
    /// that leaves passes without them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_installed: Vec<ExplainedTemplateJson>,
}

/// A policy that does not match because of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "NearPolicy")]
pub struct NearPolicyJson {
    /// The policy's index.
    pub index: u32,
    /// The field that differs.
    pub field: &'static str,
}

/// A template and its SA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedTemplate")]
pub struct ExplainedTemplateJson {
    /// The template.
    pub template: TemplateJson,
    /// Whether packets may pass without it.
    pub optional: bool,
    /// The SA that serves it, or that is found and not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sa: Option<SaNameJson>,
    /// SAs that do not serve it because of one field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<NearSaJson>,
    /// An SA that does not serve it because of two fields, if none is nearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distant: Option<DistantSaJson>,
    /// The larval SA of an ACQUIRE that no program has answered yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub larval: Option<SaNameJson>,
}

/// An SA that does not serve because of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "NearSa")]
pub struct NearSaJson {
    /// The SA.
    pub sa: SaNameJson,
    /// The field that differs, or `state`; `order`: the headers are in another order than the templates.
    pub field: &'static str,
}

/// An SA that does not serve because of two fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "DistantSa")]
pub struct DistantSaJson {
    /// The SA.
    pub sa: SaNameJson,
    /// The fields that differ.
    pub fields: [&'static str; 2],
}

/// A packet on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Wire")]
pub struct WireJson {
    /// The headers, outermost first, down to the packet's own.
    pub headers: Vec<String>,
    /// The network device that they leave by, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The next router.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The least bytes that are added, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_overhead: Option<usize>,
    /// The most bytes that are added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_overhead: Option<usize>,
    /// The bytes of the packet on the wire, if its length was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// The bytes of the longest packet, before it is transformed, for the MTU of the link and of the packet's own route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<usize>,
}

impl From<&SaEntry> for SaNameJson {
    fn from(SaEntry { sa, .. }: &SaEntry) -> Self {
        Self {
            protocol: sa.proto.word(),
            spi: sa.spi.0,
            src: sa.ends.src().to_string(),
            dst: sa.ends.dst().to_string(),
            mark: MarkJson::of(sa.mark),
        }
    }
}
