use super::{images::Images, journal::Journal};
use crate::state::owned::Record;

/// What a run can be undone with.
pub(crate) struct Undo {
    pub(super) before: Images,
    pub(crate) journal: Journal,
    /// The records of `before` (`crate::owned`).
    pub(super) owned: Vec<Record>,
}
