/// What becomes of the entries that no file describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Removal {
    /// They go from the tables that a file begins to describe with a flush.
    #[default]
    OfFlushedTables,
    /// They go.
    All,
    /// They stay.
    None,
}

impl Removal {
    /// Whether a table has nothing else than what files describe.
    pub(super) fn is_whole(self, is_flushed: bool) -> bool {
        match self {
            Removal::OfFlushedTables => is_flushed,
            Removal::All => true,
            Removal::None => false,
        }
    }
}
