use std::{
    collections::BTreeMap,
    net::{IpAddr, UdpSocket},
    num::NonZeroU32,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use pfkey::{Message, MessageType};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
        connect, recv, send, socket_with,
    },
};

use xfrm::{Change, Connection};

use super::{Seen, shown, tables::tables};
use crate::{Host, Outcome};

/// `AF_KEY` (bits/socket.h).
const FAMILY: AddressFamily = AddressFamily::from_raw(15);
/// `PF_KEY_V2` (linux/pfkeyv2.h).
const VERSION: Protocol = Protocol::from_raw(NonZeroU32::new(2).expect("it is not 0"));

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long what is missing may still come: timers of two hosts do not end at once.
const GRACE: Duration = Duration::from_millis(700);

/// Where packets come from.
const SOURCE_PORT: u16 = 4000;

/// The process that asks the service something to know that it has come to it.
const KNOCKER: u32 = 0xc0ff_ee00;

/// A host with sockets on it, to AF_KEY or to the service.
pub struct Side {
    host: Host,
    /// To empty the tables without a process of its own.
    kernel: Connection,
    /// Of the service.
    path: Option<PathBuf>,
    sockets: BTreeMap<String, OwnedFd>,
    /// What came of sends that failed.
    unsent: BTreeMap<String, Vec<Vec<u8>>>,
    seen: Seen,
    knocks: u32,
}

/// What each socket has received, as text, message by message.
pub type Received = BTreeMap<String, Vec<String>>;

impl Side {
    /// A host where programs speak to the kernel.
    #[must_use]
    pub fn af_key() -> Self {
        Self::new(Host::new("af-key"), None)
    }

    /// A host where programs speak to the service that listens at `path`.
    #[must_use]
    pub fn service(host: Host, path: &Path) -> Self {
        Self::new(host, Some(path.to_owned()))
    }

    fn new(host: Host, path: Option<PathBuf>) -> Self {
        let (sockets, unsent) = (BTreeMap::new(), BTreeMap::new());
        let kernel = host.within(Connection::open).expect("XFRM");
        Self { host, kernel, path, sockets, unsent, seen: Seen::default(), knocks: 0 }
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What was seen on it.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The SAD and SPD, as ip(8) shows them.
    pub fn tables(&mut self) -> String {
        tables(&self.host, &mut self.kernel, &mut self.seen)
    }

    /// A new socket.
    #[must_use]
    pub fn open(&self) -> OwnedFd {
        match &self.path {
            None => self.host.within(af_key_socket),
            Some(path) => {
                let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
                let socket = socket_with(AddressFamily::UNIX, kind, flags, None).expect("a socket");
                let address = SocketAddrUnix::new(path).expect("an address");
                connect(&socket, &address).expect("the service listens");
                socket
            }
        }
    }

    /// Sends a message from a socket, which is opened if it is not there.
    pub fn send(&mut self, name: &str, bytes: &[u8]) {
        if !self.sockets.contains_key(name) {
            let socket = self.open();
            self.sockets.insert(name.to_owned(), socket);
            self.knock();
        }
        if let Err(errno) = send(&self.sockets[name], bytes, SendFlags::empty()) {
            self.unsent.entry(name.to_owned()).or_default().push(refused_by_send(bytes, errno));
        }
    }

    /// Closes a socket.
    pub fn close(&mut self, name: &str) {
        self.sockets.remove(name);
    }

    /// Runs a command of sh(1), which must succeed.
    pub fn command(&self, command: &str) {
        // Not by ip(8): a process less.
        self.host.within(|| Outcome::success(Command::new("sh").args(["-ec", command])));
    }

    /// Connects the host to a link without hosts. Behind it are 203.0.113.0/24 and
    /// 2001:db8:ff::/48.
    pub fn connect_a_wire(&self) {
        // No address of its own, and no packets of its own.
        self.host.ip("link add wire type veth peer name unused
            link set wire addrgenmode none
            link set unused addrgenmode none
            addr add 192.0.2.1/24 dev wire
            addr add 2001:db8::1/64 dev wire
            link set unused up
            link set wire up
            route add 203.0.113.0/24 dev wire
            route add 2001:db8:ff::/48 dev wire");
    }

    /// Sends a packet from the host, which may not go out.
    pub fn send_packet(&self, destination: IpAddr) {
        let any = match destination {
            IpAddr::V4(_) => IpAddr::from([0; 4]),
            IpAddr::V6(_) => IpAddr::from([0_u16; 8]),
        };
        self.host.within(|| {
            let socket = UdpSocket::bind((any, SOURCE_PORT)).expect("a socket");
            // What becomes of it is for the cases to say.
            let _ = socket.send_to(b"packet", (destination, 9));
        });
    }

    /// An empty SAD and SPD, nothing seen, and no sockets but a listener that has registered ESP.
    pub fn restart(&mut self, listener: &str) {
        self.sockets.retain(|name, _| name == listener);
        self.unsent.clear();
        let mut flush = self.kernel.batch();
        flush.push(&Change::FlushSad(None));
        flush.push(&Change::FlushSpd(model::PolicyType::Main));
        let refused = self.kernel.send(&mut flush).expect("an answer of the kernel");
        assert!(refused.is_empty(), "{refused:?}");
        if self.sockets.is_empty() {
            let request = Message::new(MessageType::REGISTER, 3);
            self.send(listener, &request.encode().expect("a message"));
        }
        self.received(true, None);
        self.seen = Seen::default();
    }

    /// What the sockets have received since the last time. Of the service, which is another process, at
    /// least as many messages are awaited as `other` has received.
    pub fn received(&mut self, by_others: bool, other: Option<&Received>) -> Received {
        let mut bytes: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        let names: Vec<String> = self.sockets.keys().cloned().collect();
        self.knock();
        for name in &names {
            let got = bytes.entry(name.clone()).or_default();
            got.extend(self.unsent.remove(name).unwrap_or_default());
            got.extend(self.read(name));
        }
        if let Some(other) = other {
            let end = Instant::now() + GRACE;
            for (name, got) in &mut bytes {
                let wanted = other.get(name).map_or(0, Vec::len);
                while got.len() < wanted && wait(&self.sockets[name], end) {
                    got.extend(self.read(name));
                }
            }
        }
        let seen = &mut self.seen;
        let show = |messages: Vec<Vec<u8>>| {
            messages.iter().map(|bytes| shown(bytes, seen, by_others)).collect::<Vec<_>>()
        };
        let names = bytes.keys().cloned().collect::<Vec<_>>();
        names.into_iter().zip(bytes.into_values().map(show)).collect()
    }

    /// What has come for a socket.
    fn read(&self, name: &str) -> Vec<Vec<u8>> {
        let socket = &self.sockets[name];
        let messages = std::iter::from_fn(|| receive(socket, RecvFlags::DONTWAIT));
        messages.filter(|bytes| !is_a_knock(bytes)).collect()
    }

    /// Waits until the service has done all that was asked of it before.
    fn knock(&mut self) {
        if self.path.is_none() {
            return;
        }
        self.knocks += 1;
        let socket = self.open();
        let question = Message::new(MessageType::GET, 3).numbered(self.knocks, KNOCKER);
        let bytes = question.encode().expect("a message");
        send(&socket, &bytes, SendFlags::empty()).expect("the service listens");
        let end = Instant::now() + PATIENCE;
        while wait(&socket, end) {
            let Some(bytes) = receive(&socket, RecvFlags::DONTWAIT) else { break };
            if is_a_knock(&bytes) {
                return;
            }
        }
        panic!("the service does not answer");
    }
}

/// A socket of AF_KEY in this thread's network namespace.
#[must_use]
pub fn af_key_socket() -> OwnedFd {
    let (kind, flags) = (SocketType::RAW, SocketFlags::CLOEXEC);
    socket_with(FAMILY, kind, flags, Some(VERSION)).expect("AF_KEY")
}

/// What the service answers where AF_KEY lets `send(2)` fail: the header with the errno.
fn refused_by_send(bytes: &[u8], errno: Errno) -> Vec<u8> {
    let mut header = bytes.to_vec();
    header.resize(16, 0);
    header[0] = 2;
    header[2] = errno.raw_os_error().try_into().expect("an errno");
    header[4..8].copy_from_slice(&[2, 0, 0, 0]);
    header
}

fn is_a_knock(bytes: &[u8]) -> bool {
    Message::decode(bytes).is_ok_and(|message| message.pid == KNOCKER)
}

fn receive(socket: &OwnedFd, flags: RecvFlags) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 1 << 16];
    let (_, length) = recv(socket, &mut buffer[..], flags).ok()?;
    buffer.truncate(length);
    (length != 0).then_some(buffer)
}

/// Whether something can be read before `end`.
fn wait(socket: &OwnedFd, end: Instant) -> bool {
    let left = end.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).expect("a short time");
    let mut files = [PollFd::new(socket, PollFlags::IN)];
    poll(&mut files, Some(&left)).is_ok_and(|ready| ready != 0)
}
