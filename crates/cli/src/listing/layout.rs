use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::column::{Column, Row};

/// Blanks between two columns.
const GAP: usize = 2;

/// Blanks before what is below an entry.
const INDENT: usize = 4;

/// In the place of a value that an entry does not have.
const NONE: &str = "-";

/// Where the values of an entry are printed: in columns, or below them.
#[derive(Debug)]
pub(super) struct Layout {
    shown: Vec<Place>,
    below: Vec<Below>,
    /// Of a line, in columns of the terminal.
    width: Option<usize>,
}

#[derive(Debug)]
struct Place {
    cell: usize,
    name: &'static str,
    start: usize,
}

#[derive(Debug)]
struct Below {
    cell: usize,
    name: &'static str,
    is_plain: bool,
}

impl Layout {
    /// Lays out all of these columns, in this order.
    pub(super) fn of_all<T>(columns: &[&Column<T>], sample: &[Row], width: Option<usize>) -> Self {
        Self::new(columns, &widths(columns, sample), &vec![true; columns.len()], width)
    }

    /// Lays out the columns that have a value in the sample and fit the width, those of the lowest rank
    /// first. Other values are printed below.
    pub(super) fn of_fitting<T>(
        columns: &[&Column<T>],
        sample: &[Row],
        width: Option<usize>,
    ) -> Self {
        let widths = widths(columns, sample);
        let has_value = |&place: &usize| sample.iter().any(|row| !row.cell(place).is_empty());
        let mut by_rank = (0..columns.len()).filter(has_value).collect::<Vec<_>>();
        by_rank.sort_by_key(|&place| (columns[place].rank.is_none(), columns[place].rank));
        let mut is_shown = vec![false; columns.len()];
        let mut used = 0;
        for place in by_rank {
            let with_it = if used == 0 { widths[place] } else { used + GAP + widths[place] };
            if used == 0 || width.is_none_or(|width| with_it <= width) {
                (is_shown[place], used) = (true, with_it);
            }
        }
        Self::new(columns, &widths, &is_shown, width)
    }

    fn new<T>(
        columns: &[&Column<T>],
        widths: &[usize],
        is_shown: &[bool],
        width: Option<usize>,
    ) -> Self {
        let mut layout = Self { shown: Vec::new(), below: Vec::new(), width };
        let mut start = 0;
        for (cell, &&Column { name, is_plain, .. }) in columns.iter().enumerate() {
            if is_shown[cell] {
                layout.shown.push(Place { cell, name, start });
                start += widths[cell] + GAP;
            } else {
                layout.below.push(Below { cell, name, is_plain });
            }
        }
        layout
    }

    /// Prints the names of the columns.
    pub(super) fn heading(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line = Line::new(out, self.width);
        for place in &self.shown {
            line.put(place.start, &[place.name])?;
        }
        line.end()
    }

    /// Prints an entry.
    pub(super) fn row(&self, row: &Row, out: &mut impl Write) -> io::Result<()> {
        let mut line = Line::new(out, self.width);
        for place in &self.shown {
            let cell = row.cell(place.cell);
            let first = if row.is_tall() { cell.lines().next().unwrap_or_default() } else { cell };
            line.put(place.start, &[if first.is_empty() { NONE } else { first }])?;
        }
        line.end()?;
        if row.is_tall() {
            self.further_lines(row, out)?;
        }
        self.below(row, out)
    }

    /// Prints the second and further lines of the values in columns.
    fn further_lines(&self, row: &Row, out: &mut impl Write) -> io::Result<()> {
        let lines = |place: &Place| row.cell(place.cell).lines().skip(1);
        let most = self.shown.iter().map(|place| lines(place).count()).max().unwrap_or(0);
        for number in 0..most {
            let mut line = Line::new(out, self.width);
            for place in &self.shown {
                if let Some(text) = lines(place).nth(number) {
                    line.put(place.start, &[text])?;
                }
            }
            line.end()?;
        }
        Ok(())
    }

    /// Prints the values that are in no column.
    fn below(&self, row: &Row, out: &mut impl Write) -> io::Result<()> {
        let mut line = Line::new(out, self.width);
        for &Below { cell, name, is_plain } in &self.below {
            for text in row.cell(cell).lines() {
                if is_plain {
                    line.end()?;
                    line.put(INDENT, &[text])?;
                    line.end()?;
                } else {
                    line.put(INDENT, &[name, "=", text])?;
                }
            }
        }
        line.end()
    }
}

/// The width of each column: that of its longest line, its name included.
fn widths<T>(columns: &[&Column<T>], sample: &[Row]) -> Vec<usize> {
    let of_column = |(place, column): (usize, &&Column<T>)| {
        let lines = sample.iter().flat_map(|row| row.cell(place).lines());
        lines.map(width).max().unwrap_or(0).max(width(column.name))
    };
    columns.iter().enumerate().map(of_column).collect()
}

fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// A line that is being printed. Text that would not fit begins another line.
struct Line<'o, W> {
    out: &'o mut W,
    limit: Option<usize>,
    position: usize,
}

impl<'o, W: Write> Line<'o, W> {
    fn new(out: &'o mut W, limit: Option<usize>) -> Self {
        Self { out, limit, position: 0 }
    }

    /// Prints a text, which is in several parts, at this position or behind it.
    fn put(&mut self, start: usize, parts: &[&str]) -> io::Result<()> {
        let length = parts.iter().map(|part| width(part)).sum::<usize>();
        let mut at = if self.position == 0 { start } else { start.max(self.position + GAP) };
        if self.position > 0 && self.limit.is_some_and(|limit| at + length > limit) {
            self.end()?;
            at = INDENT;
        }
        blanks(self.out, at - self.position)?;
        for part in parts {
            self.out.write_all(part.as_bytes())?;
        }
        self.position = at + length;
        Ok(())
    }

    /// Ends the line, if there is anything in it.
    fn end(&mut self) -> io::Result<()> {
        if self.position > 0 {
            self.position = 0;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn blanks(out: &mut impl Write, mut count: usize) -> io::Result<()> {
    const BLANKS: [u8; 64] = [b' '; 64];
    while count > 0 {
        let some = count.min(BLANKS.len());
        out.write_all(&BLANKS[..some])?;
        count -= some;
    }
    Ok(())
}
