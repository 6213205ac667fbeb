//! The server: its sockets, and the turns in which all clients are served.

mod handover;
mod poll;
mod refused;
mod report;

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{Engine, EngineOptions};
use pfkey::{LONGEST_MESSAGE, Message, MessageType, UNIT};
use rustix::{
    event::PollFlags,
    io::Errno,
    net::{SendFlags, send},
    process::{Resource, getrlimit},
};
use sys::datagrams::Inbox;
use tracing::{debug, info, warn};

use super::{
    events::Events,
    session::{
        SessionId,
        peer::{self, Stranger},
        requests::{InboxItem, ReadResult},
    },
    settings::Settings,
    verbs::Handler,
};
use crate::{
    Error, FileStore, Handover,
    listener::{Listener, Spare},
    log_limit::{LogLimit, Rate},
};
use handover::Inherited;
use poll::{Ready, Sources};
use refused::Refused;

/// Requests that are received by one system call.
const RECEIVED_AT_ONCE: usize = 32;

/// How long a client's requests are received in a turn. The other clients wait meanwhile.
const TIME_A_TURN: Duration = Duration::from_millis(10);

/// Events that are forwarded in a turn.
const EVENTS_A_TURN: usize = 512;

const SECOND: Duration = Duration::from_secs(1);

/// The pause in accepting after accept(2) has failed.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The most clients that are served at the same time, if the limit of descriptors allows it.
const MAX_CLIENTS: u64 = 512;

/// Descriptors of a client: its socket, that of its dump, and a copy during a handover.
const FILES_OF_A_CLIENT: u64 = 3;

/// Descriptors for the reconciler and the service for policies of sockets.
const RESERVED_FILES: u64 = 384;

/// The most clients in the limit of descriptors. A low limit leaves room for some.
fn max_clients() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let clients = files.saturating_sub(RESERVED_FILES).max(files / 4) / FILES_OF_A_CLIENT;
    usize::try_from(clients.clamp(1, MAX_CLIENTS)).unwrap_or(1)
}

/// The PF_KEY service of a network namespace.
pub struct Server {
    listener: Listener,
    /// The listening socket for readers of the report of the clients.
    reporter: Listener,
    /// accept(2) has failed: no connection is accepted before.
    accept_after: Option<Instant>,
    /// For connections that are refused for want of a descriptor.
    spare: Spare,
    /// Connections of clients that were refused.
    refused: Refused,
    /// The log of clients without the privilege.
    rejections: LogLimit,
    /// The most clients that are served at the same time.
    max_clients: usize,
    inbox: Inbox,
    handler: Handler,
    /// What keeps the sockets of processes that have registered one in case of a crash.
    file_store: Option<FileStore>,
    /// It could not be stored there, which was logged.
    has_failed_to_store: bool,
    settings: Arc<Settings>,
}

impl Server {
    /// Opens the service of this thread's network namespace, in its directory under /run/xfrm-tools,
    /// and continues with what the previous daemon has handed over.
    ///
    /// Errors: [`Error::Engine`] without XFRM or CAP_NET_ADMIN; [`Error::AnotherService`];
    /// [`Error::Socket`]; [`Error::Memory`].
    pub fn open(handover: &mut Handover, settings: Arc<Settings>) -> Result<Self, Error> {
        let Inherited { listener, reporter, monitor, has_acquires, sessions } =
            Inherited::take(handover, settings.user_namespaces())?;
        let engine = Engine::open(EngineOptions::default())?;
        let events = Events::open(monitor, has_acquires)?;
        info!(service = "PF_KEY", socket = %listener.path().display(), "listening");
        Ok(Self {
            spare: Spare::open(&listener),
            listener,
            reporter,
            accept_after: None,
            refused: Refused::default(),
            rejections: LogLimit::new(Rate(10, SECOND), Rate(50, SECOND)),
            max_clients: max_clients(),
            // One byte more than a message, to recognise longer datagrams.
            inbox: Inbox::new(RECEIVED_AT_ONCE, LONGEST_MESSAGE + UNIT).map_err(Error::Memory)?,
            handler: Handler::new(engine, events, sessions, Arc::clone(&settings)),
            file_store: None,
            has_failed_to_store: false,
            settings,
        })
    }

    /// The path of the socket that clients connect to.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.listener.path()
    }

    /// Serves until `stop` can be read.
    ///
    /// Errors: [`Error::Poll`].
    pub fn run(&mut self, stop: impl AsFd) -> Result<(), Error> {
        // A server that preempts the client that wakes it gets each request alone, though the client
        // is about to send more.
        if let Err(errno) = sys::scheduling::batch() {
            debug!(%errno, "SCHED_BATCH not set");
        }
        while let Some(ready) = self.wait(&stop)? {
            let only = ready.only_session();
            self.turn(ready);
            if let Some(id) = only {
                self.stay_with(id);
            }
        }
        let _ = sys::scheduling::other();
        Ok(())
    }

    fn wait(&self, stop: &impl AsFd) -> Result<Option<Ready>, Error> {
        let sources = Sources {
            stop: stop.as_fd(),
            listener: self.listener.as_fd(),
            reporter: self.reporter.as_fd(),
            events: self.handler.events().as_fd(),
            sessions: self.handler.sessions(),
            accept_after: self.accept_after,
        };
        sources.wait()
    }

    /// Serves every client once.
    fn turn(&mut self, ready: Ready) {
        if ready.events {
            self.handler.forward_events(EVENTS_A_TURN);
        }
        self.accept_after = self.accept_after.filter(|end| *end > Instant::now());
        if ready.listener {
            self.accept();
        }
        for (id, flags) in ready.sessions {
            if flags.contains(PollFlags::OUT) {
                self.handler.resume(id);
            }
            if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                self.serve(id);
            }
        }
        self.conclude(ready.listener);
        if ready.reporter {
            self.report();
        }
        self.rejections.log_suppressed("rejected clients of pfkey.sock");
    }

    /// Serves a client again as long as it has sent its next request meanwhile: a poll(2) for all
    /// clients takes longer than a read of one. The others wait for its requests of another turn at most.
    fn stay_with(&mut self, id: SessionId) {
        let begun = Instant::now();
        while begun.elapsed() < TIME_A_TURN && self.serve(id) {
            self.conclude(false);
        }
    }

    /// Ends the requests that were carried out: the kernel's results, the answers, and then the
    /// removal of the requests, which their senders may wait for.
    fn conclude(&mut self, has_accepted: bool) {
        self.handler.finish();
        let is_changed = self.handler.take_registrations_changed();
        if is_changed || has_accepted && self.has_more_to_store() {
            self.update_file_store();
        }
        let sessions = self.handler.sessions_mut();
        sessions.flush();
        sessions.remove_requests();
        sessions.remove_ended();
        sessions.give_back_memory();
        self.handler.follow_registrations();
    }

    /// Accepts the connections that wait. Without a descriptor left, it accepts and refuses them; if
    /// that fails as well, they wait for a while.
    fn accept(&mut self) {
        loop {
            let accepted = match self.listener.accept() {
                Err(Errno::MFILE | Errno::NFILE) => {
                    let refused = |socket| refuse(&socket, Errno::NFILE);
                    let accepted = self.spare.accept(&self.listener, refused);
                    accepted.map(|is_refused| is_refused.then(|| self.refused.count("descriptors")))
                }
                accepted => accepted.map(|socket| socket.map(|socket| self.admit(socket))),
            };
            match accepted {
                Ok(None) => return,
                Ok(Some(())) => {}
                Err(errno) => return self.pause_accept(errno),
            }
        }
    }

    /// Sends the report to the readers that wait.
    fn report(&mut self) {
        loop {
            let accepted = match self.reporter.accept() {
                Err(Errno::MFILE | Errno::NFILE) => {
                    let accepted = self.spare.accept(&self.reporter, drop);
                    accepted.map(|is_refused| is_refused.then_some(()))
                }
                accepted => accepted.map(|reader| {
                    reader.map(|reader| report::send(&reader, self.handler.sessions()))
                }),
            };
            match accepted {
                Ok(None) => return,
                Ok(Some(())) => {}
                Err(errno) => return self.pause_accept(errno),
            }
        }
    }

    fn pause_accept(&mut self, errno: Errno) {
        warn!(%errno, "accept failed");
        self.accept_after = Some(Instant::now() + ACCEPT_PAUSE);
    }

    /// Makes a connection a session if its program may administer the network, and there are not too
    /// many. Otherwise the program gets a message with an errno and the end, and its requests are not
    /// read.
    fn admit(&mut self, socket: OwnedFd) {
        if self.handler.sessions().count() >= self.max_clients {
            self.refused.count("clients");
            // As of a kernel that has no more sockets (`__sock_create`, net/socket.c).
            return refuse(&socket, Errno::NFILE);
        }
        self.refused.end();
        match peer::admission(&socket, self.settings.user_namespaces()) {
            Ok(peer) => {
                if let Err(errno) = sys::datagrams::look_in_turn(&socket) {
                    warn!(%errno, "client rejected");
                    return refuse(&socket, errno);
                }
                let (pid, program) = (peer.pid, peer.program.clone());
                let id = self.handler.sessions_mut().add(socket, peer);
                debug!(client = id.number(), pid, program, "client accepted");
            }
            Err(Stranger { pid, uid, program, reason }) => {
                if let Some(suppressed) = self.rejections.admit(uid, Instant::now()) {
                    let suppressed = (suppressed != 0).then_some(suppressed);
                    warn!(pid, uid, program, %reason, suppressed, "client rejected");
                }
                refuse(&socket, reason.errno());
            }
        }
    }

    /// Receives and carries out a client's requests; whether there were any, or the end.
    fn serve(&mut self, id: SessionId) -> bool {
        let begun = Instant::now();
        let mut has_received = false;
        while let Some(session) = self.handler.sessions_mut().get(id) {
            match session.look(&mut self.inbox) {
                ReadResult::Datagrams => {
                    has_received = true;
                    if !self.carry_out_received(id) || begun.elapsed() > TIME_A_TURN {
                        break;
                    }
                }
                ReadResult::Nothing => break,
                ReadResult::End => {
                    self.handler.end(id);
                    return true;
                }
            }
        }
        has_received
    }

    /// Carries out the requests in the inbox; whether there may be more.
    fn carry_out_received(&mut self, id: SessionId) -> bool {
        let (inbox, handler) = (&mut self.inbox, &mut self.handler);
        let mut may_have_more = inbox.is_full();
        for at in 0..inbox.count() {
            let given = inbox.length(at);
            let session = handler.sessions_mut().get(id);
            match session.map(|session| session.next_datagram(given, inbox.room())) {
                Some(item @ (InboxItem::Request | InboxItem::Repeated)) => {
                    let is_repeated = item == InboxItem::Repeated;
                    handler.request(id, inbox.datagram(at), given, is_repeated);
                }
                Some(InboxItem::Rest) => {}
                Some(InboxItem::End) | None => {
                    handler.end(id);
                    may_have_more = false;
                    break;
                }
            }
        }
        // A request may contain a key.
        inbox.wipe();
        may_have_more
    }
}

/// Sends a refusal of no request to a process that does not become a client. The connection is closed
/// whether or not the message is sent. Requests in the queue are removed unread: otherwise the process
/// would get ECONNRESET before the message.
fn refuse(socket: &OwnedFd, errno: Errno) {
    let _ = sys::datagrams::take(socket, RECEIVED_AT_ONCE);
    let refusal = Message::new(MessageType(0), 0).refusal(errno);
    if let Ok(bytes) = refusal.encode() {
        let _ = send(socket, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}
