/// What the next byte stands in: decides whether a `;` ends the statement and whether a newline
/// counts for the original, which does not count those in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inside {
    /// Words and blanks.
    Text,
    /// `"..."`
    Quote,
    /// `#` up to the end of the line.
    Comment,
    /// The rest of a statement that was given up.
    Lost,
}

impl Inside {
    pub(crate) fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Inside::Text, b'"') => Inside::Quote,
            (Inside::Text, b'#') => Inside::Comment,
            (Inside::Quote, b'"') | (Inside::Comment, b'\n') | (Inside::Lost, b';') => Inside::Text,
            (inside, _) => inside,
        }
    }

    pub(crate) fn ends_line(self, byte: u8) -> bool {
        byte == b'\n' && self != Inside::Quote
    }

    pub(crate) fn ends_statement(self, byte: u8) -> bool {
        byte == b';' && self == Inside::Text
    }
}
