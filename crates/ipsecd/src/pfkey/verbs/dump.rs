//! Dumps, which are read from the kernel as fast as their clients read.

use pfkey::{Error, Message, command::SadQuery};
use rustix::io::Errno;

use super::{ClientRequest, Handler, answered, requested};
use crate::pfkey::{
    dump::ClientDump,
    session::{Session, SessionId},
    sessions::Audience,
};

/// Entries of a dump that a client gets in a turn.
const ENTRIES_A_TURN: usize = 32;

impl Handler {
    /// DUMP. AF_KEY checks whether a dump is in progress before it checks the query.
    pub(super) fn dump(
        &mut self,
        request: &ClientRequest,
        query: Result<SadQuery, Error>,
    ) -> Result<(), Errno> {
        self.start_dump(request, |header| {
            let query = query.map_err(|error| error.errno())?;
            answered(ClientDump::of_sad(header, &query))
        })
    }

    /// X_SPDDUMP.
    pub(super) fn spd_dump(&mut self, request: &ClientRequest) -> Result<(), Errno> {
        self.start_dump(request, |header| answered(ClientDump::of_spd(header)))
    }

    /// Starts a dump and sends as much of it as the client's socket has room for, as AF_KEY does
    /// before send(2) returns. A socket has one dump at most.
    fn start_dump(
        &mut self,
        request: &ClientRequest,
        start: impl FnOnce(Message) -> Result<ClientDump, Errno>,
    ) -> Result<(), Errno> {
        self.finish();
        let session = self.sessions.get(request.session).ok_or(Errno::PIPE)?;
        if session.dump().is_some() {
            return Err(Errno::BUSY);
        }
        session.set_dump(Some(start(request.header.clone())?));
        let can_continue = |session: &mut Session| session.has_room() && session.dump().is_some();
        while self.sessions.get(request.session).is_some_and(can_continue) {
            self.continue_dump(request.session);
        }
        Ok(())
    }

    /// Sends what waits for a client whose socket has room again, and continues its dump.
    pub(in crate::pfkey) fn resume(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get(id) {
            session.flush();
            self.continue_dump(id);
        }
    }

    /// Queues the next entries of a client's dump, while its socket has room. Promiscuous clients get
    /// them as well.
    fn continue_dump(&mut self, id: SessionId) {
        for _ in 0..ENTRIES_A_TURN {
            let session = self.sessions.get(id).filter(|session| session.has_room());
            let Some(session) = session else { return };
            let Some(dump) = session.dump() else { return };
            match dump.next(|entry| requested(&mut self.engine, entry)) {
                Some(message) => self.sessions.send(&message, Audience::One(id), Some(id)),
                None => session.set_dump(None),
            }
        }
    }

    /// Finishes all that is in progress, for a handover: pending changes, received events, dumps.
    pub(in crate::pfkey) fn finish_dumps(&mut self) {
        self.finish();
        self.forward_events(0);
        self.sessions.finish_dumps(|entry| requested(&mut self.engine, entry));
    }
}
