//! The service over a restart of the daemon: its clients keep their sockets, what they have
//! registered, and what waits for them; the kernel's events wait in the monitor's queue.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    os::fd::OwnedFd,
    sync::Arc,
};

use engine::{Group, Monitor};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    io::Errno,
    net::{
        SocketType,
        sockopt::{socket_cookie, socket_type},
    },
};
use serde_json::{Value, json};
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::{
    broadcast::Clients,
    client::{Client, ClientId, Packet},
    peer::{self, Peer},
    server::Server,
};
use crate::{
    Error, Handover, ServiceManager,
    listener::{Listener, Open},
};

/// The names of the descriptors.
const LISTENER: &str = "pfkey-listener";
const REPORTER: &str = "pfkey-reporter";
const MONITOR: &str = "pfkey-monitor";
const CLIENT: &str = "pfkey-client";
const STATE: &str = "pfkey-state";

/// The version of the state: of another, the clients are let in anew.
const VERSION: u64 = 1;

/// Bytes of the state that are read.
const MOST_STATE: u64 = 1 << 30;

/// What the service hears of from the beginning.
const GROUPS: [Group; 5] =
    [Group::Sa, Group::Policy, Group::Expire, Group::Migrate, Group::Mapping];

impl Server {
    /// Adds all that the next daemon needs to go on in this one's place. This service can go on as well.
    pub fn hand_over(&mut self, mut handover: Handover) -> io::Result<Handover> {
        self.settle();
        self.hear(0);
        self.clients.end_dumps(|entry| super::server::asked(&mut self.engine, entry));
        self.clients.flush();
        self.clients.take_requests();
        // A service manager keeps the first of them, up to a number.
        handover.push(STATE, state(self.hears_acquires, &self.clients, Waiting::Included)?)?;
        handover.push(LISTENER, &self.listener)?;
        handover.push(REPORTER, &self.reporter)?;
        handover.push(MONITOR, &self.monitor)?;
        for client in self.clients.registered().chain(self.clients.others()) {
            handover.push(CLIENT, client)?;
        }
        Ok(handover)
    }

    /// Has the service manager keep what a daemon needs that is started after a crash of this one: the
    /// sockets of all who have registered, and who they are. They do not see an end then.
    pub fn store_for_a_crash(&mut self, manager: Arc<ServiceManager>) {
        let kept = manager
            .store(LISTENER, &self.listener)
            .and_then(|()| manager.store(REPORTER, &self.reporter))
            .and_then(|()| manager.store(MONITOR, &self.monitor));
        match kept {
            Ok(()) => self.manager = Some(manager),
            Err(error) => warn!(%error, "the service manager keeps nothing"),
        }
        self.keep_registered();
    }

    /// Brings what the manager keeps up to date, after somebody has registered.
    pub(super) fn keep_registered(&mut self) {
        let Some(manager) = &self.manager else { return };
        let keep = || {
            self.clients.registered().try_for_each(|client| manager.store(CLIENT, client))?;
            manager.remove(STATE)?;
            manager.store(STATE, state(self.hears_acquires, &self.clients, Waiting::Omitted)?)
        };
        if let Err(error) = keep() {
            warn!(%error, "the service manager does not keep the registered clients");
        }
    }

    /// Leaves the socket that programs connect to where it is, for the next daemon.
    pub fn keep_socket_files(&self) {
        self.listener.keep_file();
        self.reporter.keep_file();
    }
}

/// The listening sockets: those that were handed over, or new ones.
pub(super) fn listeners(handover: &mut Handover) -> Result<[Listener; 2], Error> {
    let directory = engine::Namespace::current().directory().to_owned();
    let sockets = [
        (LISTENER, sys::run::PFKEY_SOCKET, SocketType::SEQPACKET),
        (REPORTER, sys::run::CLIENTS_SOCKET, SocketType::STREAM),
    ];
    let [listener, reporter] = sockets.map(|(handed, name, kind)| {
        Listener::inherit(handover.take(handed), directory.join(name), kind, Open::ToRoot)
    });
    Ok([listener?, reporter?])
}

/// The monitor that was handed over, or a new one.
pub(super) fn monitor(handover: &mut Handover) -> Result<Monitor, engine::Error> {
    let Some(handed) = handover.take(MONITOR) else {
        return Monitor::open_reading_ahead(&GROUPS);
    };
    Monitor::adopt_reading_ahead(handed).or_else(|error| {
        warn!(%error, "the kernel's events since the last daemon are lost");
        Monitor::open_reading_ahead(&GROUPS)
    })
}

/// The clients that were handed over, and whether the monitor hears of packets that need an SA.
pub(super) fn clients(handover: &mut Handover) -> (Clients, bool) {
    let known = handover.take(STATE).and_then(|file| {
        Known::read(file)
            .inspect_err(|error| warn!(%error, "the registrations of the clients are lost"))
            .ok()
    });
    let mut known = known.unwrap_or_default();
    let mut clients = Clients::default();
    for socket in handover.take_all(CLIENT) {
        if let Err(error) = known.restore(&mut clients, socket) {
            warn!(%error, "a client is lost");
        }
    }
    if clients.iter().next().is_some() {
        info!(clients = clients.iter().count(), "taken over");
    }
    (clients, known.hears_acquires)
}

/// Whether the messages that wait for the clients are part of the state: they are sent meanwhile
/// otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Included,
    Omitted,
}

/// A line of JSON, and behind it the messages that wait, which may hold keys.
fn state(hears_acquires: bool, clients: &Clients, waiting: Waiting) -> io::Result<File> {
    let mut rows = Vec::new();
    let mut bytes = Zeroizing::new(Vec::new());
    for client in clients.iter() {
        let packets = client.waiting().filter(|_| waiting == Waiting::Included);
        let lengths = packets.map(|packet| {
            bytes.extend_from_slice(packet);
            packet.len()
        });
        let lengths = lengths.collect::<Vec<_>>();
        rows.push(row(client, &lengths)?);
    }
    let head = json!({ "version": VERSION, "acquires": hears_acquires, "clients": rows });
    let mut file = File::from(memfd_create("pfkey-state", MemfdFlags::CLOEXEC)?);
    writeln!(file, "{head}")?;
    file.write_all(&bytes)?;
    Ok(file)
}

fn row(client: &Client, waiting: &[usize]) -> io::Result<Value> {
    Ok(json!({
        "cookie": socket_cookie(client)?,
        "pid": client.peer.pid,
        "uid": client.peer.uid,
        "program": client.peer.program,
        "registered": client.registered,
        "promiscuous": client.is_promiscuous,
        "lost": client.lost,
        "waiting": waiting,
    }))
}

/// What the last daemon has said of its clients.
#[derive(Default)]
struct Known {
    hears_acquires: bool,
    rows: Vec<(Value, Vec<Packet>)>,
}

impl Known {
    fn read(file: OwnedFd) -> io::Result<Self> {
        let mut file = File::from(file);
        file.rewind()?;
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(MOST_STATE).read_to_end(&mut bytes)?;
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
        let (head, mut waiting) = bytes.split_at(end);
        waiting = waiting.get(1..).unwrap_or_default();
        let head: Value = serde_json::from_slice(head)?;
        if head["version"] != VERSION {
            return Err(io::Error::other(format!("its version is {}", head["version"])));
        }
        let rows = head["clients"].as_array().cloned().unwrap_or_default();
        let rows = rows.into_iter().map(|row| {
            let packets = lengths(&row).map_while(|length| cut(&mut waiting, length)).collect();
            (row, packets)
        });
        Ok(Self { hears_acquires: head["acquires"] == true, rows: rows.collect() })
    }

    /// Makes a socket a client again; one that nothing is known of, as if it had just connected.
    fn restore(&mut self, clients: &mut Clients, socket: OwnedFd) -> io::Result<()> {
        if socket_type(&socket)? != SocketType::SEQPACKET {
            return Err(Errno::PROTOTYPE.into());
        }
        sys::datagrams::look_in_turn(&socket)?;
        let cookie = socket_cookie(&socket)?;
        let Some(place) = self.rows.iter().position(|(row, _)| row["cookie"] == cookie) else {
            let peer = peer::admitted(&socket)?;
            let peer = peer.map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))?;
            clients.add(socket, peer);
            return Ok(());
        };
        let (row, waiting) = self.rows.swap_remove(place);
        let number = |name: &str| row[name].as_u64().unwrap_or(0);
        let peer = Peer {
            pid: i32::try_from(number("pid")).unwrap_or(0),
            uid: u32::try_from(number("uid")).unwrap_or(u32::MAX),
            program: row["program"].as_str().unwrap_or_default().to_owned(),
        };
        let id: ClientId = clients.add(socket, peer);
        if let Some(client) = clients.get(id) {
            client.registered = u16::try_from(number("registered")).unwrap_or(0);
            client.is_promiscuous = row["promiscuous"] == true;
            client.lost = number("lost");
            for packet in &waiting {
                client.keep(packet);
            }
        }
        Ok(())
    }
}

fn lengths(row: &Value) -> impl Iterator<Item = usize> {
    let lengths = row["waiting"].as_array().cloned().unwrap_or_default();
    lengths.into_iter().map(|length| {
        let bytes = length.as_u64().and_then(|bytes| usize::try_from(bytes).ok());
        bytes.unwrap_or(usize::MAX)
    })
}

fn cut(bytes: &mut &[u8], length: usize) -> Option<Packet> {
    let (packet, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Packet::new(packet.to_vec().into()))
}
