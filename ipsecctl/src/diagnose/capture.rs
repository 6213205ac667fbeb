//! The heads of the packets that arrive and leave, for some seconds (packet(7)).

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use ::diagnose::{Observation, Seen, SeenPacket};
use model::DeviceName;
use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, socket},
};

/// Bytes of a packet that are read: the headers, and those of the packet in an ICMP message.
const HEAD: usize = 256;

/// A socket that receives all packets, and what it has received.
pub struct Capture {
    socket: OwnedFd,
    devices: HashMap<usize, DeviceName>,
    kinds: HashMap<SeenKey, Seen>,
    read: u64,
}

/// What makes packets alike: the head without what differs from packet to packet.
type SeenKey = Vec<u8>;

impl Capture {
    /// Opens the socket. `devices` are the names of devices by their numbers.
    ///
    /// Errors: EPERM without CAP_NET_RAW, EAFNOSUPPORT without packet sockets.
    pub fn open(devices: HashMap<usize, DeviceName>) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let protocol = SockProtocol::EthAll;
        let socket = socket(AddressFamily::Packet, SockType::Datagram, flags, protocol)?;
        Ok(Self { socket, devices, kinds: HashMap::new(), read: 0 })
    }

    /// Reads what was received.
    pub fn read(&mut self) -> io::Result<()> {
        let mut head = [0; HEAD];
        while !self.is_full() {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut head) {
                Ok((length, from)) => {
                    self.read += 1;
                    self.add(&head[..length.min(HEAD)], from);
                }
                Err(Errno::EAGAIN) => break,
                // A device that goes down is reported once.
                Err(Errno::EINTR | Errno::ENETDOWN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether there is nothing more to read.
    pub fn is_full(&self) -> bool {
        self.read >= Observation::MOST_PACKETS
    }

    fn add(&mut self, head: &[u8], from: Option<LinkAddr>) {
        let kind = from.map_or(0, |from| from.pkttype());
        let is_outgoing = kind == libc::PACKET_OUTGOING;
        if kind == libc::PACKET_OTHERHOST {
            return;
        }
        let device = from.and_then(|from| self.devices.get(&from.ifindex()).copied());
        let Some(packet) = SeenPacket::read(head, is_outgoing, device) else { return };
        let key = format!("{packet:?}").into_bytes();
        let is_full = self.kinds.len() >= Observation::MOST_KINDS;
        match self.kinds.get_mut(&key) {
            Some(seen) => seen.count += 1,
            None if is_full => {}
            None => drop(self.kinds.insert(key, Seen { packet, count: 1 })),
        }
    }

    /// What was received, most frequent first.
    pub fn finish(self) -> Vec<Seen> {
        let mut seen: Vec<_> = self.kinds.into_iter().collect();
        seen.sort_by(|(a, one), (b, other)| other.count.cmp(&one.count).then_with(|| a.cmp(b)));
        seen.into_iter().map(|(_, seen)| seen).collect()
    }
}

impl AsFd for Capture {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
