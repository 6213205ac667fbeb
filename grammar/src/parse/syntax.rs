use super::{
    attempt::word_at,
    dialect::is_foreign,
    early_end,
    expected::{candidates, expected, positives},
    guess::{self, LONGEST},
    hint::Hint,
    lexer::{Token, end_of_tokens, token_at, tokens, tokens_before},
    misplaced,
    rules::Rule,
    source::Source,
    stray::Stray,
};
use crate::{
    error::{Error, Fault},
    tree::Span,
};

/// The error of a statement that the grammar does not take: at the first word of another dialect,
/// if one precedes.
pub(super) fn not_read(source: &Source, error: &pest::error::Error<Rule>) -> Error {
    let (pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _))) =
        error.location;
    let at = source.start() + at;
    if let Some(encoding) = Stray::encoding(source) {
        return whole(source, Stray::Wide(encoding)).with_hint(Some(Hint::Encoding(encoding)));
    }
    if let Some(program) = Stray::packer(source) {
        return whole(source, Stray::Packed(program));
    }
    let is_foreign = |at: usize| {
        let word = word_at(source, at);
        let may_be = at == source.start() || word.starts_with('-') || word == "esp-udp";
        may_be && is_foreign(word, source.dialect())
    };
    if let Some(foreign) = tokens_before(source, at).find(|&at| is_foreign(at)) {
        let hint = Hint::other_dialect(source, word_at(source, foreign));
        return syntax_error(source, foreign, Vec::new()).with_hint(hint);
    }
    let wrong = syntax_error(source, at, expected(error, source.ascii(), source.dialect()));
    let is_closed = *wrong.kind() != Fault::UnclosedQuote;
    let is_short = source.statement().len() <= LONGEST && is_closed;
    let misplaced = || misplaced::of_syntax(source, at, positives(error));
    let found = misplaced::file(source).or_else(|| is_short.then(misplaced).flatten());
    let token = token_at(source, at);
    if let Some((span, hint)) = found {
        return wrong.moved(source, span, token.named).with_hint(Some(hint));
    }
    if let Some(span) = escaped_quote(source, at) {
        let hint =
            "there are no escapes: write a key with a `\"` in it as 0x and hexadecimal digits";
        return wrong.moved(source, span, token.named).with_hint(Some(Hint::Text(hint)));
    }
    if let Some(quote) = late_quote(source, at) {
        return Error::new(Fault::LateQuote, source, quote, token.named);
    }
    if is_glued_to_text(source, at) {
        let hint = "put a blank or a `;` behind the second quote";
        return wrong.with_hint(Some(Hint::Text(hint)));
    }
    if *wrong.kind() == Fault::UnclosedQuote && token.span.start == source.start() {
        return wrong.with_hint(Some(Hint::OTHER_COMMENT));
    }
    if let Some((span, hint)) = guess::missing_semicolon(source, token.span) {
        return wrong.moved(source, span, token.named).with_hint(Some(hint));
    }
    let missing = || early_end::missing(source, token, positives(error));
    wrong.with_hint(guess::of_syntax(source, token, &candidates(error)).or_else(missing))
}

/// The error of a script in another encoding, or none.
fn whole(source: &Source, stray: Stray) -> Error {
    let first = token_at(source, source.start());
    Error::new(Fault::Stray(stray), source, first.span, first.named)
}

/// A `\` before the quote that closes a text, with more behind it.
fn escaped_quote(source: &Source, wrong: usize) -> Option<Span> {
    let quoted = tokens(source).take_while(|token| token.span.start < wrong);
    let is_escape = |token: &Token| {
        let next = source.text().get(token.span.end);
        source.bytes(token.span).ends_with(b"\\\"")
            && next.is_some_and(|byte| !b" \t\n;#".contains(byte))
    };
    let end = quoted.filter(|token| !token.is_stray).find(is_escape)?.span.end;
    Some(Span { start: end - 2, end })
}

/// Whether a word is right behind the closing quote of a text.
fn is_glued_to_text(source: &Source, wrong: usize) -> bool {
    let text = source.text();
    let mut quoted = tokens(source).filter(|token| source.bytes(token.span).starts_with(b"\""));
    text.get(wrong).is_some_and(u8::is_ascii_alphanumeric)
        && quoted.any(|token| !token.is_stray && token.span.end == wrong)
}

/// The opening quote of a text that goes over the end of its line, or that ends right before the error:
/// its own closing quote is missing, most likely.
fn late_quote(source: &Source, wrong: usize) -> Option<Span> {
    let quoted = tokens(source)
        .take_while(|token| token.span.start < wrong)
        .filter(|token| source.bytes(token.span).starts_with(b"\""));
    // Before a `;` a text ends well, and without another quote there is no other text.
    let is_before_word =
        source.text().get(wrong) != Some(&b';') && source.text()[wrong..].contains(&b'"');
    let is_late = |token: &Token| {
        source.bytes(token.span).contains(&b'\n') || (token.span.end == wrong && is_before_word)
    };
    let start = quoted.filter(|token| !token.is_stray).find(is_late)?.span.start;
    Some(Span { start, end: start + 1 })
}

/// The error of what is at `at`.
pub(super) fn syntax_error(source: &Source, at: usize, expected: Vec<String>) -> Error {
    let token = token_at(source, at);
    let (wrong, kind) = if source.bytes(token.span) == b"\"" {
        (token.span, Fault::UnclosedQuote)
    } else if token.is_stray {
        let (span, stray) = Stray::at(source, token.span.start);
        (span, Fault::Stray(stray))
    } else if token.span.start == source.text().len() {
        let end = end_of_tokens(source, token.span.start);
        (Span { start: end, end }, Fault::Syntax { expected })
    } else {
        (token.span, Fault::Syntax { expected })
    };
    Error::new(kind, source, wrong, token.named)
}
