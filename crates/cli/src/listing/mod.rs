//! Tables of any length, which are printed as they are read. The first entries are a sample: it
//! determines which columns there are and how wide they are. A value that is in none of them is printed
//! below its entry, and no word is ever broken.

mod column;
mod layout;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use column::Column;
use column::Row;
use layout::Layout;

/// The number of entries that determine the layout.
const SAMPLE: usize = 1000;

/// Which columns a listing has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Those that fit lines of this width, if there is a limit.
    Fitting(Option<usize>),
    /// All, those of the long form too, in lines of any length.
    Long,
    /// Those of these names, in this order, in lines of this width.
    Named(Vec<String>, Option<usize>),
}

/// A listing that is being printed.
pub struct Listing<T: 'static, W> {
    out: W,
    columns: Vec<&'static Column<T>>,
    choice: Choice,
    /// What is printed in place of a listing without entries.
    empty: &'static str,
    sample: Vec<Row>,
    layout: Option<Layout>,
    row: Row,
}

impl<T, W: Write> Listing<T, W> {
    /// A listing with these columns, or the words for one without entries.
    pub fn new(out: W, columns: &'static [Column<T>], choice: Choice, empty: &'static str) -> Self {
        let columns = match &choice {
            Choice::Fitting(_) => columns.iter().filter(|it| it.rank.is_some()).collect(),
            Choice::Long => columns.iter().collect(),
            Choice::Named(names, _) => {
                let of_name = |name| columns.iter().find(|column| column.name == name);
                names.iter().filter_map(|name| of_name(name.as_str())).collect()
            }
        };
        let (sample, row) = (Vec::new(), Row::default());
        Self { out, columns, choice, empty, sample, layout: None, row }
    }

    /// Adds an entry.
    ///
    /// Errors: those of the output.
    pub fn entry(&mut self, entry: &T) -> io::Result<()> {
        self.row.fill(&self.columns, entry);
        if let Some(layout) = &self.layout {
            return layout.row(&self.row, &mut self.out);
        }
        self.sample.push(self.row.clone());
        if self.sample.len() < SAMPLE { Ok(()) } else { self.begin() }
    }

    /// Prints what has not been printed.
    ///
    /// Errors: those of the output.
    pub fn finish(mut self) -> io::Result<()> {
        let is_named = matches!(self.choice, Choice::Named(..));
        if self.layout.is_none() && self.sample.is_empty() && !is_named {
            return writeln!(self.out, "{}", self.empty);
        }
        if self.layout.is_none() { self.begin() } else { Ok(()) }
    }

    /// Lays out the sample and prints it.
    fn begin(&mut self) -> io::Result<()> {
        let sample = std::mem::take(&mut self.sample);
        let layout = match self.choice {
            Choice::Fitting(width) => Layout::of_fitting(&self.columns, &sample, width),
            Choice::Long => Layout::of_fitting(&self.columns, &sample, None),
            Choice::Named(_, width) => Layout::of_all(&self.columns, &sample, width),
        };
        layout.heading(&mut self.out)?;
        for row in &sample {
            layout.row(row, &mut self.out)?;
        }
        self.layout = Some(layout);
        Ok(())
    }
}
