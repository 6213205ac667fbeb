use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use engine::{Engine, Monitor, Options};
use model::PolicyEntry;
use pfkey::{Message, MessageType};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, retry_on_intr},
    net::{SendFlags, send},
};
use sys::datagrams::Inbox;
use tracing::{debug, info, warn};
use zeroize::Zeroize;

use super::{
    broadcast::{Audience, Clients},
    change::Change,
    client::{Client, ClientId},
    dying::Dying,
    failed::Acquires,
    handed_over,
    peer::{self, Stranger},
    report,
    requests::{Datagram, Found},
    settings::Settings,
};
use crate::{Error, Handover, ServiceManager, listener::Listener};

/// Bytes of the longest message that `sadb_msg_len` can say.
const LONGEST: usize = u16::MAX as usize * 8;

/// Requests that are received at once.
const AT_ONCE: usize = 32;

/// How often a client's requests are received before it is another's turn.
const TIMES_A_TURN: usize = 16;

/// Entries of a dump likewise.
const ENTRIES_A_TURN: usize = 32;

/// Events of others likewise.
const EVENTS_A_TURN: usize = 512;

/// How long those wait who cannot be let in.
const A_WHILE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The PF_KEY service of a network namespace.
pub struct Server {
    pub(super) listener: Listener,
    /// Where it tells of its clients.
    pub(super) reporter: Listener,
    pub(super) engine: Engine,
    pub(super) monitor: Monitor,
    /// Whether the monitor hears of packets that need an SA.
    pub(super) hears_acquires: bool,
    pub(super) clients: Clients,
    /// The requests that wait for their answers, in order.
    pub(super) changes: Vec<Change>,
    pub(super) acquires: Acquires,
    pub(super) dying: Dying,
    pub(super) settings: Arc<Settings>,
    /// Who keeps the sockets of the clients, should this process crash.
    pub(super) manager: Option<Arc<ServiceManager>>,
    /// Nobody could be let in: those who wait are looked at again in a while.
    is_crowded: bool,
    inbox: Inbox,
}

/// What there is to do.
struct Ready {
    /// Programs want to be let in.
    arrivals: bool,
    /// Somebody wants to know of the clients.
    curious: bool,
    /// Something has changed.
    events: bool,
    /// These may be sent to, or have sent something.
    clients: Vec<(ClientId, PollFlags)>,
}

impl Server {
    /// Opens the service of this thread's network namespace, under /run/xfrm-tools, with what the
    /// daemon before has handed over.
    ///
    /// Errors: [`Error::Engine`] without XFRM or CAP_NET_ADMIN;
    /// [`Error::AnotherService`]; [`Error::Socket`].
    pub fn open(handover: &mut Handover, settings: Arc<Settings>) -> Result<Self, Error> {
        let [listener, reporter] = handed_over::listeners(handover)?;
        let engine = Engine::open(Options::default())?;
        let monitor = handed_over::monitor(handover)?;
        let (clients, hears_acquires) = handed_over::clients(handover);
        let service = Self {
            engine,
            monitor,
            hears_acquires,
            clients,
            changes: Vec::new(),
            acquires: Acquires::default(),
            dying: Dying::default(),
            settings,
            manager: None,
            is_crowded: false,
            // A byte more, to see what is longer.
            inbox: Inbox::new(AT_ONCE, LONGEST + 8),
            listener,
            reporter,
        };
        info!(socket = %service.path().display(), "PF_KEY service");
        Ok(service)
    }

    /// Where programs connect.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.listener.path()
    }

    /// Serves until `stop` can be read.
    ///
    /// Errors: [`Error::Poll`].
    pub fn run(&mut self, stop: impl AsFd) -> Result<(), Error> {
        // As any other thread, this one would run in the place of the client that wakes it, and take
        // each request alone, though more are about to come.
        if let Err(error) = sys::scheduling::batch() {
            debug!(%error, "requests will come singly");
        }
        while self.turn(&stop)? {}
        info!("PF_KEY service stops");
        // A program that this thread executes is scheduled as others are.
        let _ = sys::scheduling::other();
        Ok(())
    }

    /// Waits until there is something to do, and gives everybody a turn; false: `stop` can be read.
    fn turn(&mut self, stop: &impl AsFd) -> Result<bool, Error> {
        let Some(ready) = self.wait(stop)? else { return Ok(false) };
        if ready.events {
            self.hear(EVENTS_A_TURN);
        }
        if ready.arrivals {
            self.let_in();
        }
        for (id, flags) in ready.clients {
            if flags.contains(PollFlags::OUT)
                && let Some(client) = self.clients.get(id)
            {
                client.flush();
                self.pump(id);
            }
            if flags.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
                self.serve(id);
            }
        }
        self.settle();
        self.clients.flush();
        self.clients.take_requests();
        self.clients.bury();
        self.listen_for_acquires();
        if ready.curious {
            report::answer(&self.reporter, &self.clients);
        }
        Ok(true)
    }

    /// Waits until there is something to do; none: `stop` can be read.
    fn wait(&self, stop: &impl AsFd) -> Result<Option<Ready>, Error> {
        let (arrivals, longest) = if self.is_crowded {
            (PollFlags::empty(), Some(&A_WHILE))
        } else {
            (PollFlags::IN, None)
        };
        let mut files = vec![
            PollFd::new(stop, PollFlags::IN),
            PollFd::new(&self.listener, arrivals),
            PollFd::new(&self.reporter, PollFlags::IN),
            PollFd::new(&self.monitor, PollFlags::IN),
        ];
        let ours = files.len();
        files.extend(self.clients.iter().map(|client| PollFd::new(client, client.interest())));
        retry_on_intr(|| poll(&mut files, longest)).map_err(|errno| Error::Poll(errno.into()))?;
        let is_ready = |at: usize| !files[at].revents().is_empty();
        let clients = self.clients.iter().zip(&files[ours..]);
        let busy = clients.map(|(client, file)| (client.id, file.revents()));
        let ready = Ready {
            arrivals: is_ready(1) || self.is_crowded,
            curious: is_ready(2),
            events: is_ready(3),
            clients: busy.filter(|(_, flags)| !flags.is_empty()).collect(),
        };
        Ok((!is_ready(0)).then_some(ready))
    }

    /// Lets in who waits and may administer the network.
    fn let_in(&mut self) {
        self.is_crowded = false;
        loop {
            match self.listener.accept() {
                Ok(None) => return,
                Ok(Some(socket)) => self.admit(socket),
                Err(error) => {
                    // Too many open files, as a rule.
                    warn!(%error, "letting in failed");
                    self.is_crowded = true;
                    return;
                }
            }
        }
    }

    /// Lets a program in, or sends it away: its requests are not read then.
    fn admit(&mut self, socket: OwnedFd) {
        let admitted = peer::admitted(&socket).and_then(|peer| {
            sys::datagrams::look_in_turn(&socket).map(|()| peer).map_err(Into::into)
        });
        match admitted {
            Ok(Ok(peer)) => {
                let (pid, program) = (peer.pid, peer.program.clone());
                let id = self.clients.add(socket, peer);
                debug!(client = id.0, pid, program, "let in");
                return;
            }
            Ok(Err(Stranger { pid, program })) => {
                warn!(pid, program, "refused: no CAP_NET_ADMIN in this user namespace");
            }
            Err(error) => warn!(%error, "refused, with its requests: the process is unknown"),
        }
        let refusal = Message::new(MessageType(0), 0).refusal(Errno::PERM);
        if let Ok(bytes) = refusal.encode() {
            // It is closed anyway.
            let _ = send(&socket, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        }
    }

    /// Carries out a client's requests.
    fn serve(&mut self, id: ClientId) {
        for _ in 0..TIMES_A_TURN {
            let Some(client) = self.clients.get(id) else { return };
            match client.look(&mut self.inbox) {
                Found::Datagrams if self.carry_out_found(id) => {}
                Found::Datagrams | Found::Nothing => return,
                Found::End => return self.part_with(id),
            }
        }
    }

    /// Carries out the requests that were found; whether there may be more.
    fn carry_out_found(&mut self, id: ClientId) -> bool {
        // It is the request's while it is looked at.
        let mut inbox = std::mem::replace(&mut self.inbox, Inbox::new(0, 1));
        let mut goes_on = inbox.is_full();
        for at in 0..inbox.count() {
            let given = inbox.length(at);
            let datagram = self.clients.get(id).map(|it| it.next_datagram(given, inbox.room()));
            match datagram {
                Some(Datagram::Request) => self.request(id, inbox.datagram(at), given),
                Some(Datagram::Rest) => {}
                Some(Datagram::End) | None => {
                    self.part_with(id);
                    goes_on = false;
                    break;
                }
            }
        }
        // There may have been a key.
        for datagram in 0..inbox.count() {
            inbox.datagram(datagram).zeroize();
        }
        self.inbox = inbox;
        goes_on
    }

    /// Ends the conversation with a client that has closed its socket: all that it has asked for was
    /// seen.
    fn part_with(&mut self, id: ClientId) {
        self.settle();
        if let Some(client) = self.clients.get(id) {
            client.flush();
            client.part();
        }
    }

    /// Sends a client the next entries of its dump, as far as there is room. The promiscuous hear
    /// them too.
    pub(super) fn pump(&mut self, id: ClientId) {
        for _ in 0..ENTRIES_A_TURN {
            let Some(client) = self.clients.get(id).filter(|client| client.has_room()) else {
                return;
            };
            let Some(dump) = &mut client.dump else { return };
            match dump.next(|entry| asked(&mut self.engine, entry)) {
                Some(message) => self.clients.send(&message, Audience::One(id), Some(id)),
                None => client.dump = None,
            }
        }
    }

    /// Sends a client as much of its dump as its socket takes, as AF_KEY does before send(2) returns.
    pub(super) fn fill(&mut self, id: ClientId) {
        let goes_on = |client: &mut Client| client.dump.is_some() && client.has_room();
        while self.clients.get(id).is_some_and(goes_on) {
            self.pump(id);
        }
    }

    /// A policy with everything that was asked of it.
    pub(super) fn asked(&mut self, entry: PolicyEntry) -> PolicyEntry {
        asked(&mut self.engine, entry)
    }
}

/// A policy with everything that was asked of it; what the kernel holds if that cannot be read.
pub(super) fn asked(engine: &mut Engine, entry: PolicyEntry) -> PolicyEntry {
    if !entry.form.is_partial {
        return entry;
    }
    engine.asked(entry.clone()).unwrap_or_else(|error| {
        warn!(%error, "what was asked of a policy");
        entry
    })
}
