use std::path::Path;

use crate::tree::StatementWord;

/// Whether a statement, or its first word, was written in the place of a file, perhaps misspelt: then it has options
/// before its keys. It is not shown: it may contain a key.
#[must_use]
pub fn is_statement_as_file(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let mut words = text.split([' ', '\t', '\r', '\n', ';']).filter(|word| !word.is_empty());
    let is_before_key = |word: &str| ["-E", "-A", "-C"].contains(&word);
    words.next().is_some_and(|word| word.parse::<StatementWord>().is_ok())
        || words.any(is_before_key)
}
