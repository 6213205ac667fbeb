use std::{fmt, io};

use comfy_table::{ContentArrangement, presets};
use model::visible;
use rustix::termios::tcgetwinsize;

/// A table on standard output.
pub struct Table {
    table: comfy_table::Table,
    /// What is printed in place of a table without rows.
    empty: &'static str,
}

impl Table {
    /// A table with these columns, or the words for one without rows.
    #[must_use]
    pub fn new(columns: &[&str], empty: &'static str) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING).set_header(columns.to_vec());
        // A terminal has a width; what is not one takes lines of any length.
        if let Ok(size) = tcgetwinsize(io::stdout())
            && size.ws_col > 0
        {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(size.ws_col);
        }
        Self { table, empty }
    }

    /// Adds a row. What others have chosen in it does not change the line or the terminal.
    pub fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.table.add_row(cells.map(|cell| visible(&cell)));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.table.is_empty() {
            return writeln!(f, "{}", self.empty);
        }
        self.table.lines().try_for_each(|line| writeln!(f, "{}", line.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_forges_no_row() {
        let mut table = Table::new(&["process", "program"], "none");
        table.row(["1".into(), "\u{1b}[31mx\n2  sshd".into()]);
        let text = table.to_string();
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with("\\u{1b}[31mx\\n2  sshd\n"), "{text}");
    }
}
