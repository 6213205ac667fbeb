use schemars::JsonSchema;
use serde::Serialize;

use super::SaJson;

/// What came of `ipsecctl move`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Moved")]
pub struct MovedJson {
    /// The SA as it was.
    pub before: Box<SaJson>,
    /// The SA as it is.
    pub after: Box<SaJson>,
}
