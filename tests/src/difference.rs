//! Comparing texts so that a reader finds the difference.

use similar::TextDiff;

/// Asserts that two texts are equal; shows the lines that are not, with their surroundings.
pub fn assert_same(expected: &str, actual: &str) {
    let difference = TextDiff::from_lines(expected, actual);
    let shown = difference.unified_diff().header("expected", "actual").to_string();
    assert!(expected == actual, "not as expected:\n{shown}");
}
