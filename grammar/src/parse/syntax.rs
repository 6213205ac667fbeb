use super::{
    dialect::is_foreign,
    expected::{candidates, expected},
    guess::{self, word_at},
    hint::Hint,
    lexer::{token_at, tokens_before},
    rules::Rule,
    source::Source,
};
use crate::error::{Error, Kind};

/// The error of a statement that the grammar does not take: at the first word of another dialect,
/// if one precedes.
pub(super) fn not_read(source: &Source, error: &pest::error::Error<Rule>) -> Error {
    let (pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _))) =
        error.location;
    let at = source.start() + at;
    let is_foreign = |at: usize| {
        let word = word_at(source, at);
        let may_be = at == source.start() || word.starts_with('-') || word == "esp-udp";
        may_be && is_foreign(word, source.dialect())
    };
    if let Some(foreign) = tokens_before(source, at).find(|&at| is_foreign(at)) {
        let hint = Hint::other_dialect(source, word_at(source, foreign));
        return syntax_error(source, foreign, Vec::new()).with_hint(hint);
    }
    let wrong = syntax_error(source, at, expected(error, source.dialect()));
    let token = token_at(source, at);
    wrong.with_hint(guess::of_syntax(source, token, &candidates(error)))
}

/// The error of what is at `at`.
pub(super) fn syntax_error(source: &Source, at: usize, expected: Vec<String>) -> Error {
    let token = token_at(source, at);
    let kind = if source.bytes(token.span) == b"\"" {
        Kind::UnclosedQuote
    } else if token.is_stray {
        Kind::StrayByte(source.shown_byte(token.span.start))
    } else {
        Kind::Syntax { expected }
    };
    Error::new(kind, source, token.span, token.named)
}
