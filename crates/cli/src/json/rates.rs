use schemars::JsonSchema;
use serde::Serialize;

/// What SAs and policies have done in an interval: `ipsecctl top`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Rates")]
pub struct RatesJson {
    /// The end of the interval (RFC 3339).
    pub time: String,
    /// The length of the interval.
    pub milliseconds: u64,
    /// Of all SAs that are listed.
    pub bytes_per_second: u64,
    /// The SAs.
    pub sas: Vec<RateJson>,
    /// The policies.
    pub policies: Vec<RateJson>,
}

/// What an SA or policy has done in an interval. The kernel counts packets of SAs: a policy has the numbers of the
/// SAs that serve its first template, which may serve other policies, too. An `in` or `fwd` policy without offload that
/// no packet has passed in the interval has 0 bytes and packets a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Rate")]
pub struct RateJson {
    /// The protocol, SPI and addresses, or the direction and selector.
    pub name: String,
    /// Of an SA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spi: Option<u32>,
    /// Of a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Bytes that were transformed.
    pub bytes_per_second: u64,
    /// Packets that were transformed.
    pub packets_per_second: u64,
    /// Packets that the SAs have dropped since they were added.
    pub dropped: u64,
    /// The hard limit that is nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitJson>,
    /// Of a policy: the number of these SAs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sas: Option<usize>,
}

/// A hard limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Limit")]
pub struct LimitJson {
    /// `bytes`, `packets` or `time`.
    pub of: &'static str,
    /// How much of it was used, from 0 to 100.
    pub percent: u8,
}
