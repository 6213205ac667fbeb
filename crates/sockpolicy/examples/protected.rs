//! Fetches from a TCP service with the connection protected by IPsec, whatever the SPD is:
//!
//!     cargo run -p sockpolicy --example protected 192.0.2.2:80
//!
//! It needs CAP_NET_ADMIN, and SAs for ESP in transport mode both ways.

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use model::{Dialect, Variables};
use rustix::net::{AddressFamily, SocketType, connect, socket};
use sockpolicy::{IpSocket, SocketPolicies};
use sys::SystemNames;

const POLICIES: [&str; 2] = ["out ipsec esp/transport//require", "in ipsec esp/transport//require"];

fn main() -> Result<(), Box<dyn Error>> {
    let server: SocketAddr = env::args().nth(1).ok_or("an address and a port, please")?.parse()?;
    let family = if server.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let tcp = socket(family, SocketType::STREAM, None)?;

    let read = |text| grammar::socket_policy(text, Dialect::Linux, &SystemNames);
    let policies =
        SocketPolicies::new(POLICIES.into_iter().map(read).collect::<Result<Vec<_>, _>>()?)?;
    // Before it connects: the first packet is protected, too.
    IpSocket::of(&tcp)?.set(&policies, &Variables::default())?;

    connect(&tcp, &server)?;
    let mut connection = TcpStream::from(tcp);
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(io::stdout().write_all(answer.as_bytes())?)
}
