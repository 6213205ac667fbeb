use std::fmt::Write;

use model::Visible;

use super::*;

struct Entry {
    name: &'static str,
    number: u32,
    mark: &'static str,
    parts: &'static str,
}

const COLUMNS: [Column<Entry>; 4] = [
    Column::new("name", 0, |entry, cell| write!(cell, "{}", Visible(entry.name))),
    Column::new("mark", 2, |entry, cell| cell.write_str(entry.mark)),
    Column::new("number", 1, |entry, cell| write!(cell, "{}", entry.number)),
    Column::<Entry>::new("parts", 3, |entry, cell| cell.write_str(entry.parts)).plain(),
];

fn entry(name: &'static str, number: u32, mark: &'static str, parts: &'static str) -> Entry {
    Entry { name, number, mark, parts }
}

fn listing(choice: Choice, entries: &[Entry]) -> String {
    static ALL: [Column<Entry>; 4] = COLUMNS;
    let mut out = Vec::new();
    let mut listing = Listing::new(&mut out, &ALL, choice, "No entries.");
    for entry in entries {
        listing.entry(entry).unwrap();
    }
    listing.finish().unwrap();
    String::from_utf8(out).unwrap()
}

fn two() -> [Entry; 2] {
    [
        entry("first", 1, "", "esp/transport//require\nah/transport//use"),
        entry("second", 20, "0x1/0xff", ""),
    ]
}

#[test]
fn what_fits_is_in_columns_and_the_rest_below() {
    let expected = "\
name    mark      number  parts
first   -         1       esp/transport//require
                          ah/transport//use
second  0x1/0xff  20      -
";
    assert_eq!(listing(Choice::Fitting(None), &two()), expected);
    let expected = "\
name    mark      number
first   -         1
    esp/transport//require
    ah/transport//use
second  0x1/0xff  20
";
    assert_eq!(listing(Choice::Fitting(Some(40)), &two()), expected);
    let expected = "\
name    number
first   1
    esp/transport//require
    ah/transport//use
second  20
    mark=0x1/0xff
";
    assert_eq!(listing(Choice::Fitting(Some(14)), &two()), expected);
}

#[test]
fn columns_are_picked_by_name() {
    let named = |names: &[&str]| {
        Choice::Named(names.iter().map(|&name| name.to_owned()).collect(), Some(80))
    };
    assert_eq!(
        listing(named(&["mark", "name"]), &two()),
        "mark      name\n-         first\n0x1/0xff  second\n"
    );
    assert_eq!(listing(named(&["mark"]), &[]), "mark\n");
    assert_eq!(listing(Choice::Fitting(None), &[]), "No entries.\n");
}

#[test]
fn entries_after_the_sample_are_printed_as_they_come() {
    let mut entries = (0..1000).map(|_| entry("a", 1, "", "")).collect::<Vec<_>>();
    entries.push(entry("longer-than-any", 2, "0x2/0x2", "x"));
    let text = listing(Choice::Fitting(Some(24)), &entries);
    let lines = text.lines().collect::<Vec<_>>();
    assert_eq!((lines[0], lines[1], lines[1000]), ("name  number", "a     1", "a     1"));
    // Nothing is left out although the sample has no mark.
    assert_eq!(lines[1001..], ["longer-than-any  2", "    mark=0x2/0x2", "    x"]);
}

#[test]
fn a_line_is_broken_between_values_alone() {
    let name = "2001:db8:1111:2222:3333:4444:5555:6666";
    let choice = Choice::Named(["name", "number"].map(str::to_owned).to_vec(), Some(40));
    assert_eq!(
        listing(choice, &[entry(name, 123, "", "")]),
        format!("name\n    number\n{name}\n    123\n")
    );
}

#[test]
fn a_value_forges_no_entry() {
    let text = listing(Choice::Fitting(None), &[entry("\u{1b}[31mx\n2  日本", 1, "", "")]);
    assert_eq!(text, "name                  number\n\\u{1b}[31mx\\n2  日本  1\n");
}
