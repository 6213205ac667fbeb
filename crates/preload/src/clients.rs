//! The sockets of the PF_KEY service that this process has. They are identified by
//! the kernel's number of a socket (`SO_COOKIE`), whichever descriptors they have.

use std::{
    ffi::c_int,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use rustix::{
    fd::BorrowedFd,
    net::{SocketAddrUnix, getpeername, sockopt::socket_cookie},
};

use crate::{
    descriptors::{self, borrow},
    interests::Interests,
    last_connection::LastConnection,
    placeholder::{self, CAPACITY},
    preload,
    spin_lock::Guard,
    time::{now, pause},
};

/// The cookie of an entry that is being made.
const RESERVED: u64 = u64::MAX;

static CLIENTS: [Client; CAPACITY] = [const { Client::new() }; CAPACITY];
/// How many entries have ever been made.
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether the table was full once. Sockets that are not in it are recognised by their peer's address.
static OVERFLOWED: AtomicBool = AtomicBool::new(false);
/// The client of all sockets that are not in the table. What they register for is not known.
static REST: Client = Client::new();

/// What is known of a socket.
pub(crate) struct Client {
    cookie: AtomicU64,
    /// The cookie of the connection that is replacing it.
    successor: AtomicU64,
    senders: AtomicU32,
    /// When it was connected again, in milliseconds of the monotonic clock; 0: never.
    connected: AtomicU64,
    pub(crate) interests: Interests,
    pub(crate) last_connection: LastConnection,
}

/// What a descriptor of a client is of.
pub(crate) enum ClientDescriptor {
    /// A socket of the service.
    Socket(&'static Client),
    /// The placeholder of a socket while there is no service.
    Placeholder(&'static Client),
}

/// A thread that sends on a socket, and waits.
pub(crate) struct SendingThread<'client>(&'client Client);

/// Whether there is any: the only cost in programs without clients.
pub(crate) fn any() -> bool {
    USED.load(Ordering::Relaxed) != 0
}

/// What a descriptor is of, if it belongs to a client of the service.
pub(crate) fn of(fd: c_int) -> Option<ClientDescriptor> {
    if !any() {
        return None;
    }
    let descriptor = borrow(fd)?;
    match socket_cookie(descriptor) {
        Ok(cookie) => listed(cookie).or_else(|| unlisted(descriptor)).map(ClientDescriptor::Socket),
        Err(_) => placeholder::client_index(fd)
            .map(|index| ClientDescriptor::Placeholder(&CLIENTS[index])),
    }
}

fn listed(cookie: u64) -> Option<&'static Client> {
    CLIENTS[..USED.load(Ordering::Acquire)].iter().find(|client| client.is(cookie))
}

fn unlisted(descriptor: BorrowedFd<'_>) -> Option<&'static Client> {
    (OVERFLOWED.load(Ordering::Relaxed) && is_service(descriptor)).then_some(&REST)
}

/// Adds a socket to the table.
pub(crate) fn add(socket: BorrowedFd<'_>) {
    let Ok(cookie) = socket_cookie(socket) else { return };
    if listed(cookie).is_some() || enter(cookie) {
        return;
    }
    forget_closed();
    if !enter(cookie) {
        OVERFLOWED.store(true, Ordering::Relaxed);
    }
}

/// Adds a socket that another program has opened, if it is one of the service.
pub(crate) fn add_if_service(fd: c_int) {
    if let Some(descriptor) = borrow(fd).filter(|descriptor| is_service(*descriptor)) {
        add(descriptor);
    }
}

/// Adds the sockets that the program had when it was executed.
pub(crate) fn find_inherited() {
    descriptors::each(&mut add_if_service);
}

fn is_service(descriptor: BorrowedFd<'_>) -> bool {
    let peer = getpeername(descriptor).ok().flatten().map(SocketAddrUnix::try_from);
    peer.and_then(Result::ok).is_some_and(|peer| preload().settings.is_service(&peer))
}

fn enter(cookie: u64) -> bool {
    for (number, client) in CLIENTS.iter().enumerate() {
        let is_free = client
            .cookie
            .compare_exchange(0, RESERVED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        if is_free {
            client.interests.forget();
            client.connected.store(0, Ordering::Relaxed);
            client.cookie.store(cookie, Ordering::Release);
            USED.fetch_max(number + 1, Ordering::AcqRel);
            return true;
        }
    }
    false
}

/// Makes room: there is no notification when the last descriptor of a socket is closed.
fn forget_closed() {
    let Some(_guard) = Guard::take() else { return };
    let mut is_open = [false; CAPACITY];
    descriptors::each(&mut |fd| {
        if let Some(ClientDescriptor::Socket(client) | ClientDescriptor::Placeholder(client)) =
            of(fd)
            && let Some(index) = client.index()
        {
            is_open[index] = true;
        }
    });
    for (client, is_open) in CLIENTS.iter().zip(is_open) {
        let cookie = client.cookie.load(Ordering::Acquire);
        if !is_open && cookie != RESERVED {
            let _ = client.cookie.compare_exchange(cookie, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
}

/// In a child there are no threads that send.
pub(crate) fn forget_senders() {
    for client in CLIENTS.iter().chain([&REST]) {
        client.senders.store(0, Ordering::Relaxed);
    }
}

impl Client {
    const fn new() -> Self {
        Self {
            cookie: AtomicU64::new(0),
            successor: AtomicU64::new(0),
            senders: AtomicU32::new(0),
            connected: AtomicU64::new(0),
            interests: Interests::new(),
            last_connection: LastConnection::new(),
        }
    }

    fn is(&self, cookie: u64) -> bool {
        self.cookie.load(Ordering::Acquire) == cookie
            || self.successor.load(Ordering::Acquire) == cookie
    }

    /// Its index in the table; `None`: it is not in the table.
    pub(crate) fn index(&self) -> Option<usize> {
        CLIENTS.iter().position(|client| std::ptr::eq(client, self))
    }

    /// Whether a descriptor is of this socket.
    pub(crate) fn has(&self, fd: c_int) -> bool {
        let cookie = borrow(fd).and_then(|descriptor| socket_cookie(descriptor).ok());
        cookie.is_some_and(|cookie| cookie == self.cookie.load(Ordering::Acquire))
    }

    /// Keeps the socket from being replaced until what was sent on it has been answered.
    pub(crate) fn sender(&self) -> SendingThread<'_> {
        self.senders.fetch_add(1, Ordering::AcqRel);
        SendingThread(self)
    }

    /// Waits until no thread sends: the service has ended, and all of their calls return. Not for
    /// long, since a sender may be what a signal handler has interrupted.
    pub(crate) fn wait_for_senders(&self) {
        for _ in 0..100 {
            if self.senders.load(Ordering::Acquire) == 0 {
                return;
            }
            pause(Duration::from_millis(1));
        }
    }

    /// Makes another socket the successor of this, while `replace` replaces the descriptors.
    pub(crate) fn succeed(&self, new: BorrowedFd<'_>, replace: impl FnOnce()) {
        let cookie = socket_cookie(new).unwrap_or_default();
        self.successor.store(cookie, Ordering::Release);
        replace();
        if self.index().is_some() {
            self.cookie.store(cookie, Ordering::Release);
        }
        self.successor.store(0, Ordering::Release);
        self.connected.store(now(), Ordering::Relaxed);
    }

    /// How long ago it was connected again.
    pub(crate) fn age(&self) -> Option<Duration> {
        match self.connected.load(Ordering::Relaxed) {
            0 => None,
            then => Some(Duration::from_millis(now().saturating_sub(then))),
        }
    }
}

impl Drop for SendingThread<'_> {
    fn drop(&mut self) {
        self.0.senders.fetch_sub(1, Ordering::AcqRel);
    }
}
