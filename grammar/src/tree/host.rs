use super::Node;

/// `ADDRESS` or `ADDRESS[PORT]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Address or host name.
    pub address: Node<String>,
    /// Port, for `esp-udp`; never in `deleteall`.
    pub port: Option<Node<Port>>,
}

/// What is between `[` and `]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Port {
    /// `any`.
    Any,
    /// A number.
    Number(u64),
    /// The name of a service.
    Service(String),
}
