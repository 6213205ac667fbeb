//! The tables of the manual are those of the model.

use model::{
    ALGORITHMS, AlgorithmKind, KeyBits,
    variable::{VARIABLES, Values},
};

const SETKEY: &str = include_str!("../../../man/setkey.8");
const IPSEC: &str = include_str!("../../../man/ipsec.4");

/// The rows of the table whose heading has these words, without quotes.
#[track_caller]
fn rows(page: &str, heading: &[&str]) -> Vec<Vec<String>> {
    let cell = |cell: &str| cell.trim_start_matches("Sy ").trim_matches('"').to_owned();
    let cells = |line: &str| -> Option<Vec<String>> {
        Some(line.strip_prefix(".It ")?.split(" Ta ").map(cell).collect())
    };
    let mut lines = page.lines();
    lines.find(|line| cells(line).is_some_and(|cells| cells == heading)).expect("a table");
    lines.map_while(cells).collect()
}

fn key_bits(bits: KeyBits) -> String {
    let KeyBits { min, max, step, .. } = bits;
    match max {
        0 => "none".to_owned(),
        _ if min == max => min.to_string(),
        _ if step > 8 => {
            let lengths = (min..=max).step_by(step.into()).map(|bits| bits.to_string());
            lengths.collect::<Vec<_>>().join(", ")
        }
        _ => format!("{min} to {max}"),
    }
}

/// The names of a row: of `aes-gcm-16, -12` the second is `aes-gcm-12`.
fn names(cell: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in cell.split(", ") {
        let before = names.first().filter(|_| part.starts_with('-'));
        let before = before.and_then(|first| first.rsplit_once('-')).map_or("", |cut| cut.0);
        names.push(format!("{before}{part}"));
    }
    names
}

#[test]
fn algorithms_with_their_key_lengths() {
    let mut documented = Vec::new();
    for row in rows(SETKEY, &["name", "key bits"]) {
        let (bits, note) = row[1].split_at(row[1].find([';', 'w']).unwrap_or(row[1].len()));
        let has_salt = note.contains("with the salt") || note.contains("with the nonce");
        let names = names(&row[0]).into_iter();
        documented.extend(names.map(|name| (name, bits.trim().to_owned(), has_salt)));
    }
    let rows = ALGORITHMS.iter().filter(|row| row.kind != AlgorithmKind::Comp);
    let mut known: Vec<_> = rows
        .map(|row| (row.name.to_owned(), key_bits(row.key_bits), row.key_bits.salt > 0))
        .collect();
    documented.sort();
    known.sort();
    // `null` is of encryption and of authentication.
    known.dedup();
    assert_eq!(documented, known);
}

#[test]
fn variables_with_their_values() {
    let values = |values: &Values| match values {
        Values::OneOf(values) | Values::OneOfBut(values, ..) => {
            values.iter().map(|value| value.0.to_string()).collect::<Vec<_>>().join(", ")
        }
        Values::Only(value, _) => value.to_string(),
        Values::Range(least, most) => format!("{least} to {most}"),
    };
    let documented = rows(IPSEC, &["name", "values", "initially", "NetBSD"]);
    let documented: Vec<_> = documented.into_iter().map(|row| row[..3].to_vec()).collect();
    let known: Vec<_> = VARIABLES
        .iter()
        .map(|it| vec![it.name.to_owned(), values(&it.values), it.initial.to_string()])
        .collect();
    assert_eq!(documented, known);
}
