//! The SPD by raw netlink: the structures of linux/xfrm.h, byte by byte, without xfrm-tools' own code.

use std::{net::UdpSocket, ops::Range, os::fd::OwnedFd};

use fastrand::Rng;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketType, netlink, netlink::SocketAddrNetlink, recv,
    sendto, socket,
};

const NEW_POLICY: u16 = 0x13;
const GET_POLICY: u16 = 0x15;
const FLUSH_POLICY: u16 = 0x1d;
const ERROR: u16 = 2;
const DONE: u16 = 3;

const POLICY_SIZE: usize = 168;
/// Bytes, packets and times, and the index.
const VOLATILE: [Range<usize>; 2] = [120..152, 156..160];

const TMPL: u16 = 5;
const POLICY_TYPE: u16 = 16;
const MARK: u16 = 21;
const IF_ID: u16 = 31;

/// The `XFRM_MSG_NEWPOLICY` of a policy, without its header.
pub struct RawPolicy(Vec<u8>);

impl RawPolicy {
    /// A policy of random content, in a selector of its own.
    #[must_use]
    pub fn random(number: u8, random: &mut Rng) -> Self {
        let is_v6 = random.bool();
        let direction = random.u8(0..3);
        let mut policy = selector(number, is_v6, random);
        policy.extend(limits(random));
        policy.extend([0; 32]);
        let priority = *random
            .choice(&[0, 1, 100, 375_423, 0x4000_0000, 0x8000_0005, u32::MAX - 9])
            .unwrap_or(&0);
        policy.extend(priority.to_ne_bytes());
        policy.extend([0; 4]);
        let flags = *random.choice(&[0, 0, 1, 2, 3, 4, 7]).unwrap_or(&0);
        policy.extend([direction, u8::from(random.u8(0..5) == 0), flags, 0]);
        policy.extend([0; 4]);
        assert_eq!(policy.len(), POLICY_SIZE);
        let templates: Vec<u8> =
            (0..random.u8(0..4)).flat_map(|_| template(is_v6, direction, random)).collect();
        if !templates.is_empty() {
            policy.extend(attribute(TMPL, &templates));
        }
        if random.u8(0..4) == 0 {
            let mask = *random.choice(&[0xff, u32::MAX]).unwrap_or(&1);
            policy.extend(attribute(
                MARK,
                &[u32::from(number).to_ne_bytes(), mask.to_ne_bytes()].concat(),
            ));
        }
        if random.u8(0..4) == 0 {
            policy.extend(attribute(IF_ID, &random.u32(1..).to_ne_bytes()));
        }
        if random.u8(0..6) == 0 {
            policy.extend(attribute(POLICY_TYPE, &[1, 0, 0, 0, 0, 0]));
        }
        Self(policy)
    }
}

fn selector(number: u8, is_v6: bool, random: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(56);
    let (size, family) = if is_v6 { (16, 10_u16) } else { (4, 2) };
    for end in [1, 2] {
        let mut address = [0; 16];
        address[..size].fill(end);
        address[size - 1] = number;
        bytes.extend(address);
    }
    // Destination and source, network order, each with its mask.
    for _ in 0..2 {
        let port = *random.choice(&[0, 0, 8, 80, 500]).unwrap_or(&0);
        let mask = *random.choice(&[0, u16::MAX, u16::MAX, 0xfff0]).unwrap_or(&0);
        bytes.extend([u16::to_be_bytes(port), u16::to_be_bytes(mask)].concat());
    }
    bytes.extend(family.to_ne_bytes());
    let most = if is_v6 { 128 } else { 32 };
    bytes.extend([random.u8(0..=most), random.u8(0..=most)]);
    let proto = *random.choice(&[0, 1, 6, 17, 47, 50, 58, 132, 135, 254]).unwrap_or(&0);
    bytes.extend([proto, 0, 0, 0]);
    let device: i32 = *random.choice(&[0, 0, 0, 1, 77]).unwrap_or(&0);
    bytes.extend(device.to_ne_bytes());
    let user: u32 = *random.choice(&[0, 0, 0, 1000]).unwrap_or(&0);
    bytes.extend(user.to_ne_bytes());
    bytes
}

fn limits(random: &mut Rng) -> Vec<u8> {
    let count =
        |random: &mut Rng| *random.choice(&[u64::MAX, u64::MAX, 0, 5, u64::MAX - 1]).unwrap_or(&0);
    let seconds = |random: &mut Rng| *random.choice(&[0, 0, 100_000, 1 << 40]).unwrap_or(&0);
    let counts = (0..4).map(|_| count(random)).collect::<Vec<u64>>();
    let times = (0..4).map(|_| seconds(random)).collect::<Vec<u64>>();
    counts.into_iter().chain(times).flat_map(u64::to_ne_bytes).collect()
}

fn template(is_v6: bool, direction: u8, random: &mut Rng) -> Vec<u8> {
    let mode = *random.choice(&[0, 0, 1, 1, 2, 3, 4]).unwrap_or(&0);
    let is_tunnel = mode == 1 || mode == 4;
    let is_v6 = if is_tunnel && random.u8(0..4) == 0 { !is_v6 } else { is_v6 };
    let has_ends = is_tunnel || random.u8(0..4) == 0;
    let (size, family) = if is_v6 { (16, 10_u16) } else { (4, 2) };
    let address = |last| {
        let mut address = [0_u8; 16];
        if has_ends {
            address[..size].fill(last);
        }
        address
    };
    let mut bytes = address(9).to_vec();
    let spi: u32 = *random.choice(&[0, 0, 0x1000, u32::MAX]).unwrap_or(&0);
    bytes.extend(spi.to_be_bytes());
    bytes.extend([*random.choice(&[50, 51, 108, 255, 43, 60]).unwrap_or(&50), 0, 0, 0]);
    bytes.extend(family.to_ne_bytes());
    bytes.extend([0; 2]);
    bytes.extend(address(7));
    let reqid: u32 = *random.choice(&[0, 7, 20_000, u32::MAX]).unwrap_or(&0);
    bytes.extend(reqid.to_ne_bytes());
    // Two bits of `share` hold the level of a template of xfrm-tools, whose optional tunnels depend on SAs.
    let share = *random.choice(&[0, 0, 0, 3, 4, 200]).unwrap_or(&0);
    let optional = u8::from(random.bool() && !(direction == 1 && is_tunnel));
    bytes.extend([mode, share, optional, 0]);
    for _ in 0..3 {
        let mask: u32 = *random.choice(&[u32::MAX, u32::MAX, 1, 0xff]).unwrap_or(&0);
        bytes.extend(mask.to_ne_bytes());
    }
    assert_eq!(bytes.len(), 64);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).expect("it fits");
    let mut bytes = [length, kind].map(u16::to_ne_bytes).concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Adds a policy in this thread's network namespace; returns the errno, 0 if the kernel has taken it.
#[must_use]
pub fn add(RawPolicy(policy): &RawPolicy) -> i32 {
    let socket = open();
    request(&socket, NEW_POLICY, 4, policy);
    -acknowledgement(&socket)
}

/// Deletes every policy of both types but those of sockets.
pub fn flush() {
    let socket = open();
    for kind in [0, 1] {
        request(&socket, FLUSH_POLICY, 4, &attribute(POLICY_TYPE, &[kind, 0, 0, 0, 0, 0]));
        assert_eq!(acknowledgement(&socket), 0);
    }
}

/// The SPD of this thread's network namespace, newest policy first, without what differs from time to time.
#[must_use]
pub fn dump() -> Vec<Vec<u8>> {
    let socket = open();
    // A dump (`NLM_F_ROOT`, `NLM_F_MATCH`).
    request(&socket, GET_POLICY, 0x300, &[0; 64]);
    let mut policies = Vec::new();
    loop {
        for (kind, mut object) in receive(&socket) {
            match kind {
                NEW_POLICY => {
                    VOLATILE.into_iter().for_each(|range| object[range].fill(0));
                    policies.push(object);
                }
                DONE => return policies,
                other => panic!("message {other:#x}"),
            }
        }
    }
}

fn open() -> OwnedFd {
    let kind = SocketType::RAW;
    socket(AddressFamily::NETLINK, kind, Some(netlink::XFRM)).expect("XFRM is there")
}

fn request(socket: &OwnedFd, kind: u16, flags: u16, body: &[u8]) {
    const REQUEST: u16 = 1;
    let length = u32::try_from(16 + body.len()).expect("it fits");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend([kind, REQUEST | flags].map(u16::to_ne_bytes).concat());
    message.extend([0; 8]);
    message.extend(body);
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(socket, &message, SendFlags::empty(), &kernel).expect("the kernel takes it");
}

/// The errno of an acknowledgement, negative.
fn acknowledgement(socket: &OwnedFd) -> i32 {
    let (kind, object) = receive(socket).remove(0);
    assert_eq!(kind, ERROR);
    i32::from_ne_bytes(object[..4].try_into().expect("an errno"))
}

/// The messages of a datagram: type and body.
fn receive(socket: &OwnedFd) -> Vec<(u16, Vec<u8>)> {
    let mut buffer = vec![0; 1 << 16];
    let (length, _) = recv(socket, &mut buffer[..], RecvFlags::empty()).expect("an answer");
    let (mut rest, mut messages) = (&buffer[..length], Vec::new());
    while rest.len() >= 16 {
        let length = u32::from_ne_bytes(rest[..4].try_into().expect("a length")) as usize;
        let kind = u16::from_ne_bytes(rest[4..6].try_into().expect("a type"));
        messages.push((kind, rest[16..length].to_vec()));
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    messages
}

/// A socket with policies of its own for both directions, as IKE daemons have.
#[must_use]
pub fn socket_with_bypass_policies() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    for direction in [0, 1] {
        let mut policy = vec![0; POLICY_SIZE];
        policy[40..42].copy_from_slice(&2_u16.to_ne_bytes());
        policy[160] = direction;
        sys::sockopt::set_xfrm_policy(&socket, AddressFamily::INET, Some(&policy))
            .expect("root may");
    }
    socket
}
