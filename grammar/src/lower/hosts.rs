use std::net::IpAddr;

use model::{
    Upper,
    names::{LookUp, Transport},
};

use super::{Lowering, range::NumberRange};
use crate::{
    error::{Error, Fault, SERVNAME},
    parse::lexer::token_at,
    tree::{Host, Node, Port, Span},
};

/// A host looked up.
pub(super) struct End {
    pub addresses: Vec<IpAddr>,
    pub port: u16,
}

/// Hosts and ports, looked up.
impl Lowering<'_> {
    /// A host that may have a port. Without one, the original's parser has had to look at the next
    /// token to know.
    pub(super) fn host(&self, host: &Host, look_up: LookUp) -> Result<End, Error> {
        let (address, port) = (&host.address, host.port.as_ref());
        let error = |kind, wrong| match port {
            Some(port) => {
                let close = Span { start: port.span.end - 1, end: port.span.end };
                Error::new(kind, self.source, wrong, close)
            }
            None => {
                Error::new(kind, self.source, wrong, token_at(self.source, address.span.end).named)
            }
        };
        let number = match port {
            // ESP in UDP.
            Some(port) => {
                self.port(&port.value, Upper::UDP).map_err(|kind| error(kind, port.span))?
            }
            None => 0,
        };
        let addresses = self.addresses(address, look_up);
        let addresses = addresses.map_err(|kind| error(kind, address.span))?;
        Ok(End { addresses, port: number })
    }

    pub(super) fn addresses(
        &self,
        host: &Node<String>,
        look_up: LookUp,
    ) -> Result<Vec<IpAddr>, Fault> {
        let found = self.names.addresses(&host.value, look_up);
        found.map_err(|error| Fault::Host {
            host: host.value.clone(),
            numeric: look_up.numeric,
            reason: error.0,
        })
    }

    /// The address of a name where the original refuses several.
    pub(super) fn only_one(
        &self,
        addresses: &[IpAddr],
        host: &Node<String>,
    ) -> Result<IpAddr, Error> {
        match addresses {
            [address] => Ok(*address),
            _ => Err(self.error_at_end(Fault::ManyAddresses(host.value.clone()), host.span)),
        }
    }

    /// The number of a port of a protocol, or why it is none.
    pub(super) fn port(&self, port: &Port, upper: Upper) -> Result<u16, Fault> {
        match port {
            Port::Any => Ok(0),
            Port::Number(number) => self.port_text(&number.to_string(), upper),
            Port::Service(name) => self.port_text(name, upper),
        }
    }

    /// A port as getaddrinfo(3) reads it, except that a number over 65535 is not cut, and that a name
    /// without a port of UDP may have one of the protocol.
    pub(super) fn port_text(&self, text: &str, upper: Upper) -> Result<u16, Fault> {
        if text.is_empty() {
            return Ok(0);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map_err(|_| NumberRange::PORT.refusal(Some(text.to_owned())));
        }
        let transports = transports(upper);
        let mut reason = String::from(SERVNAME);
        for &transport in transports {
            match self.names.service(text, transport) {
                Ok(port) => return Ok(port),
                Err(error) => reason = error.0,
            }
        }
        Err(Fault::Port { port: text.to_owned(), transports, reason })
    }
}

/// Where names are looked up: as the original for UDP, and for the protocol of the statement.
fn transports(upper: Upper) -> &'static [Transport] {
    match upper {
        Upper::Any | Upper::TCP => &[Transport::Udp, Transport::Tcp],
        Upper::SCTP => &[Transport::Udp, Transport::Sctp],
        Upper::Number(_) => &[Transport::Udp],
    }
}
