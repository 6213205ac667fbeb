use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A client of the PF_KEY service, as ipsecd reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Client")]
pub struct ClientJson {
    /// Process ID at the time of connection.
    pub pid: u32,
    /// Name of the program at the time of connection.
    pub program: String,
    /// User at the time of connection.
    pub uid: u32,
    /// The SA types for which the client is registered.
    pub registered: Vec<String>,
    /// Whether it gets all messages (`SADB_X_PROMISC`).
    pub promiscuous: bool,
    /// Bytes that are queued for it.
    pub queued_bytes: u64,
    /// Messages that were dropped because it read too slowly.
    pub lost_messages: u64,
}
