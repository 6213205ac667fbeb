use std::{fmt, net::SocketAddr, str::FromStr};

/// Where metrics are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// A TCP port of a loopback address.
    Tcp(SocketAddr),
    /// `metrics.sock` in the directory of the network namespace.
    Unix,
}

/// What the text of an address may be.
const EXPECTED: &str = "expected 127.0.0.1:PORT, [::1]:PORT or unix";

/// Why another host's address is not taken.
pub(super) const OPEN_TO_OTHERS: &str =
    "metrics are served without a password: an address of the loopback is needed";

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == Self::Unix.to_string() {
            return Ok(Self::Unix);
        }
        let address: SocketAddr = text.parse().map_err(|_| format!("`{text}`: {EXPECTED}"))?;
        if !address.ip().is_loopback() {
            return Err(format!("`{text}`: {OPEN_TO_OTHERS}"));
        }
        if address.port() == 0 {
            return Err(format!("`{text}`: port 0 is none that a client knows"));
        }
        Ok(Self::Tcp(address))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_served() {
        for text in ["127.0.0.1:9754", "127.1.2.3:1", "[::1]:9754", "unix"] {
            assert_eq!(text.parse::<Address>().map(|it| it.to_string()), Ok(text.to_owned()));
        }
        for text in ["0.0.0.0:9754", "[::]:9754", "192.0.2.1:9754", "[::ffff:127.0.0.1]:9754"] {
            let expected = format!("`{text}`: {OPEN_TO_OTHERS}");
            assert_eq!(text.parse::<Address>(), Err(expected));
        }
        for text in ["9754", "localhost:9754", "127.0.0.1", "/run/metrics", ""] {
            assert_eq!(text.parse::<Address>(), Err(format!("`{text}`: {EXPECTED}")));
        }
        assert!("127.0.0.1:0".parse::<Address>().is_err());
    }
}
