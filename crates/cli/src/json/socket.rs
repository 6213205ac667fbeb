use schemars::JsonSchema;
use serde::Serialize;

/// The sockets that have policies of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Sockets")]
pub struct SocketsJson {
    /// Descriptors of sockets with policies, by process; a socket may have several.
    pub descriptors: Vec<DescriptorJson>,
    /// Policies of sockets that no visible process has, or whose listener is closed.
    pub without_socket: usize,
    /// Policies that xfrm-tools has not set: their sockets are unknown.
    pub of_other_programs: usize,
}

/// A descriptor of a socket, and the policies of the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Descriptor")]
pub struct DescriptorJson {
    /// Process ID.
    pub pid: i32,
    /// Name of the program.
    pub program: String,
    /// Number of the descriptor.
    pub fd: i32,
    /// `tcp`, `udp`, `ping`, `raw` and the number of the protocol, or this number.
    pub protocol: String,
    /// Its own address and port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The address and port that it is connected to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Its policies, and their copies in the sockets that it has accepted.
    pub policies: Vec<SocketPolicyJson>,
}

/// A policy of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SocketPolicy")]
pub struct SocketPolicyJson {
    /// The policy, as `ipsecctl socket set` takes it.
    pub policy: String,
    /// What the policy has and this text does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// How many sockets have it: this one and those that it has accepted.
    pub sockets: usize,
}
