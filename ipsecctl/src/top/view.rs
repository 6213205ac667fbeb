//! The screen, as a pure function of the rates and of what the keys have chosen.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Modifier, Style},
    symbols::bar::NINE_LEVELS,
    text::Line,
    widgets::{Cell, Clear, Paragraph, Row as Cells, Table},
};

use super::{
    rates::{Drops, Rates, Row},
    sample::LimitUse,
    sort::SortKey,
};

/// Cells of the bar of a limit.
const BAR: usize = 4;

/// What the keys have chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// The policies instead of the SAs.
    pub has_policies: bool,
    pub order: SortKey,
    /// The place of the row that is marked.
    pub selected: usize,
    pub has_help: bool,
}

const HELP: &str = "\
q        leave
j k      next row, row before; also the arrows
g G      first row, last row; Page Up, Page Down
p        SAs or policies
s        sort by the next column
?        this list

The kernel counts packets of SAs. A policy
has the numbers of the SAs that serve it,
an in or fwd policy without offload 0 if no
packet has passed it in the interval.";

/// Draws everything.
pub fn draw(frame: &mut Frame, rates: &Rates, view: &View) {
    let area = frame.area();
    let has_footer = area.height >= 8;
    let drops = rates.drops.len().min(usize::from(area.height.saturating_sub(8))).min(4);
    let [head, dropped, table, footer] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::try_from(drops).unwrap_or(0)),
        Constraint::Min(0),
        Constraint::Length(u16::from(has_footer)),
    ])
    .areas(area);
    frame.render_widget(heading(rates, view, area.width), head);
    let lines: Vec<_> = rates.drops.iter().take(drops).map(dropped_line).collect();
    frame.render_widget(Paragraph::new(lines), dropped);
    draw_rows(frame, table, rates, view);
    let keys = "q leave  j k move  p SAs/policies  s sort  ? help";
    frame.render_widget(Line::styled(keys, Modifier::DIM), footer);
    if view.has_help {
        draw_help(frame, area);
    }
}

/// The rows of the table that is chosen.
pub fn rows<'a>(rates: &'a Rates, view: &View) -> &'a [Row] {
    if view.has_policies { &rates.policies } else { &rates.sas }
}

fn heading(rates: &Rates, view: &View, width: u16) -> Line<'static> {
    let (sas, policies) = (rates.sas.len(), rates.policies.len());
    let counts =
        if view.has_policies { format!("policies {policies}") } else { format!("SAs {sas}") };
    let dropped: u64 = rates.drops.iter().map(|it| it.packets).sum();
    let text = format!("{counts}  {}B/s", short(rates.total));
    let text = if width >= 60 {
        let line = sparkline(&rates.total_history, 16);
        format!("{text} {line}  dropped {dropped}  by {}", view.order.word())
    } else {
        text
    };
    Line::styled(text, Modifier::BOLD)
}

fn dropped_line(drops: &Drops) -> Line<'static> {
    let Drops { counter, packets, change } = drops;
    let text = format!("dropped  {} {packets} (+{change})", model::visible(counter));
    let style = if *change > 0 { Modifier::BOLD } else { Modifier::DIM };
    Line::styled(text, style)
}

/// A table of as many columns as there is room for. The row that is marked is always in it.
fn draw_rows(frame: &mut Frame, area: Rect, rates: &Rates, view: &View) {
    let rows = rows(rates, view);
    let room = usize::from(area.height.saturating_sub(1));
    let first = view.selected.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    let columns = match area.width {
        70.. => 6,
        50.. => 4,
        _ => 2,
    };
    let visible = rows.iter().enumerate().skip(first).take(room).map(|(place, row)| {
        let style = if place == view.selected { Modifier::REVERSED } else { Modifier::empty() };
        Cells::new(cells(row).into_iter().take(columns)).style(Style::from(style))
    });
    let name = if view.has_policies { "policy" } else { "SA" };
    let header = [" bytes/s", name, "pkts/s", "failed", "limit", "intervals"];
    let widths = [
        Constraint::Length(8),
        Constraint::Min(8),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(9),
        Constraint::Length(10),
    ];
    let header = Cells::new(header.into_iter().take(columns)).style(Modifier::UNDERLINED);
    let table = Table::new(visible, widths.into_iter().take(columns)).header(header);
    frame.render_widget(table, area);
}

fn cells(row: &Row) -> [Cell<'static>; 6] {
    [
        Cell::from(format!("{:>8}", short(row.bytes))),
        Cell::from(model::visible(&row.name)),
        Cell::from(format!("{:>6}", short(row.packets))),
        Cell::from(format!("{:>6}", short(row.failed))),
        Cell::from(row.limit.map(bar).unwrap_or_default()),
        Cell::from(sparkline(&row.history, 10)),
    ]
}

/// A limit as a bar, with its percentage.
fn bar(limit: LimitUse) -> String {
    let full = usize::from(limit.percent) * BAR / 100;
    let (full, rest) = ("█".repeat(full), "░".repeat(BAR - full));
    format!("{full}{rest}{:>4}%", limit.percent)
}

/// The last values, each as a bar of its share of the largest.
fn sparkline(history: &[u64], width: usize) -> String {
    let last = &history[history.len().saturating_sub(width)..];
    let largest = last.iter().max().copied().unwrap_or(0).max(1);
    let symbols = [
        NINE_LEVELS.empty,
        NINE_LEVELS.one_eighth,
        NINE_LEVELS.one_quarter,
        NINE_LEVELS.three_eighths,
        NINE_LEVELS.half,
        NINE_LEVELS.five_eighths,
        NINE_LEVELS.three_quarters,
        NINE_LEVELS.seven_eighths,
        NINE_LEVELS.full,
    ];
    let symbol = |value: &u64| {
        let level = (u128::from(*value) * 8).div_ceil(u128::from(largest));
        symbols[usize::try_from(level).unwrap_or(8).min(8)]
    };
    last.iter().map(symbol).collect()
}

/// A number with three digits or so: 999, 1.2k, 45M.
fn short(number: u64) -> String {
    const UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    let (mut unit, mut divisor) = (0, 1);
    while number / divisor >= 1000 && unit < UNITS.len() - 1 {
        (unit, divisor) = (unit + 1, divisor * 1000);
    }
    let (whole, tenth) = (number / divisor, number % divisor / divisor.div_ceil(10));
    match unit {
        1.. if whole < 10 => format!("{whole}.{tenth}{}", UNITS[unit]),
        _ => format!("{whole}{}", UNITS[unit]),
    }
}

fn draw_help(frame: &mut Frame, area: Rect) {
    let lines = HELP.lines().count();
    let widest = HELP.lines().map(str::len).max().unwrap_or(0);
    let size = |wanted: usize, room: u16| u16::try_from(wanted).unwrap_or(room).min(room);
    let (width, height) = (size(widest, area.width), size(lines, area.height));
    let place = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(HELP), place);
}

#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod tests;
