use ratatui::{Terminal, backend::TestBackend};

use super::{samples::rates, *};

const VIEW: View =
    View { has_policies: false, order: SortKey::Bytes, selected: 0, has_help: false };

/// The screen of this size, without blanks at the ends of lines.
fn screen(width: u16, height: u16, rates: &Rates, view: &View) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, rates, view)).unwrap();
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(|y| line(y) + "\n").collect()
}

#[test]
fn the_screen_of_a_terminal() {
    let text = screen(80, 24, &rates(), &VIEW);
    let expected = include_str!("80x24.txt");
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn policies_and_help() {
    let view = View { has_policies: true, has_help: true, ..VIEW };
    let text = screen(80, 24, &rates(), &view);
    assert_eq!(text, include_str!("help.txt"), "\n{text}");
}

#[test]
fn the_smallest_screens() {
    let text = screen(20, 5, &rates(), &VIEW);
    assert_eq!(text, include_str!("20x5.txt"), "\n{text}");
    for width in [1, 2, 8, 19, 49, 50, 60, 69, 70, 200] {
        for height in [1, 2, 3, 7, 8, 9, 12, 50] {
            screen(width, height, &rates(), &View { has_help: true, ..VIEW });
        }
    }
}

#[test]
fn the_marked_row_is_on_the_screen() {
    let mut many = rates();
    let first = many.sas[0].clone();
    let named = |number: usize| Row { name: format!("esp {number}"), ..first.clone() };
    many.sas = (0..1000).map(named).collect();
    for selected in [0, 1, 500, 998, 999] {
        let text = screen(80, 24, &many, &View { selected, ..VIEW });
        assert!(text.contains(&format!("esp {selected} ")), "{selected}\n{text}");
        assert_eq!(text.matches("esp ").count(), 19, "{text}");
    }
    // Rows have gone since a key was pressed.
    screen(80, 24, &rates(), &View { selected: 7000, ..VIEW });
}

/// A name may have what a terminal carries out.
#[test]
fn no_name_changes_the_terminal() {
    let mut forged = rates();
    forged.sas[0].name = "\u{1b}[31mx\n".into();
    assert!(screen(80, 24, &forged, &VIEW).contains("\\u{1b}[31mx\\n"));
}

#[test]
fn numbers_are_short() {
    let pairs = [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1250, "1.2k"),
        (45_600_000, "45M"),
        (u64::MAX, "18E"),
    ];
    for (number, text) in pairs {
        assert_eq!(short(number), text);
    }
}

#[test]
fn bars_and_sparklines() {
    let bars = [0, 49, 50, 100].map(|percent| bar(LimitUse { of: "time", percent }));
    assert_eq!(bars, ["░░░░   0%", "█░░░  49%", "██░░  50%", "████ 100%"]);
    assert_eq!(sparkline(&[0, 1, 4, 8], 14), " ▁▄█");
    assert_eq!(sparkline(&[5, 0, 1], 2), " █");
    assert_eq!(sparkline(&[], 14), "");
}
