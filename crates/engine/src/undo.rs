//! Scripts that are carried out as a whole or not at all: tried in a copy of the tables first, and undone
//! after a refusal.

pub(crate) mod images;
mod journal;
pub(crate) mod prepared;
pub mod rehearsal;
pub(crate) mod restore;

use crate::{Engine, Error, Plan, Step};
use images::Images;
use journal::Journal;
use prepared::Undo;
pub use restore::Loss;

impl Engine {
    /// Has all changes from here on be such that [`Engine::undo`] undoes them: it reads the whole SAD and
    /// SPD.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn prepare_undo(&mut self) -> Result<(), Error> {
        let before = Images::read(&mut self.host)?;
        let owned = self.owned_among(&before);
        self.undo = Some(Undo { before, journal: Journal::default(), owned });
        Ok(())
    }

    /// As [`Engine::prepare_undo`], for a plan that another process carries out.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn prepare_undo_of(&mut self, plan: &Plan) -> Result<(), Error> {
        self.prepare_undo()?;
        if let Some(Undo { journal, .. }) = &mut self.undo {
            let operations = plan.steps.iter().flat_map(Step::operations);
            operations.for_each(|operation| journal.note_operation(&operation));
        }
        Ok(())
    }
}
