//! The state of the sessions as a file in memory: a line of JSON, and behind it the messages that
//! wait for the clients, which may contain keys.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    os::fd::OwnedFd,
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create},
    io::{Errno, ioctl_fionread},
    net::{
        SocketType,
        sockopt::{socket_cookie, socket_type},
    },
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::confinement::{self, UserNamespaces};
use crate::pfkey::{
    session::{
        Packet, RestoredSession, Session,
        peer::{self, Peer},
    },
    sessions::Sessions,
};

/// The version of the format. The state of another version is not read: its clients lose their
/// registrations.
const VERSION: u64 = 1;

/// The size of the state that is read at most, in bytes.
const MAX_STATE: u64 = 1 << 30;

/// Whether the state includes the messages that wait for the clients. They are sent later otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    Included,
    Omitted,
}

/// Writes the state.
pub(super) fn write(has_acquires: bool, sessions: &Sessions, waiting: Waiting) -> io::Result<File> {
    let packets = |session| Session::waiting(session).filter(|_| waiting == Waiting::Included);
    let rows = sessions.iter().map(|session| {
        let lengths = packets(session).map(|packet| packet.len()).collect::<Vec<_>>();
        row(session, &lengths)
    });
    let rows = rows.collect::<io::Result<Vec<_>>>()?;
    // A daemon that ends in order has removed the requests that it has carried out.
    let of_crash = waiting == Waiting::Omitted;
    let head =
        json!({ "version": VERSION, "acquires": has_acquires, "crash": of_crash, "clients": rows });
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | confinement::memory();
    let mut file = File::from(memfd_create("pfkey-state", flags)?);
    // In one piece: each piece is a system call.
    file.write_all(format!("{head}\n").as_bytes())?;
    for packet in sessions.iter().flat_map(packets) {
        file.write_all(packet)?;
    }
    // So that its size can be relied on.
    fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::WRITE)?;
    Ok(file)
}

fn row(session: &Session, waiting: &[usize]) -> io::Result<Value> {
    let Peer { pid, uid, program } = session.peer();
    Ok(json!({
        "cookie": socket_cookie(session)?,
        "pid": pid,
        "uid": uid,
        "program": program,
        "registered": session.registered(),
        "promiscuous": session.is_promiscuous(),
        "lost": session.lost(),
        "repeated": session.repeated(),
        "waiting": waiting,
    }))
}

/// The state of the previous daemon.
#[derive(Default)]
pub(super) struct PreviousState {
    has_acquires: bool,
    /// That daemon has not written it at its end.
    has_crashed: bool,
    rows: Vec<(Value, Vec<Packet>)>,
}

impl PreviousState {
    pub(super) fn read(file: OwnedFd) -> io::Result<Self> {
        // Another kind has no such seals: a device has no end, and another file may keep its reader waiting.
        fcntl_get_seals(&file).map_err(|_| io::Error::other("it is no file in memory"))?;
        let mut file = File::from(file);
        file.rewind()?;
        // All the room at once: a growing `Vec` would leave copies behind.
        let room = file.metadata()?.len().min(MAX_STATE) + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(0)));
        file.take(MAX_STATE).read_to_end(&mut bytes)?;
        let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
        let (head, mut messages) = bytes.split_at(end);
        messages = messages.get(1..).unwrap_or_default();
        let head: Value = serde_json::from_slice(head)?;
        if head["version"] != VERSION {
            return Err(io::Error::other(format!("its version is {}", head["version"])));
        }
        let rows = head["clients"].as_array().cloned().unwrap_or_default();
        let rows = rows.into_iter().map(|row| {
            let packets = lengths(&row).map_while(|length| cut(&mut messages, length)).collect();
            (row, packets)
        });
        let (has_acquires, has_crashed) = (head["acquires"] == true, head["crash"] == true);
        Ok(Self { has_acquires, has_crashed, rows: rows.collect() })
    }

    /// Whether the monitor has joined the group of ACQUIREs.
    pub(super) fn has_acquires(&self) -> bool {
        self.has_acquires
    }

    /// Makes a socket a session again; one without a row as if it had just connected.
    pub(super) fn restore(
        &mut self,
        sessions: &mut Sessions,
        socket: OwnedFd,
        namespaces: &UserNamespaces,
    ) -> io::Result<()> {
        if socket_type(&socket)? != SocketType::SEQPACKET {
            return Err(Errno::PROTOTYPE.into());
        }
        sys::datagrams::look_in_turn(&socket)?;
        let cookie = socket_cookie(&socket)?;
        let Some(at) = self.rows.iter().position(|(row, _)| row["cookie"] == cookie) else {
            let peer = peer::admission(&socket, namespaces).map_err(io::Error::other)?;
            sessions.add(socket, peer);
            return Ok(());
        };
        let (row, waiting) = self.rows.swap_remove(at);
        let number = |name: &str| row[name].as_u64().unwrap_or(0);
        let peer = Peer {
            pid: i32::try_from(number("pid")).unwrap_or(0),
            uid: u32::try_from(number("uid")).unwrap_or(u32::MAX),
            program: row["program"].as_str().unwrap_or_default().to_owned(),
        };
        // After a crash, all that is in the queue. A daemon that ended in order knows what it has not come to.
        let repeated = if self.has_crashed { ioctl_fionread(&socket)? } else { number("repeated") };
        let restored = RestoredSession {
            registered: u16::try_from(number("registered")).unwrap_or(0),
            is_promiscuous: row["promiscuous"] == true,
            lost: number("lost"),
            waiting,
            repeated,
        };
        let id = sessions.add(socket, peer);
        if let Some(session) = sessions.get(id) {
            session.restore(&restored);
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use rustix::net::{AddressFamily, SendFlags, SocketFlags, send, socketpair};
    use sys::datagrams::Inbox;

    use super::*;
    use crate::pfkey::session::{
        SessionId,
        requests::{InboxItem, ReadResult},
    };

    /// A session in the next daemon.
    fn restored(sessions: &Sessions, waiting: Waiting) -> (Sessions, SessionId) {
        let session = sessions.iter().next().unwrap();
        let socket = session.as_fd().try_clone_to_owned().unwrap();
        let mut state =
            PreviousState::read(write(false, sessions, waiting).unwrap().into()).unwrap();
        let mut sessions = Sessions::default();
        state.restore(&mut sessions, socket, &UserNamespaces::default()).unwrap();
        let id = sessions.iter().next().unwrap().id();
        (sessions, id)
    }

    /// Reads the next request and removes it from the queue.
    fn next(sessions: &mut Sessions, id: SessionId) -> InboxItem {
        let mut inbox = Inbox::new(1, 64).unwrap();
        let session = sessions.get(id).unwrap();
        assert_eq!(session.look(&mut inbox), ReadResult::Datagrams);
        let item = session.next_datagram(inbox.length(0), inbox.room());
        session.remove_requests();
        item
    }

    #[test]
    fn requests_that_a_crash_has_left_are_repeated_after_a_stop_as_well() {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .unwrap();
        let ask = || assert_eq!(send(&theirs, &[7; 20], SendFlags::empty()), Ok(20));
        let mut crashed = Sessions::default();
        crashed.add(ours, Peer::default());
        ask();
        ask();
        let (mut stopped, id) = restored(&crashed, Waiting::Omitted);
        assert_eq!(next(&mut stopped, id), InboxItem::Repeated);
        ask();
        let (mut sessions, id) = restored(&stopped, Waiting::Included);
        assert_eq!(next(&mut sessions, id), InboxItem::Repeated);
        assert_eq!(next(&mut sessions, id), InboxItem::Request);
    }
}
