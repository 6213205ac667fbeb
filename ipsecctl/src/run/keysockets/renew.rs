//! Connections again after the service has ended, which AF_KEY cannot: another connection takes the
//! place of the socket, at the same number.
//!
//! A call waits for a service that is not there yet, so that a program that calls again and again does
//! not spin. Calls that wait have half of the supervisor's threads at the most.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use pfkey::client::{ConnectionProperties, blocks};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::{RecvFlags, recv, sockopt::socket_cookie},
};

use super::{KeySocket, KeySockets};
use crate::run::authority::is_of_same;
use crate::seccomp_notify::{Call, Thread};

/// The most calls that wait for a service at the same time.
const MOST_WAITING: usize = 8;

/// How long a call takes at least that finds no service, if too many wait.
pub const PAUSE: Duration = Duration::from_millis(100);

/// How often to look for a service.
const OFTEN: Duration = Duration::from_millis(50);

/// The state of the service after an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The socket is connected.
    Connected,
    /// No service listens.
    Absent,
}

/// What all renewals share.
#[derive(Default)]
pub struct Renewals {
    /// Held while a socket is looked at and replaced: threads of a program may find the same end.
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// One of the calls that wait.
struct Waiter<'renewals>(&'renewals AtomicUsize);

/// Whether the service has gone.
pub fn is_hung_up(socket: BorrowedFd<'_>) -> bool {
    sys::is_hung_up(socket) == Ok(true)
}

/// Whether the service has gone and all is read that it had sent.
pub fn has_ended(socket: BorrowedFd<'_>) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT | RecvFlags::TRUNC;
    let look = || recv(socket, &mut [0; 1][..], flags).map(|(_, length)| length);
    // ECONNRESET is returned once, before what is left to read.
    let next = || match look() {
        Err(Errno::CONNRESET) => look(),
        next => next,
    };
    is_hung_up(socket) && next() == Ok(0)
}

impl KeySockets {
    /// Connects the socket of a caller's descriptor again, if `is_over` of it. If no service listens,
    /// waits for one, at most this long.
    pub fn renew(
        &self,
        call: &Call<'_>,
        is_over: fn(BorrowedFd<'_>) -> bool,
        patience: Duration,
    ) -> Service {
        let end = Instant::now() + patience;
        let attempt = || self.attempt(call, is_over).unwrap_or(Service::Absent);
        if attempt() == Service::Connected {
            return Service::Connected;
        }
        let Some(_waiter) = Waiter::register(&self.renewals().waiting) else {
            sleep(PAUSE);
            return Service::Absent;
        };
        while Instant::now() < end && call.still_waits().is_ok() {
            sleep(OFTEN);
            if attempt() == Service::Connected {
                return Service::Connected;
            }
        }
        Service::Absent
    }

    /// Errors: those of the calls that are needed.
    fn attempt(
        &self,
        call: &Call<'_>,
        is_over: fn(BorrowedFd<'_>) -> bool,
    ) -> Result<Service, Errno> {
        let _turn = self.renewals().turn.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = call.thread()?;
        // Another thread was faster, or has closed it: the kernel returns EBADF then.
        let Some(socket) = self.find(&thread, call.int(0)) else { return Ok(Service::Connected) };
        if !is_over(socket.file.as_fd()) {
            return Ok(Service::Connected);
        }
        let Some(successor) = self.known().successor(socket.cookie) else {
            return Ok(Service::Absent);
        };
        let next = ConnectionProperties::of(&socket.file)?.again(blocks(&socket.file))?;
        if !is_of_same(self.settings(), next.as_fd(), &successor.netns) {
            return Ok(Service::Absent);
        }
        successor.interests.renew(next.as_fd())?;
        self.known().remember(socket_cookie(&next)?, successor);
        self.replace(call, &thread, &socket, &next)?;
        Ok(Service::Connected)
    }

    /// Replaces all descriptors of the process that are of the socket. Other processes that have it find its
    /// end themselves.
    fn replace(
        &self,
        call: &Call<'_>,
        thread: &Thread<'_>,
        socket: &KeySocket,
        next: &OwnedFd,
    ) -> Result<(), Errno> {
        let numbers = self
            .numbers()
            .into_iter()
            .flat_map(|numbers| numbers.first..numbers.first.saturating_add(numbers.count));
        for number in numbers.filter(|number| thread.has(*number)) {
            let is_it = self
                .find(thread, number.cast_signed())
                .is_some_and(|found| found.cookie == socket.cookie);
            if is_it {
                call.add_descriptor(next, number, thread.closes_on_exec(number))?;
            }
        }
        Ok(())
    }
}

impl<'renewals> Waiter<'renewals> {
    fn register(waiting: &'renewals AtomicUsize) -> Option<Self> {
        let more = |count| (count < MOST_WAITING).then_some(count + 1);
        waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Self(waiting))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};

    use super::*;

    #[test]
    fn the_end_comes_after_what_is_left_to_read() {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(family, kind, SocketFlags::empty(), None).unwrap();
        send(&theirs, b"answer", SendFlags::empty()).unwrap();
        // Unread requests of the service lead to ECONNRESET.
        send(&ours, b"request", SendFlags::empty()).unwrap();
        assert!(!has_ended(ours.as_fd()) && !is_hung_up(ours.as_fd()));
        drop(theirs);
        assert!(!has_ended(ours.as_fd()) && is_hung_up(ours.as_fd()));
        assert_eq!(recv(&ours, &mut [0; 9][..], RecvFlags::empty()).unwrap().1, 6);
        assert!(has_ended(ours.as_fd()));
    }

    #[test]
    fn only_so_many_wait() {
        let waiting = AtomicUsize::new(0);
        let mut waiters: Vec<_> =
            (0..MOST_WAITING).map(|_| Waiter::register(&waiting).unwrap()).collect();
        assert!(Waiter::register(&waiting).is_none());
        waiters.pop();
        assert!(Waiter::register(&waiting).is_some());
    }
}
