//! What the server waits for.

use std::{
    os::fd::{AsFd, BorrowedFd},
    time::Instant,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
};

use crate::{
    Error,
    log_limit::REPORT,
    pfkey::{session::SessionId, sessions::Sessions},
};

/// The slots before those of the sessions.
#[derive(Clone, Copy)]
enum Slot {
    Stop,
    Listener,
    Reporter,
    Events,
}

const SLOTS: [Slot; 4] = [Slot::Stop, Slot::Listener, Slot::Reporter, Slot::Events];

/// The descriptors to wait for.
pub(super) struct Sources<'a> {
    /// Readable when the server is to stop.
    pub(super) stop: BorrowedFd<'a>,
    /// The listening socket.
    pub(super) listener: BorrowedFd<'a>,
    /// The listening socket of the readers of reports.
    pub(super) reporter: BorrowedFd<'a>,
    /// The kernel's events.
    pub(super) events: BorrowedFd<'a>,
    /// The clients.
    pub(super) sessions: &'a Sessions,
    /// No connection is accepted before.
    pub(super) accept_after: Option<Instant>,
}

/// What there is to do.
pub(super) struct Ready {
    /// Connections may be accepted.
    pub(super) listener: bool,
    /// Readers of a report have connected.
    pub(super) reporter: bool,
    /// The kernel has sent events.
    pub(super) events: bool,
    /// Sessions that have requests or room, and the events of each.
    pub(super) sessions: Vec<(SessionId, PollFlags)>,
}

impl Ready {
    /// The session with requests, if nothing else is ready.
    pub(super) fn only_session(&self) -> Option<SessionId> {
        match self.sessions[..] {
            [(id, PollFlags::IN)] if !self.listener && !self.reporter && !self.events => Some(id),
            _ => None,
        }
    }
}

impl Sources<'_> {
    /// Waits until there is something to do; `None` if the server is to stop.
    ///
    /// Errors: [`Error::Poll`].
    pub(super) fn wait(&self) -> Result<Option<Ready>, Error> {
        let pause = self.accept_after.map(|end| end.saturating_duration_since(Instant::now()));
        let accept = if pause.is_some() { PollFlags::empty() } else { PollFlags::IN };
        // What was not logged is reported though no client comes.
        let timeout = Timespec::try_from(pause.unwrap_or(REPORT)).ok();
        let fixed = SLOTS.map(|slot| match slot {
            Slot::Stop => PollFd::from_borrowed_fd(self.stop, PollFlags::IN),
            Slot::Listener => PollFd::from_borrowed_fd(self.listener, accept),
            Slot::Reporter => PollFd::from_borrowed_fd(self.reporter, accept),
            Slot::Events => PollFd::from_borrowed_fd(self.events, PollFlags::IN),
        });
        let sessions = self.sessions.iter();
        let sessions =
            sessions.map(|session| PollFd::from_borrowed_fd(session.as_fd(), session.interest()));
        let mut slots: Vec<_> = fixed.into_iter().chain(sessions).collect();
        retry_on_intr(|| poll(&mut slots, timeout.as_ref()))
            .map_err(|errno| Error::Poll(errno.into()))?;
        let (fixed, of_sessions) = slots.split_at(SLOTS.len());
        let is_ready = |slot: Slot| !fixed[slot as usize].revents().is_empty();
        if is_ready(Slot::Stop) {
            return Ok(None);
        }
        let sessions = self.sessions.iter().zip(of_sessions);
        let sessions = sessions.map(|(session, slot)| (session.id(), slot.revents()));
        Ok(Some(Ready {
            listener: is_ready(Slot::Listener),
            reporter: is_ready(Slot::Reporter),
            events: is_ready(Slot::Events),
            sessions: sessions.filter(|(_, flags)| !flags.is_empty()).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_alone_if_nothing_else_is_ready() {
        let (one, other) = (SessionId::new(1), SessionId::new(2));
        let ready = |sessions: &[(SessionId, PollFlags)]| Ready {
            listener: false,
            reporter: false,
            events: false,
            sessions: sessions.to_vec(),
        };
        let alone = ready(&[(one, PollFlags::IN)]);
        assert_eq!(alone.only_session(), Some(one));
        assert_eq!(Ready { events: true, ..alone }.only_session(), None);
        let several = ready(&[(one, PollFlags::IN), (other, PollFlags::IN)]);
        assert_eq!(several.only_session(), None);
        let ended = ready(&[(one, PollFlags::IN | PollFlags::HUP)]);
        assert_eq!(ended.only_session(), None);
        assert_eq!(ready(&[]).only_session(), None);
    }
}
