//! Scripts that are carried out as a whole or not at all: tried in a copy of the tables first, and undone
//! after a refusal.

mod images;
mod journal;
pub mod rehearsal;
mod restore;

use crate::{Engine, Error};
use images::Images;
pub(crate) use journal::Journal;
pub use restore::Loss;

/// What a run can be undone with.
pub(crate) struct Undo {
    before: Images,
    pub(crate) journal: Journal,
}

impl Engine {
    /// Has all changes from here on be such that [`Engine::undo`] undoes them: it reads the whole SAD and
    /// SPD.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn prepare_undo(&mut self) -> Result<(), Error> {
        let before = Images::read(&mut self.host)?;
        self.undo = Some(Undo { before, journal: Journal::default() });
        Ok(())
    }
}
