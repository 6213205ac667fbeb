/// What is not as `ip xfrm` prints it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: expected {expected}, not {}", Token(token))]
pub struct Error {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The word that is there; empty at the end of an entry. Never a key.
    pub token: String,
    /// What would be right.
    pub expected: String,
}

struct Token<'a>(&'a str);

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            "" => f.write_str("the end of the entry"),
            word => write!(f, "`{}`", model::Visible(word)),
        }
    }
}
