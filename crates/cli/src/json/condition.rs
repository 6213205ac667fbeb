use schemars::JsonSchema;
use serde::Serialize;

/// What IPsec needs of the host, and whether it is there: `ipsecctl doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Condition")]
pub struct ConditionJson {
    /// `ok`; `advice`: it works, and would work better otherwise; `fault`: packets or statements fail, or are not
    /// protected; `unknown`: it was not looked at.
    pub status: &'static str,
    /// What it is about: `kernel`, `protocol`, `algorithm`, `option`, `module`, `sysctl`, `offload`, `security`,
    /// `af_key`, `caller`, `ipsecd`, `script`.
    pub subject: &'static str,
    /// What there is.
    pub what: String,
    /// What mends it: a command, a package, or a setting of the kernel's configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Of a script: the first statement that needs it, `FILE:LINE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}
