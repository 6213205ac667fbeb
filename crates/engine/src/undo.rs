//! Scripts that are carried out as a whole or not at all: tried in a copy of the tables first, and undone
//! after a refusal.

mod journal;
pub mod rehearsal;
mod restore;
mod snapshot;

use crate::{Engine, Error};
pub(crate) use journal::Journal;
pub use restore::Loss;
use snapshot::Snapshot;

/// What a run can be undone with.
pub(crate) struct Undo {
    before: Snapshot,
    pub(crate) journal: Journal,
}

impl Engine {
    /// Has all changes from here on be such that [`Engine::undo`] undoes them: it reads the whole SAD and
    /// SPD.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn prepare_undo(&mut self) -> Result<(), Error> {
        let before = Snapshot::read(&mut self.host)?;
        self.undo = Some(Undo { before, journal: Journal::default() });
        Ok(())
    }
}
