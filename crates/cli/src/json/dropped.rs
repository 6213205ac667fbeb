use schemars::JsonSchema;
use serde::Serialize;

use super::{PacketJson, PolicyJson, SaJson, SaNameJson};

/// Packets that were dropped, and the policies and SAs that did it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(rename = "Drop")]
pub struct DropJson {
    /// When: local time, as in RFC 3339, with microseconds.
    pub time: String,
    /// `packet`: the kernel's drop monitor has reported one. `counted`: a counter was raised, and no packet was
    /// reported. `omitted`: more than are printed in a second. `lost`: the kernel has not reported them.
    pub kind: &'static str,
    /// How many packets.
    pub packets: u64,
    /// The kernel's drop reason, of `packet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The place in the kernel, as `function+offset/size`, of `packet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// The network device that it was received by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The bytes of the packet with its IP header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
    /// `in`, `out` or `fwd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// The packet that policies are looked up for, or the one that protects it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<PacketJson>,
    /// The SPIs of its headers of AH, ESP and IPComp, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spis: Vec<u32>,
    /// The counters of `/proc/net/xfrm_stat` that it has raised.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<String>,
    /// The policies that it is of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyJson>,
    /// The SAs that it is of, without their keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sas: Vec<SaJson>,
    /// SAs that nearly serve, or that were there shortly before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<SaNameJson>,
    /// Why it was dropped, in a sentence or two.
    pub message: String,
    /// What would mend it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}
