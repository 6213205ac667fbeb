use model::Counter;
use schemars::JsonSchema;
use serde::Serialize;

/// A counter of packets that XFRM has dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Counter")]
pub struct CounterJson {
    /// The kernel's name for it, a line of `/proc/net/xfrm_stat`.
    pub name: String,
    /// Packets since the network namespace was made.
    pub packets: u64,
    /// Packets since the earlier values were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
    /// Of which packets: `in`, which may be forwarded ones, `out` or `fwd`. Not known, as the members
    /// below, of a counter of a newer kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// What has happened to each of the packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<&'static str>,
    /// What mostly causes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
}

impl CounterJson {
    /// A counter of this name, which may be one that a newer kernel has.
    #[must_use]
    pub fn new(name: &str, packets: u64, change: Option<u64>) -> Self {
        let known = name.parse::<Counter>().ok();
        Self {
            name: name.to_owned(),
            packets,
            change,
            direction: known.map(|counter| counter.direction().word()),
            meaning: known.map(Counter::meaning),
            cause: known.map(Counter::cause),
            remedy: known.map(Counter::remedy),
        }
    }
}
