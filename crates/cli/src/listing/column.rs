use std::fmt;

/// A column of a listing of `T`.
pub struct Column<T> {
    /// Its name: in the heading, for `-o`, and in JSON. docs/glossary.md has it.
    pub name: &'static str,
    /// Which columns go first where not all of them fit: those of the lowest rank. `None`: the column is
    /// in the long form only.
    pub rank: Option<u8>,
    /// Whether its lines are clear without its name.
    pub is_plain: bool,
    /// Appends the value of an entry, or nothing if it has none. A value may have several lines. What
    /// other programs have chosen is written with [`model::Visible`].
    pub write: fn(&T, &mut String) -> fmt::Result,
}

impl<T> Column<T> {
    /// A column that is shown where it fits, or below the entry.
    pub const fn new(
        name: &'static str,
        rank: u8,
        write: fn(&T, &mut String) -> fmt::Result,
    ) -> Self {
        Self { name, rank: Some(rank), is_plain: false, write }
    }

    /// A column of the long form.
    pub const fn long(name: &'static str, write: fn(&T, &mut String) -> fmt::Result) -> Self {
        Self { name, rank: None, is_plain: false, write }
    }

    /// The column, whose lines need no name.
    #[must_use]
    pub const fn plain(mut self) -> Self {
        self.is_plain = true;
        self
    }
}

/// The values of an entry, a cell each.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    text: String,
    ends: Vec<usize>,
}

impl Row {
    /// Takes the values of an entry in the place of those of another.
    pub(super) fn fill<T>(&mut self, columns: &[&Column<T>], entry: &T) {
        self.text.clear();
        self.ends.clear();
        for column in columns {
            // A string takes whatever is written.
            let _ = (column.write)(entry, &mut self.text);
            self.ends.push(self.text.len());
        }
    }

    /// The value at a place, from 0; empty if there is none.
    pub(super) fn cell(&self, place: usize) -> &str {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[place]]
    }

    /// Whether a value has several lines.
    pub(super) fn is_tall(&self) -> bool {
        self.text.contains('\n')
    }
}
