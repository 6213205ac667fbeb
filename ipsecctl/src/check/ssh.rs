//! The connection by which an administrator uses this host.

use std::net::SocketAddr;

/// A connection of ssh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SshConnection {
    /// This host's end.
    pub server: SocketAddr,
    /// The other end.
    pub client: SocketAddr,
}

impl SshConnection {
    /// The connection of the variable SSH_CONNECTION: address and port of the client and of the server.
    pub fn of_variable(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split_whitespace().collect();
        let [client, client_port, server, server_port] = words[..] else { return None };
        let end = |addr: &str, port: &str| {
            // A link-local address has its device behind it.
            let addr = addr.split('%').next()?.parse().ok()?;
            Some(SocketAddr::new(addr, port.parse().ok()?))
        };
        Some(Self { client: end(client, client_port)?, server: end(server, server_port)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_has_four_words() {
        let ssh = SshConnection::of_variable("fe80::1%eth0 50000 fe80::2%eth0 22").unwrap();
        assert_eq!(ssh.client.to_string(), "[fe80::1]:50000");
        assert_eq!(ssh.server.to_string(), "[fe80::2]:22");
        for wrong in ["", "192.0.2.1 1 192.0.2.2", "x 1 y 2", "192.0.2.1 1 192.0.2.2 65536"] {
            assert_eq!(SshConnection::of_variable(wrong), None);
        }
    }
}
