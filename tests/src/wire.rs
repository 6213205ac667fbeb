//! What passes on a wire.

use std::{
    io::{self, Read},
    process::{Child, ChildStdout, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use crate::Host;

/// IP protocol numbers.
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ESP.
    pub const ESP: u8 = 50;
    /// AH.
    pub const AH: u8 = 51;
    /// IPv4 inside another header.
    pub const IPIP: u8 = 4;
    /// ICMPv6.
    pub const ICMP6: u8 = 58;
    /// IPComp.
    pub const IPCOMP: u8 = 108;
}

/// How long a packet may take: far longer than any does.
const PATIENCE: Duration = Duration::from_secs(10);

/// A capture of one interface, from its making to its end.
pub struct Wire {
    tcpdump: Child,
    packets: Receiver<Packet>,
}

impl Wire {
    /// Listens on the interface of `host` that leads to the host labelled `to`. It captures everything from now on.
    #[must_use]
    pub fn tap(host: &Host, to: &str) -> Self {
        Self::of(host, to, "inout")
    }

    /// Listens for what leaves `host` only. A decapsulated packet is captured a second time where it comes in.
    #[must_use]
    pub fn leaving(host: &Host, to: &str) -> Self {
        Self::of(host, to, "out")
    }

    fn of(host: &Host, to: &str, direction: &str) -> Self {
        let mut tcpdump = host
            .command("tcpdump")
            .args(["-i", to, "-Q", direction, "--immediate-mode", "-U", "-Z", "root", "-w", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tcpdump runs");
        let mut output = tcpdump.stdout.take().expect("its output is piped");
        // tcpdump writes the header of the file once it listens.
        let mut header = [0; 24];
        output.read_exact(&mut header).expect("tcpdump listens");
        let (sender, packets) = mpsc::channel();
        thread::spawn(move || read_packets(output, &sender));
        Self { tcpdump, packets }
    }

    /// The next `count` packets. ARP and the housekeeping of IPv6 links are left out.
    #[must_use]
    pub fn packets(&self, count: usize) -> Vec<Packet> {
        (0..count)
            .map(|_| self.packets.recv_timeout(PATIENCE).expect("a packet on the wire"))
            .collect()
    }

    /// Everything that has passed since it was last asked.
    #[must_use]
    pub fn received(&self) -> Vec<Packet> {
        self.packets.try_iter().collect()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // It may have ended with its interface.
        let _ = self.tcpdump.kill();
        let _ = self.tcpdump.wait();
    }
}

/// An IP packet as an onlooker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// IP version: 4 or 6.
    pub version: u8,
    /// Its protocols from the outside in, as far as they can be read: `[AH, ESP]`.
    pub protocols: Vec<u8>,
    /// The SPI of ESP, if that is the outermost.
    pub spi: Option<u32>,
    /// Its sequence number, of ESN the low half.
    pub sequence: Option<u32>,
    /// The Ethernet frame.
    pub frame: Vec<u8>,
    /// Length in bytes, IP header included.
    pub length: usize,
    /// Explicit congestion notification: the two low bits of the type of service or traffic class.
    pub ecn: u8,
    /// Don't fragment; false in IPv6.
    pub df: bool,
}

impl Packet {
    /// Reads an Ethernet frame; `None` for what is not IP, and for the housekeeping of IPv6 links.
    fn in_frame(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(14..)?;
        let (version, protocol, payload, class, df) = match frame[12..14] {
            [0x08, 0x00] => {
                let payload = ip.get(usize::from(ip[0] & 15) * 4..)?;
                (4, *ip.get(9)?, payload, ip[1], ip[6] & 0x40 != 0)
            }
            [0x86, 0xdd] => (6, *ip.get(6)?, ip.get(40..)?, ip[0] << 4 | ip[1] >> 4, false),
            _ => return None,
        };
        // Multicast listener reports, router and neighbour discovery.
        let discovery = protocol == protocol::ICMP6 && (133..=137).contains(payload.first()?);
        if protocol == protocol::HOP_BY_HOP && version == 6 || discovery {
            return None;
        }
        let mut protocols = vec![protocol];
        if protocol == protocol::AH {
            protocols.push(*payload.first()?);
        }
        let spi = payload.first_chunk().filter(|_| protocol == protocol::ESP);
        let spi = spi.map(|&bytes| u32::from_be_bytes(bytes));
        let sequence = payload.get(4..8).filter(|_| protocol == protocol::ESP);
        let sequence = sequence.and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
        let frame = frame.to_vec();
        Some(Self {
            version,
            protocols,
            spi,
            sequence,
            frame,
            length: ip.len(),
            ecn: class & 3,
            df,
        })
    }
}

/// Hands on the packets of a pcap file, whose header has been read, until it ends or there is no receiver.
fn read_packets(mut file: ChildStdout, packets: &Sender<Packet>) {
    while let Ok(frame) = read_frame(&mut file) {
        let received = Packet::in_frame(&frame).map_or(Ok(()), |packet| packets.send(packet));
        if received.is_err() {
            return;
        }
    }
}

/// One record of a pcap file: times, captured length, real length, bytes.
fn read_frame(file: &mut ChildStdout) -> io::Result<Vec<u8>> {
    let mut header = [0; 16];
    file.read_exact(&mut header)?;
    let length = u32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
    let mut frame = vec![0; length as usize];
    file.read_exact(&mut frame)?;
    Ok(frame)
}
