use comfy_table::{ColumnConstraint, ContentArrangement, Width, presets};
use model::visible;

/// A small table.
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
        Self { table, empty }
    }

    /// Adds a row. What others have chosen in it does not change the line or the terminal.
    pub fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.table.add_row(cells.map(|cell| visible(&cell)));
    }

    /// Its lines, with line feeds: of this width if they may be broken between words alone, and of any
    /// length without a limit.
    #[must_use]
    pub fn text(mut self, width: Option<usize>) -> String {
        if self.table.is_empty() {
            return format!("{}\n", self.empty);
        }
        let words = (0..self.table.column_count()).map(|place| self.longest_word(place));
        for (place, longest) in words.collect::<Vec<_>>().into_iter().enumerate() {
            if let Some(column) = self.table.column_mut(place) {
                column.set_padding((0, 2));
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(longest + 2)));
            }
        }
        if let Some(width) = width.and_then(|width| u16::try_from(width).ok()) {
            // The blanks behind the last column are not printed.
            self.table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width + 2);
        }
        self.table.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n")
    }

    fn longest_word(&self, column: usize) -> u16 {
        let cells = self.table.column_cells_with_header_iter(column).flatten();
        let of_cell = |cell: &comfy_table::Cell| {
            let words = cell.content();
            words.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0)
        };
        cells.map(of_cell).max().unwrap_or(0).try_into().unwrap_or(u16::MAX - 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_forges_no_row() {
        let mut table = Table::new(&["process", "program"], "none");
        table.row(["1".into(), "\u{1b}[31mx\n2  sshd".into()]);
        let text = table.text(None);
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with("\\u{1b}[31mx\\n2  sshd\n"), "{text}");
    }

    #[test]
    fn no_word_is_broken() {
        let table = |width| {
            let mut table = Table::new(&["name", "description"], "none");
            let name = "net.inet.ipsec.esp_trans_deflev";
            table.row([name.into(), "level `default` of ESP in transport mode".into()]);
            table.text(width)
        };
        let text = "\
name                             description
net.inet.ipsec.esp_trans_deflev  level `default` of ESP in
                                 transport mode
";
        assert_eq!(table(Some(60)), text);
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&table(Some(20))), words(&table(None)));
    }
}
