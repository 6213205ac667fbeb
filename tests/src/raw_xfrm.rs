//! XFRM netlink as bytes: no code of the programs makes or reads them, so that what both sides of a program leave out is seen.

mod entry;
mod fields;
mod generate;

use std::net::UdpSocket;

use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_XFRM};

pub use entry::{Entry, Kind};
pub use generate::{Generator, seeds};
use rustix::net::AddressFamily;

const NEWSA: u16 = 0x10;
const GETSA: u16 = 0x12;
const NEWPOLICY: u16 = 0x13;
const GETPOLICY: u16 = 0x15;
const FLUSHSA: u16 = 0x1c;
const FLUSHPOLICY: u16 = 0x1d;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

const REQUEST: u16 = 1;
const ACK: u16 = 4;
const DUMP: u16 = 0x300;
/// `NLM_F_CREATE | NLM_F_EXCL`.
const CREATE: u16 = 0x600;

/// Entries of each kind in a generated table.
const MOST: usize = 4;

/// A socket of NETLINK_XFRM.
pub struct RawXfrm(Socket);

impl RawXfrm {
    /// In the network namespace of this thread.
    #[must_use]
    pub fn open() -> Self {
        let mut socket = Socket::new(NETLINK_XFRM).expect("a socket of NETLINK_XFRM");
        socket.bind_auto().expect("a port");
        Self(socket)
    }

    /// Adds an entry. Errors: the errno of the kernel.
    pub fn add(&self, entry: &Entry) -> Result<(), i32> {
        let (kind, body) = match entry.kind {
            Kind::Sa => (NEWSA, entry.bytes()),
            Kind::Policy => (NEWPOLICY, entry.bytes()),
        };
        self.change(kind, CREATE, &body)
    }

    /// Adds the table that a seed generates. The kernel refuses some entries: how many.
    #[must_use]
    pub fn fill(&self, seed: u64) -> usize {
        let mut generator = Generator::new(seed);
        let pairs = (0..MOST).flat_map(|_| [generator.sa(), generator.policy()]);
        pairs.filter(|entry| self.add(entry).is_err()).count()
    }

    /// Removes all SAs and policies.
    pub fn flush(&self) {
        // IPSEC_PROTO_ANY; the type main, and sub where the kernel has it.
        self.change(FLUSHSA, 0, &[255]).expect("a flush of the SAD");
        self.change(FLUSHPOLICY, 0, &[]).expect("a flush of the SPD");
        let _ = self.change(FLUSHPOLICY, 0, &[10, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    }

    /// The SAD and the SPD, oldest entry first.
    #[must_use]
    pub fn dump(&self) -> [Vec<Entry>; 2] {
        [(GETSA, Kind::Sa), (GETPOLICY, Kind::Policy)].map(|(request, kind)| {
            self.send(request, DUMP, &[]);
            let mut entries = Vec::new();
            loop {
                for (message, body) in self.receive() {
                    match message {
                        NLMSG_DONE => {
                            entries.reverse();
                            return entries;
                        }
                        NLMSG_ERROR => panic!("the kernel refuses a dump: {body:?}"),
                        _ => entries.push(Entry::read(kind, &body)),
                    }
                }
            }
        })
    }

    fn change(&self, message: u16, flags: u16, body: &[u8]) -> Result<(), i32> {
        self.send(message, flags | ACK, body);
        for (message, body) in self.receive() {
            if message == NLMSG_ERROR {
                let errno = body[..4].try_into().map(i32::from_ne_bytes).expect("four bytes");
                return if errno == 0 { Ok(()) } else { Err(-errno) };
            }
        }
        panic!("the kernel does not answer");
    }

    fn send(&self, message: u16, flags: u16, body: &[u8]) {
        let length = u32::try_from(16 + body.len()).expect("a short message");
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(message.to_ne_bytes());
        bytes.extend((flags | REQUEST).to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        self.0.send_to(&bytes, &SocketAddr::new(0, 0), 0).expect("it is sent");
    }

    /// The messages of the next datagram: type and body.
    fn receive(&self) -> Vec<(u16, Vec<u8>)> {
        let (bytes, _) = self.0.recv_from_full().expect("an answer");
        let mut rest = &bytes[..];
        let mut messages = Vec::new();
        while rest.len() >= 16 {
            let length = rest[..4].try_into().map(u32::from_ne_bytes).expect("four bytes") as usize;
            let message = u16::from_ne_bytes([rest[4], rest[5]]);
            messages.push((message, rest[16..length].to_vec()));
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        messages
    }
}

/// A socket with policies of its own for both directions, as IKE daemons have.
#[must_use]
pub fn socket_with_bypass_policies() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    for direction in [0, 1] {
        let mut policy = Entry::new(Kind::Policy);
        policy.set("sel.family", &2_u16.to_ne_bytes());
        policy.set("dir", &[direction]);
        let value = policy.bytes();
        sys::sockopt::set_xfrm_policy(&socket, AddressFamily::INET, Some(&value))
            .expect("root may");
    }
    socket
}
