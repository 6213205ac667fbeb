//! The requests of the clients: a method a PF_KEY message, in the files of this folder.

mod dump;
mod notifications;
mod pending;
mod register;
mod sad;
mod spd;

use std::sync::Arc;

use engine::{Engine, Installed, Requested};
use model::PolicyEntry;
use pfkey::{
    Error, Message, MessageType,
    command::{self, Command},
};
use rustix::io::Errno;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::{
    acquires::Acquires,
    events::Events,
    session::SessionId,
    sessions::{Audience, Sessions},
    settings::Settings,
    soft_expiry::SoftExpiry,
};
use pending::Pending;

/// Carries out the requests of all sessions, and sends the answers and the kernel's events.
pub(super) struct Handler {
    engine: Engine,
    events: Events,
    sessions: Sessions,
    /// Requests whose answers wait for the engine's batch.
    pending: Pending,
    acquires: Acquires,
    soft_expiry: SoftExpiry,
    settings: Arc<Settings>,
    /// A client has registered since [`Handler::take_registrations_changed`].
    registrations_changed: bool,
}

/// A request whose header is correct.
struct ClientRequest<'a> {
    session: SessionId,
    header: &'a Message,
    /// The whole message.
    bytes: &'a [u8],
    /// A daemon that has crashed may have carried it out.
    is_repeated: bool,
}

impl Handler {
    pub(super) fn new(
        engine: Engine,
        events: Events,
        sessions: Sessions,
        settings: Arc<Settings>,
    ) -> Self {
        let mut handler = Self {
            engine,
            events,
            sessions,
            pending: Pending::default(),
            acquires: Acquires::default(),
            soft_expiry: SoftExpiry::default(),
            settings,
            registrations_changed: false,
        };
        handler.follow_registrations();
        handler
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(super) fn sessions_mut(&mut self) -> &mut Sessions {
        &mut self.sessions
    }

    /// Carries out a request of `given` bytes, of which `bytes` were received. Its answer is queued
    /// now or by [`Handler::finish`]. `is_repeated`: a daemon that has crashed may have carried it out.
    pub(super) fn request(
        &mut self,
        session: SessionId,
        bytes: &[u8],
        given: usize,
        is_repeated: bool,
    ) {
        // A promiscuous client gets the request itself: after the answers to earlier ones.
        if self.sessions.any_promiscuous() {
            self.finish();
        }
        let header = if bytes.len() == given {
            command::header(bytes)
        } else {
            Err(Error::MessageLength { claimed: bytes.len(), given })
        };
        let header = match header {
            Ok(header) => header,
            Err(error) => return self.reject(session, bytes, &error),
        };
        if self.sessions.any_promiscuous() {
            let copy = Zeroizing::new(bytes.to_vec());
            self.sessions.send_bytes(copy, Audience::Promiscuous, None);
        }
        match command::command(&header, bytes) {
            Ok(command) => {
                let request = ClientRequest { session, header: &header, bytes, is_repeated };
                self.carry_out(&request, command);
            }
            Err(error) => {
                debug!(client = session.number(), %error, "request refused");
                self.pending.refuse(session, header, error.errno());
            }
        }
    }

    /// Answers what AF_KEY refuses by the errno of `send(2)`, without a message. On a Unix socket
    /// send(2) has succeeded by now, so the errno is in a message with the request's header.
    fn reject(&mut self, session: SessionId, bytes: &[u8], error: &Error) {
        debug!(client = session.number(), %error, "request rejected");
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let number = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|offset| byte(at + offset)));
        let header = Message::new(MessageType(byte(1)), byte(3)).numbered(number(8), number(12));
        self.pending.reject(session, header, error.errno());
    }

    /// Carries out a request. Only verbs that can fail at once return an error; the answers to changes
    /// wait in `pending`.
    fn carry_out(&mut self, request: &ClientRequest, command: Command) {
        let answered = match command {
            Command::GetSpi(get_spi) => self.get_spi(request, &get_spi),
            Command::AddSa(sa) => self.add(request, sa),
            Command::UpdateSa(sa) => return self.update(request, sa),
            Command::DeleteSa(id) => return self.delete(request, id),
            Command::GetSa(id) => self.get(request, &id),
            Command::Acquire(failed) => self.acquire(failed),
            Command::Register => self.register(request),
            Command::FlushSad(proto) => return self.flush(request, proto),
            Command::DumpSad(query) => self.dump(request, query),
            Command::Promiscuous(is_promiscuous) => return self.promisc(request, is_promiscuous),
            Command::Repeat => return self.repeat(request),
            Command::AddPolicy(policy) => self.spd_add(request, policy),
            Command::UpdatePolicy(policy) => return self.spd_update(request, policy),
            Command::DeletePolicy(id) => return self.spd_delete(request, id),
            Command::GetPolicy(index) => self.spd_get(request, index),
            Command::DeletePolicyOfIndex(index) => self.spd_delete2(request, index),
            Command::DumpSpd => self.spd_dump(request),
            Command::FlushSpd => return self.spd_flush(request),
            Command::Migrate(migration) => self.migrate(&migration),
        };
        if let Err(errno) = answered {
            self.answer(request.session, &request.header.refusal(errno));
        }
    }

    /// Queues an answer for one client.
    fn answer(&mut self, session: SessionId, message: &Message) {
        self.sessions.send(message, Audience::One(session), Some(session));
    }

    /// Queues the answer to a request, if PF_KEY can express it.
    fn answer_with(
        &mut self,
        request: &ClientRequest,
        message: Result<Message, Error>,
    ) -> Result<(), Errno> {
        let message = message.map_err(|error| error.errno())?;
        self.answer(request.session, &message.numbered(request.header.seq, request.header.pid));
        Ok(())
    }

    /// Ends the session of a client that has closed its socket and whose requests were all read.
    pub(super) fn end(&mut self, id: SessionId) {
        self.finish();
        if let Some(session) = self.sessions.get(id) {
            session.flush();
            session.end();
        }
    }
}

/// The requested form of a policy, of which the kernel may have only a part.
fn requested(engine: &mut Engine, entry: PolicyEntry) -> PolicyEntry {
    let Requested(entry) = engine.requested(Installed(entry));
    entry
}

/// The engine's answer, or the errno for the client.
fn answered<T>(answer: Result<T, engine::Error>) -> Result<T, Errno> {
    answer.map_err(|error| {
        if error.is_refusal() {
            debug!(%error, "request refused");
        } else {
            warn!(%error, "request failed");
        }
        error.errno()
    })
}
