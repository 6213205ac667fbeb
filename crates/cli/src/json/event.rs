use schemars::JsonSchema;
use serde::Serialize;

use super::{DifferenceJson, PolicyJson, SaJson, SelectorJson, change::differences_of};

/// Something that happened in the SAD or SPD. Keys are never in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub struct EventJson {
    /// When it was read: local time, as in RFC 3339, with microseconds.
    pub time: String,
    /// `new`, `updated`, `deleted`, `expired` and `flushed` of SAs and policies; `acquire`; `count`: counters of an SA
    /// have moved on; `mapping`; `migrate`; `report`; `lost`: events were dropped; `recovered`: the tables were
    /// read again after that; `netns`: the events of a network namespace are read from now on; `other`.
    pub event: &'static str,
    /// Another network namespace, of `ipsecctl monitor --all-netns`. `lost` has one whose tables cannot be read
    /// again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<NetnsJson>,
    /// The SA, without its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sa: Option<Box<SaJson>>,
    /// The policy, as the kernel has it; of `acquire` the one that requires an SA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<PolicyJson>>,
    /// What an update has changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<MemberJson>,
    /// Of `expired`: whether it was the hard limit, so that the entry is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hard: Option<bool>,
    /// `sad` or `spd`, of `flushed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<&'static str>,
    /// The protocol of SAs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<&'static str>,
    /// The source of an SA, or of the SA that is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
    /// The destination of an SA, or of the SA that is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dst: Option<String>,
    /// The SPI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi: Option<u32>,
    /// The reqid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reqid: Option<u32>,
    /// The packet of `acquire` and `report`, or the policy's selector of `migrate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorJson>,
    /// The address and port, or the endpoints, until now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The same from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Packets that the SA of `count` has transformed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u64>,
    /// The entries that were flushed, or that are there after `recovered` and `netns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Whether the event itself was lost: the change was seen when the tables were read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was_lost: Option<bool>,
    /// The number of the kernel's message, of `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u16>,
    /// The process that requested it, if the kernel reports one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<OriginJson>,
}

/// Another network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Netns")]
pub struct NetnsJson {
    /// Its number in this one.
    pub number: i32,
    /// Its name in `/run/netns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A member that has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Member")]
pub struct MemberJson {
    /// Its name, after those that it is in: `lifetimes.hard.bytes`.
    pub member: String,
    /// Its value before, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value after, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The process that requested a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Origin")]
pub struct OriginJson {
    /// The netlink port that the request gave.
    pub port: u32,
    /// The process that has a socket with this port, if it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
}

/// What differs between two states of an entry, but for what packets change.
#[must_use]
pub fn members_between<T: Serialize>(before: &T, after: &T) -> Vec<MemberJson> {
    let of_packets = ["packets", "bytes", "first_used", "last_used", "added"];
    let is_of_packets = |member: &str| {
        of_packets.contains(&member)
            || member.starts_with("sequence")
            || member.starts_with("dropped")
    };
    let differences = differences_of(Some(before), Some(after)).into_iter();
    let members = differences.map(|DifferenceJson { member, installed, requested }| MemberJson {
        member,
        before: installed,
        after: requested,
    });
    members.filter(|it| !is_of_packets(&it.member)).collect()
}
