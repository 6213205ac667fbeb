//! Connecting again after the service has ended, which AF_KEY cannot: another connection replaces the
//! socket at all its descriptors in this process, or, until there is a service, a placeholder does.

use std::{ffi::c_int, time::Duration};

use pfkey::client::{ConnectionProperties, blocks};
use rustix::{
    fd::{AsFd, BorrowedFd},
    io::Errno,
};

use crate::{
    clients::{self, Client, ClientDescriptor},
    descriptors::{self, borrow},
    placeholder::CAPACITY,
    placeholder::{self, Until},
    spin_lock::Guard,
    time::pause,
    watchers,
};

/// How long a sender waits for a service that was just there.
const RESTART: Duration = Duration::from_secs(5);

/// How often to try whether a service that has its address listens there, and how long that takes.
const TRIES: u32 = 20;
const A_MOMENT: Duration = Duration::from_millis(2);

/// How long a connection has to last: a service that ends it at once rejects this program, and no
/// connection is made again and again.
const LASTING: Duration = Duration::from_secs(1);

/// The state of the service after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// The socket is connected.
    Connected,
    /// No service listens.
    Absent,
}

/// The descriptors of one socket.
struct Descriptors {
    numbers: [c_int; CAPACITY],
    count: usize,
}

/// Tries to connect a descriptor again; if there is no service, puts a placeholder there.
pub(crate) fn recover(fd: c_int) -> Service {
    let Some(_guard) = Guard::take() else { return Service::Absent };
    let Some(descriptor) = borrow(fd) else { return Service::Connected };
    match clients::of(fd) {
        // Another thread was faster.
        Some(ClientDescriptor::Socket(_)) if !is_hung_up(descriptor) => Service::Connected,
        Some(ClientDescriptor::Socket(client)) => match ConnectionProperties::of(descriptor) {
            Ok(connection) => after_end(client, fd, &connection),
            Err(_) => Service::Absent,
        },
        Some(ClientDescriptor::Placeholder(client)) => replace_placeholder(client, fd),
        // It was closed, which the program's own call returns.
        None => Service::Connected,
    }
}

/// Waits for a service that is being started again, to send. ECONNREFUSED: there is none.
pub(crate) fn recover_to_send(fd: c_int) -> Result<(), Errno> {
    while recover(fd) == Service::Absent {
        let Some(ClientDescriptor::Placeholder(client)) = clients::of(fd) else {
            return Err(Errno::CONNREFUSED);
        };
        let Some(rest) = RESTART.checked_sub(client.last_connection.age()) else {
            return Err(Errno::CONNREFUSED);
        };
        if let Some(descriptor) = borrow(fd) {
            let _ = placeholder::wait(descriptor, rest.min(placeholder::PAUSE));
        }
    }
    Ok(())
}

/// Waits until there is something to receive from a service again, in place of recv(2). Errors: EAGAIN,
/// EINTR; the latter as well if the descriptor was readable: an event loop has called, which must not
/// wait here.
pub(crate) fn recover_to_receive(fd: c_int, client: &Client, at_once: bool) -> Result<(), Errno> {
    let Some(descriptor) = borrow(fd) else { return Ok(()) };
    let is_readable = placeholder::is_readable(descriptor, Duration::ZERO).unwrap_or(false);
    if recover(fd) == Service::Connected {
        return Ok(());
    }
    if at_once || !blocks(descriptor) {
        return Err(Errno::AGAIN);
    }
    if is_readable {
        return Err(Errno::INTR);
    }
    match client.last_connection.connection().ok().and_then(|it| it.receive_timeout) {
        Some(time) => placeholder::wait(descriptor, time),
        // Another thread may have received what this one waits for.
        None => match placeholder::wait(descriptor, placeholder::PAUSE) {
            Err(Errno::AGAIN) => Ok(()),
            result => result,
        },
    }
}

/// The service has closed the connection, or there is none any more.
pub(crate) fn is_hung_up(descriptor: BorrowedFd<'_>) -> bool {
    sys::is_hung_up(descriptor) == Ok(true)
}

fn after_end(client: &Client, fd: c_int, connection: &ConnectionProperties) -> Service {
    let Some(descriptor) = borrow(fd) else { return Service::Connected };
    let (blocks, is_new) = (blocks(descriptor), client.age().is_some_and(|age| age < LASTING));
    client.wait_for_senders();
    let descriptors = || Descriptors::of_socket(client, fd);
    if !is_new && connect(client, connection, (blocks, 0), descriptors).is_ok() {
        return Service::Connected;
    }
    client.last_connection.store(connection);
    let until = if is_new { Until::Pause } else { Until::Change };
    if !put_placeholder(client, connection, (blocks, until), &descriptors()) {
        return Service::Absent;
    }
    // A service may have come before the placeholder watched for it.
    replace_placeholder(client, fd)
}

/// Puts a placeholder at descriptors.
fn put_placeholder(
    client: &Client,
    connection: &ConnectionProperties,
    (blocks, until): (bool, Until),
    descriptors: &Descriptors,
) -> bool {
    let (Ok(placeholder), Some(index)) =
        (placeholder::make(&connection.service, blocks, until), client.index())
    else {
        return false;
    };
    for &fd in descriptors.numbers() {
        placeholder::leave(fd);
        placeholder::enter(fd, index);
        watchers::replace(fd, placeholder.as_fd());
    }
    true
}

fn replace_placeholder(client: &Client, fd: c_int) -> Service {
    let (Some(descriptor), Ok(connection)) = (borrow(fd), client.last_connection.connection())
    else {
        return Service::Absent;
    };
    let is_new = client.age().is_some_and(|age| age < LASTING);
    let tries = if placeholder::take_events(descriptor, &connection.service) { TRIES } else { 0 };
    if is_new {
        return Service::Absent;
    }
    let index = client.index();
    let descriptors = || Descriptors::of_placeholder(index);
    let blocks = blocks(descriptor);
    if connect(client, &connection, (blocks, tries), descriptors).is_ok() {
        return Service::Connected;
    }
    // The service that had rejected it has gone, too.
    if placeholder::looks_often(descriptor) {
        put_placeholder(client, &connection, (blocks, Until::Change), &descriptors());
        if connect(client, &connection, (blocks, 0), descriptors).is_ok() {
            return Service::Connected;
        }
    }
    Service::Absent
}

/// Connects again, and registers again for the same.
fn connect(
    client: &Client,
    connection: &ConnectionProperties,
    (blocks, tries): (bool, u32),
    descriptors: impl FnOnce() -> Descriptors,
) -> Result<(), Errno> {
    let mut tries = 0..tries;
    let socket = loop {
        match connection.again(blocks) {
            // It may have its address and not listen yet.
            Err(Errno::CONNREFUSED) if tries.next().is_some() => pause(A_MOMENT),
            result => break result?,
        }
    };
    client.interests.renew(socket.as_fd())?;
    client.succeed(socket.as_fd(), || {
        for &fd in descriptors().numbers() {
            watchers::replace(fd, socket.as_fd());
            placeholder::leave(fd);
        }
    });
    Ok(())
}

impl Descriptors {
    /// The descriptors of a socket, `fd` among them.
    fn of_socket(client: &Client, fd: c_int) -> Self {
        let mut found = Self { numbers: [-1; CAPACITY], count: 0 };
        if client.has(fd) {
            descriptors::each(&mut |fd| {
                if client.has(fd) {
                    found.add(fd);
                }
            });
        }
        // A socket that is not in the table is known by this descriptor alone.
        if client.index().is_none() {
            found.add(fd);
        }
        found
    }

    /// The descriptors of the placeholder of a socket.
    fn of_placeholder(index: Option<usize>) -> Self {
        let mut found = Self { numbers: [-1; CAPACITY], count: 0 };
        descriptors::each(&mut |fd| {
            if index.is_some() && placeholder::client_index(fd) == index {
                found.add(fd);
            }
        });
        found
    }

    fn add(&mut self, fd: c_int) {
        if let Some(free) = self.numbers.get_mut(self.count) {
            *free = fd;
            self.count += 1;
        }
    }

    fn numbers(&self) -> &[c_int] {
        &self.numbers[..self.count]
    }
}
