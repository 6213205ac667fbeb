//! The service has ended, which AF_KEY cannot: another connection takes the place of the socket, under
//! all the descriptors of this process that mean it, or, until there is a service, something silent.

use std::{ffi::c_int, time::Duration};

use pfkey::client::{Connection, blocks};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::{AsFd, BorrowedFd},
    io::{Errno, retry_on_intr},
    time::Timespec,
};

use crate::{
    clients::{self, Client, Place, pause},
    descriptors::{self, borrow},
    guard::Guard,
    silent::{self, Until},
};

/// How long a sender waits for a service that was just there.
const RESTART: Duration = Duration::from_secs(5);

/// How often to try whether a service that has its address listens there, and how long that takes.
const TRIES: u32 = 20;
const A_MOMENT: Duration = Duration::from_millis(2);

/// How long a connection has to last: a service that ends it at once does not want this program, and
/// is not asked again all the time.
const LASTING: Duration = Duration::from_secs(1);

/// What there is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Back,
    Away,
}

/// The descriptors that mean one socket.
struct Descriptors {
    numbers: [c_int; clients::MANY],
    count: usize,
}

/// Tries to connect a descriptor again; if there is no service, makes it silent.
pub(crate) fn recover(fd: c_int) -> Service {
    let Some(_guard) = Guard::take() else { return Service::Away };
    let Some(descriptor) = borrow(fd) else { return Service::Back };
    match clients::of(fd) {
        // Another thread was faster.
        Some(Place::Socket(_)) if !is_hung_up(descriptor) => Service::Back,
        Some(Place::Socket(client)) => match Connection::of(descriptor) {
            Ok(connection) => after_end(client, fd, &connection),
            Err(_) => Service::Away,
        },
        Some(Place::Silent(client)) => after_silence(client, fd),
        // It was closed, which the program's own call returns.
        None => Service::Back,
    }
}

/// Waits for a service that is being started again, to send. ECONNREFUSED: there is none.
pub(crate) fn recover_to_send(fd: c_int) -> Result<(), Errno> {
    while recover(fd) == Service::Away {
        let Some(Place::Silent(client)) = clients::of(fd) else {
            return Err(Errno::CONNREFUSED);
        };
        let Some(rest) = RESTART.checked_sub(client.former.age()) else {
            return Err(Errno::CONNREFUSED);
        };
        if let Some(descriptor) = borrow(fd) {
            let _ = silent::wait(descriptor, rest.min(silent::PAUSE));
        }
    }
    Ok(())
}

/// Waits until there is something to receive from a service again, in place of recv(2). Errors: EAGAIN,
/// EINTR; the latter as well if the descriptor was readable: an event loop has called, which must not
/// wait here.
pub(crate) fn recover_to_receive(fd: c_int, client: &Client, at_once: bool) -> Result<(), Errno> {
    let Some(descriptor) = borrow(fd) else { return Ok(()) };
    let is_called_for = silent::is_readable(descriptor, Duration::ZERO).unwrap_or(false);
    if recover(fd) == Service::Back {
        return Ok(());
    }
    if at_once || !blocks(descriptor) {
        return Err(Errno::AGAIN);
    }
    if is_called_for {
        return Err(Errno::INTR);
    }
    match client.former.connection().ok().and_then(|it| it.receive_timeout) {
        Some(time) => silent::wait(descriptor, time),
        // Another thread may have received what this one waits for.
        None => match silent::wait(descriptor, silent::PAUSE) {
            Err(Errno::AGAIN) => Ok(()),
            result => result,
        },
    }
}

/// The service has closed the connection, or there is none any more.
pub(crate) fn is_hung_up(descriptor: BorrowedFd<'_>) -> bool {
    let mut files = [PollFd::from_borrowed_fd(descriptor, PollFlags::empty())];
    let polled = retry_on_intr(|| poll(&mut files, Some(&Timespec::default())));
    polled.is_ok() && files[0].revents().contains(PollFlags::HUP)
}

fn after_end(client: &Client, fd: c_int, connection: &Connection) -> Service {
    let Some(descriptor) = borrow(fd) else { return Service::Back };
    let (blocks, is_new) = (blocks(descriptor), client.age().is_some_and(|age| age < LASTING));
    client.wait_for_senders();
    let descriptors = || Descriptors::of_socket(client, fd);
    if !is_new && connect(client, connection, (blocks, 0), descriptors).is_ok() {
        return Service::Back;
    }
    client.former.keep(connection);
    let until = if is_new { Until::Pause } else { Until::Change };
    if !silence(client, connection, (blocks, until), &descriptors()) {
        return Service::Away;
    }
    // One that has come before it was watched for.
    after_silence(client, fd)
}

/// Puts something silent in the place of descriptors.
fn silence(
    client: &Client,
    connection: &Connection,
    (blocks, until): (bool, Until),
    descriptors: &Descriptors,
) -> bool {
    let (Ok(silent), Some(place)) =
        (silent::make(&connection.service, blocks, until), client.place())
    else {
        return false;
    };
    for &fd in descriptors.numbers() {
        silent::leave(fd);
        silent::enter(fd, place);
        descriptors::replace(fd, silent.as_fd());
    }
    true
}

fn after_silence(client: &Client, fd: c_int) -> Service {
    let (Some(descriptor), Ok(connection)) = (borrow(fd), client.former.connection()) else {
        return Service::Away;
    };
    let is_new = client.age().is_some_and(|age| age < LASTING);
    let tries = if silent::take_events(descriptor, &connection.service) { TRIES } else { 0 };
    if is_new {
        return Service::Away;
    }
    let place = client.place();
    let descriptors = || Descriptors::silent(place);
    let blocks = blocks(descriptor);
    if connect(client, &connection, (blocks, tries), descriptors).is_ok() {
        return Service::Back;
    }
    // The one that had sent it away has gone, too.
    if silent::looks_often(descriptor) {
        silence(client, &connection, (blocks, Until::Change), &descriptors());
        if connect(client, &connection, (blocks, 0), descriptors).is_ok() {
            return Service::Back;
        }
    }
    Service::Away
}

/// Connects again, and has what has registered registered again.
fn connect(
    client: &Client,
    connection: &Connection,
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
            descriptors::replace(fd, socket.as_fd());
            silent::leave(fd);
        }
    });
    Ok(())
}

impl Descriptors {
    /// Those of a socket, `fd` among them.
    fn of_socket(client: &Client, fd: c_int) -> Self {
        let mut found = Self { numbers: [-1; clients::MANY], count: 0 };
        if client.has(fd) {
            descriptors::each(&mut |fd| {
                if client.has(fd) {
                    found.add(fd);
                }
            });
        }
        // A socket that is not in the table is known by this descriptor alone.
        if client.place().is_none() {
            found.add(fd);
        }
        found
    }

    /// Those that stand for a socket.
    fn silent(place: Option<usize>) -> Self {
        let mut found = Self { numbers: [-1; clients::MANY], count: 0 };
        descriptors::each(&mut |fd| {
            if place.is_some() && silent::client_of(fd) == place {
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
