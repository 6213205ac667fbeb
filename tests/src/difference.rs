//! Comparing texts so that a reader finds the difference.

use similar::TextDiff;

/// The lines that are not the same in two texts, with their surroundings; none where all are.
#[must_use]
pub fn difference(expected: &str, actual: &str) -> Option<String> {
    let lines = TextDiff::from_lines(expected, actual);
    let shown = || lines.unified_diff().header("expected", "actual").to_string();
    (expected != actual).then(shown)
}

/// Asserts that two texts are equal; shows the difference if they are not.
pub fn assert_same(expected: &str, actual: &str) {
    if let Some(shown) = difference(expected, actual) {
        panic!("not as expected:\n{shown}");
    }
}
