use schemars::JsonSchema;
use serde::Serialize;

use super::SaNameJson;

/// Why packets do not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Diagnosis")]
pub struct DiagnosisJson {
    /// How long it was observed, in seconds.
    pub seconds: u32,
    /// Whether packets could be captured.
    pub captured: bool,
    /// Packets that SAs have sent meanwhile.
    pub sent: u64,
    /// Packets that SAs have received meanwhile.
    pub received: u64,
    /// The causes, likeliest first. None: nothing was found.
    pub causes: Vec<CauseJson>,
    /// What is no cause by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Why packets do not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Cause")]
pub struct CauseJson {
    /// A short word for the kind of cause, which does not change when its message does.
    pub code: &'static str,
    /// The cause.
    pub message: String,
    /// Whether packets were dropped meanwhile. Otherwise the tables show it.
    pub observed: bool,
    /// The packets that were dropped meanwhile.
    pub packets: u64,
    /// The counters of `/proc/net/xfrm_stat` that have risen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<CountedJson>,
    /// The index of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<u32>,
    /// The SA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sa: Option<SaNameJson>,
    /// The SPI that has no SA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi: Option<u32>,
    /// What mends it: statements of setkey(8), or a command.
    pub remedy: String,
}

/// The packets that a counter has counted meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Counted")]
pub struct CountedJson {
    /// The name of the counter.
    pub name: &'static str,
    /// The packets.
    pub packets: u64,
}
