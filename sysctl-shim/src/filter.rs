//! `-r`: which names and lines are meant.

use regex::Regex;

/// An extended regular expression, or none, which means everything.
#[derive(Debug)]
pub enum Filter {
    /// Everything is meant.
    Everything,
    /// What matches somewhere.
    Matching(Regex),
    /// Not an expression: procps takes nothing for meant then.
    Nothing,
}

impl Filter {
    /// The filter of `-r`'s argument.
    pub fn new(expression: Option<&str>) -> Self {
        match expression.map(Regex::new) {
            None => Filter::Everything,
            Some(Ok(expression)) => Filter::Matching(expression),
            Some(Err(_)) => Filter::Nothing,
        }
    }

    /// Whether this name, or line, is meant.
    pub fn takes(&self, text: &str) -> bool {
        match self {
            Filter::Everything => true,
            Filter::Matching(expression) => expression.is_match(text),
            Filter::Nothing => false,
        }
    }
}
