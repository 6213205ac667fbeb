//! `toy_ike MODE HERE PEER [SERVICE]`: a key management for tests, which speaks PF_KEY and nothing else about SAs: to the service
//! that listens at `SERVICE`, or to the kernel's own AF_KEY. It serves the traffic between two addresses in `transport` or `tunnel` mode, and the same
//! program at the other one is its peer.
//!
//! It is IKE in outline only, and not secure: the peers send each other SPIs and keys in clear, on UDP port 500, which the SPD
//! must let pass by a policy `none`, and a datagram that is lost is not sent again.
//!
//! Each event is a line on standard output: events of the kernel, and requests that have been carried out.
//!
//!     REGISTER esp
//!     ACQUIRE 0x1              # seq
//!     GETSPI 0xc0ffee1         # SPI, as in all that follow
//!     UPDATE in 0xc0ffee1
//!     ADD out 0xbadcab1
//!     EXPIRE soft 0xbadcab1    # of an outbound SA
//!     DELETE out 0xbadcab1

mod ike;
mod key_socket;
mod letter;
mod sad;

use std::{env, error::Error, net::IpAddr, path::PathBuf};

use model::Mode;

use crate::{ike::Ike, key_socket::KeySocket};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let mut word = || words.next().ok_or("usage: toy_ike MODE HERE PEER [SERVICE]");
    let mode = match &*word()? {
        "transport" => Mode::Transport,
        "tunnel" => Mode::Tunnel,
        other => return Err(format!("no mode {other}").into()),
    };
    let (here, there): (IpAddr, IpAddr) = (word()?.parse()?, word()?.parse()?);
    let service = words.next().map(PathBuf::from);
    let key_socket = KeySocket::open(service.as_deref())?;
    Ike::start(key_socket, mode, here, there)?.run()
}
