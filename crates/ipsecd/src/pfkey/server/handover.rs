//! The handover of the service to the next daemon: its clients keep their connections, what they
//! have registered, and the messages that wait for them; the kernel's events stay in the queue of the
//! monitor.

mod state;

use std::{io, os::fd::OwnedFd};

use rustix::net::{Shutdown, SocketType, shutdown};
use tracing::{info, warn};

use super::Server;
use crate::{
    Error, FileStore, Handover,
    confinement::UserNamespaces,
    file_store::{CLIENT, Holder, LISTENER, MONITOR, REPORTER, STATE},
    listener::{Listener, Open},
    pfkey::{events::Events, sessions::Sessions},
};
use state::{PreviousState, Waiting};

/// What the previous daemon has handed over, and new listening sockets where it has not.
pub(super) struct Inherited {
    pub(super) listener: Listener,
    pub(super) reporter: Listener,
    pub(super) monitor: Option<OwnedFd>,
    /// Whether the monitor has joined the group of ACQUIREs.
    pub(super) has_acquires: bool,
    pub(super) sessions: Sessions,
}

impl Inherited {
    /// Takes the part of this service.
    ///
    /// Errors: [`Error::AnotherService`], [`Error::Socket`].
    pub(super) fn take(
        handover: &mut Handover,
        namespaces: &UserNamespaces,
    ) -> Result<Self, Error> {
        let directory = engine::Namespace::current().directory().to_owned();
        let mut listen = |handed_over, name, kind| {
            let path = directory.join(name);
            Listener::inherit(handover.take(handed_over), path, kind, Open::ToRoot)
        };
        let listener = listen(LISTENER, sys::run::PFKEY_SOCKET, SocketType::SEQPACKET)?;
        let reporter = listen(REPORTER, sys::run::CLIENTS_SOCKET, SocketType::STREAM)?;
        let monitor = handover.take(MONITOR);
        let (sessions, has_acquires) = sessions(handover, namespaces);
        Ok(Self { listener, reporter, monitor, has_acquires, sessions })
    }
}

/// Restores the sessions, and whether the monitor has joined the group of ACQUIREs.
fn sessions(handover: &mut Handover, namespaces: &UserNamespaces) -> (Sessions, bool) {
    let saved = handover.take(STATE).and_then(|file| {
        let read = PreviousState::read(file);
        read.inspect_err(|error| warn!(%error, "registrations of the clients lost")).ok()
    });
    let mut saved = saved.unwrap_or_default();
    let mut sessions = Sessions::default();
    for socket in handover.take_all(CLIENT) {
        let copy = socket.try_clone();
        if let Err(error) = copy.and_then(|it| saved.restore(&mut sessions, it, namespaces)) {
            warn!(%error, "client lost");
            // The client sees its end, though what stores the sockets has a copy.
            let _ = shutdown(&socket, Shutdown::Both);
        }
    }
    if sessions.iter().next().is_some() {
        info!(clients = sessions.iter().count(), "taken over");
    }
    (sessions, saved.has_acquires())
}

/// The state of the sessions as a file.
fn state(events: &Events, sessions: &Sessions, waiting: Waiting) -> io::Result<std::fs::File> {
    state::write(events.has_acquires(), sessions, waiting)
}

impl Server {
    /// Adds to a handover what the next daemon needs to continue. This server can continue as well.
    pub fn hand_over(&mut self, mut handover: Handover) -> io::Result<Handover> {
        self.finish_requests();
        let (events, sessions) = (self.handler.events(), self.handler.sessions());
        // A service manager stores a limited number of descriptors: the first ones.
        handover.push(STATE, state(events, sessions, Waiting::Included)?)?;
        handover.push(LISTENER, &self.listener)?;
        handover.push(REPORTER, &self.reporter)?;
        handover.push(MONITOR, events)?;
        for session in sessions.registered().chain(sessions.others()) {
            handover.push(CLIENT, session)?;
        }
        Ok(handover)
    }

    /// Answers what was carried out, and reads the rest of all dumps.
    fn finish_requests(&mut self) {
        self.handler.finish_dumps();
        let sessions = self.handler.sessions_mut();
        sessions.flush();
        sessions.remove_requests();
    }

    /// Has the process keep all clients and the monitor, and not the listening sockets: programs do not connect
    /// any more. Gives the number of clients.
    pub(crate) fn store_clients(&mut self, holder: &Holder) -> io::Result<usize> {
        self.finish_requests();
        let (events, sessions) = (self.handler.events(), self.handler.sessions());
        sessions.iter().try_for_each(|session| holder.store(CLIENT, session))?;
        holder.store(STATE, state(events, sessions, Waiting::Included)?)?;
        holder.remove(LISTENER)?;
        holder.remove(REPORTER)?;
        Ok(sessions.count())
    }

    /// Has `store` keep what a daemon needs that is started after a crash of this one:
    /// the listening sockets, the monitor, the registrations, and the sockets of processes that have registered
    /// one, which do not see the crash then.
    pub fn store_for_a_crash(&mut self, store: FileStore) {
        let stored = store
            .replace(LISTENER, &self.listener)
            .and_then(|()| store.replace(REPORTER, &self.reporter))
            .and_then(|()| store.replace(MONITOR, self.handler.events()));
        match stored {
            Ok(()) => self.file_store = Some(store),
            Err(error) => warn!(%error, "sockets not stored for a crash"),
        }
        self.update_file_store();
    }

    /// Whether a process that has registered has connected once more.
    pub(super) fn has_more_to_store(&mut self) -> bool {
        self.handler.sessions_mut().not_stored().next().is_some()
    }

    /// Stores the registrations, and the sockets of processes that have registered one by now. Each socket is stored once:
    /// a client that registers often delays no other.
    pub(super) fn update_file_store(&mut self) {
        let Some(file_store) = &self.file_store else { return };
        let mut store = || {
            for session in self.handler.sessions_mut().not_stored() {
                file_store.store(CLIENT, &*session)?;
                session.set_stored();
            }
            let (events, sessions) = (self.handler.events(), self.handler.sessions());
            file_store.replace(STATE, state(events, sessions, Waiting::Omitted)?)
        };
        let stored = store();
        if let Err(error) = &stored
            && !self.has_failed_to_store
        {
            warn!(%error, "clients not stored for a crash");
        }
        self.has_failed_to_store = stored.is_err();
    }

    /// Leaves the files of the listening sockets in place for the next daemon.
    pub fn keep_socket_files(&self) {
        self.listener.keep_file();
        self.reporter.keep_file();
    }
}

#[cfg(test)]
mod tests {
    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        net::{AddressFamily, SocketFlags, socketpair},
    };

    use super::*;

    #[test]
    fn a_client_that_cannot_be_restored_sees_its_end() {
        // A socket of the service is of another type.
        let (socket, client) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .unwrap();
        let _stored = socket.try_clone().unwrap();
        let mut handover = Handover::default();
        handover.give(CLIENT.to_owned(), socket);
        let (sessions, _) = sessions(&mut handover, &UserNamespaces::default());
        assert_eq!(sessions.count(), 0);
        let mut slots = [PollFd::new(&client, PollFlags::empty())];
        assert_eq!(poll(&mut slots, Some(&Timespec::default())), Ok(1));
        assert!(slots[0].revents().contains(PollFlags::HUP));
    }
}
