//! Guesses at what was meant where a script went wrong. A guess is made only if the parser accepts it.

use model::{Proto, ScriptOption, Upper};
use pest::Parser;

use super::{
    attempt::{is_statement, replaced, where_it_ends, word_at},
    character, copied,
    dialect::is_foreign,
    hint::Hint,
    lexer::{Token, end_of_tokens, tokens_before},
    lookalike::of_keyboard,
    meant, repair, repair_policy,
    repair_selector::{OF_PORTS, has_ports, has_types, upper_of},
    rules::{PolicyParser, PolicyRule, Rule, SetkeyParser, number},
    similar::{abbreviated, by_beginning, by_distance},
    source::Source,
    stray::{Stray, help_between},
};
use crate::tree::{Span, StatementWord};

/// The longest statement that is parsed again for guesses, in bytes.
pub(super) const LONGEST: usize = 4096;

/// What was meant by a token where one of `candidates` is allowed.
pub(crate) fn of_syntax(
    source: &Source,
    token: Token,
    candidates: &[&'static str],
) -> Option<Hint> {
    let at = token.span.start;
    let word = word_at(source, at);
    if source.statement().len() > LONGEST {
        return Hint::other_dialect(source, word);
    }
    Hint::other_dialect(source, word)
        .or_else(|| other_comment(source, at))
        .or_else(|| character(source, token))
        .or_else(|| repair_policy::comma(source.ascii(), at - source.start()))
        .or_else(|| late_option(source, at))
        .or_else(|| number_of_upper(source, at, word))
        .or_else(|| reserved_upper(source, at, word))
        .or_else(|| repair::of_statement(source, token.span))
        .or_else(|| closest(source, at, word, candidates))
        .or_else(|| repair::superfluous(source, at, word))
}

/// The closest of `candidates` that the dialect has and the parser takes in place of `word`.
fn closest(source: &Source, at: usize, word: &str, candidates: &[&'static str]) -> Option<Hint> {
    let (text, at) = (source.ascii(), at - source.start());
    let is_taken = |candidate: &str| {
        let changed = replaced(text, at..at + word.len(), candidate);
        match SetkeyParser::parse(Rule::statement, &changed) {
            Ok(_) => true,
            Err(error) => where_it_ends(&error) >= at + candidate.len(),
        }
    };
    closest_own(source, word, candidates, meant::in_statement(word), is_taken)
}

/// What is known to be meant by a word, or what is spelt like it.
fn closest_own(
    source: &Source,
    word: &str,
    candidates: &[&'static str],
    meant: impl Iterator<Item = &'static str>,
    is_taken: impl Fn(&str) -> bool,
) -> Option<Hint> {
    meant
        .chain(abbreviated(word, candidates))
        .chain(by_distance(word, candidates))
        .chain(by_beginning(word, candidates))
        .find(|candidate| !is_foreign(candidate, source.dialect()) && is_taken(candidate))
        .map(Hint::DidYouMean)
}

/// What was meant by a word of the policy text that begins at `start`.
pub(crate) fn of_policy(
    source: &Source,
    (start, text): (usize, &str),
    wrong: Span,
    candidates: &[&'static str],
) -> Option<Hint> {
    let word = word_at(source, wrong.start);
    let at = wrong.start - start;
    if text.len() > LONGEST {
        return Hint::other_dialect(source, word);
    }
    let is_taken = |candidate: &str| {
        let length = word.len().min(text.len() - at);
        let changed = replaced(text, at..at + length, candidate);
        match PolicyParser::parse(PolicyRule::policy, &changed) {
            Ok(_) => true,
            Err(error) => where_it_ends(&error) >= at + candidate.len(),
        }
    };
    Hint::other_dialect(source, word)
        .or_else(|| other_comment(source, wrong.start))
        .or_else(|| repair_policy::of_policy(text, at, word))
        .or_else(|| closest_own(source, word, candidates, meant::in_policy(word), is_taken))
}

/// Where a `;` is missing: before a line up to the error that begins with the first word of a statement, before
/// such a word, or at the end of the script, if it would have ended a statement there.
pub(super) fn missing_semicolon(source: &Source, wrong: Span) -> Option<(Span, Hint)> {
    let text = source.ascii();
    if text.len() > LONGEST || Hint::other_dialect(source, word_at(source, wrong.start)).is_some() {
        return None;
    }
    let end = (wrong.end - source.start()).min(text.len());
    let mut at = 0;
    for (number, line) in text[..end].split('\n').enumerate() {
        let first = line.split([' ', '\t']).find(|word| !word.is_empty()).unwrap_or_default();
        let begins = number > 0
            && first.parse::<StatementWord>().is_ok()
            && !is_foreign(first, source.dialect());
        if begins {
            return semicolon_before(source, at);
        }
        at += line.len() + 1;
    }
    if end == text.len() {
        return semicolon_before(source, end);
    }
    let word = word_at(source, wrong.start).parse::<StatementWord>().ok()?.word();
    let (end, _) = semicolon_before(source, wrong.start - source.start())?;
    (!is_foreign(word, source.dialect())).then_some((end, Hint::SemicolonBefore(word)))
}

/// The end of what is before `at`, and that a `;` is missing there, if it would have ended a statement.
fn semicolon_before(source: &Source, at: usize) -> Option<(Span, Hint)> {
    let end = end_of_tokens(source, source.start() + at);
    let text = source.ascii();
    let ended = replaced(text, end - source.start()..text.len(), ";");
    let hint = || Hint::MissingSemicolon(source.position(end).line);
    is_statement(&ended).then(|| (Span { start: end, end }, hint()))
}

/// A comment of another language.
fn other_comment(source: &Source, at: usize) -> Option<Hint> {
    let (before, rest) = source.ascii().split_at_checked(at - source.start())?;
    let begins = ["//", "/*", "*/"].iter().any(|mark| rest.starts_with(mark))
        || before.ends_with('/') && rest.starts_with('*')
        || before.is_empty() && rest.starts_with("--");
    begins.then_some(Hint::OTHER_COMMENT)
}

/// An option of an SA behind its algorithms.
fn late_option(source: &Source, at: usize) -> Option<Hint> {
    let word = |at| word_at(source, at).parse::<ScriptOption>().ok();
    let is_algorithm = |option: ScriptOption| {
        matches!(
            option,
            ScriptOption::Encryption | ScriptOption::Authentication | ScriptOption::Compression
        )
    };
    let option = word(at)?;
    if option == ScriptOption::RawCpi {
        let last = tokens_before(source, at).last().and_then(word);
        let is_nameless = last == Some(ScriptOption::Compression);
        return Some(Hint::Text(if is_nameless {
            "the name of the algorithm is before -R: -C deflate -R"
        } else {
            "-R goes behind -C and its algorithm, in an SA of ipcomp: -C deflate -R"
        }));
    }
    let mut before = tokens_before(source, at).filter_map(word).filter(|&word| is_algorithm(word));
    let is_late = match option {
        ScriptOption::Encryption => before.next() == Some(ScriptOption::Authentication),
        ScriptOption::Policy => false,
        option => !is_algorithm(option) && before.next().is_some(),
    };
    is_late.then_some(Hint::LateOption(option))
}

/// A protocol whose name is a word of the language.
fn reserved_upper(source: &Source, at: usize, word: &str) -> Option<Hint> {
    let proto = word.parse().ok().filter(|proto| [Proto::Ah, Proto::IpComp].contains(proto))?;
    let number = proto.number();
    let (text, at) = (source.ascii(), at - source.start());
    let changed = replaced(text, at..at + word.len(), &number.to_string());
    let is_taken = source.statement().starts_with(b"spd") && is_statement(&changed);
    is_taken.then_some(Hint::NumberOfUpper(number))
}

/// A character that begins no token, where what is around it shows what was meant.
fn character(source: &Source, token: Token) -> Option<Hint> {
    let at = token.span.start;
    let (before, rest) = source.ascii().split_at_checked(at - source.start())?;
    if !token.is_stray {
        return None;
    }
    if let (_, Stray::Character(c)) = Stray::at(source, at)
        && let Some(meant) = of_keyboard(c)
    {
        return Some(Hint::Keyboard(meant));
    }
    let help = copied::at_character(before, rest).or_else(|| character::meant(before, rest));
    character::entity(rest).or(help.or_else(|| help_between(before, rest)).map(Hint::Text))
}

fn number_of_upper(source: &Source, at: usize, word: &str) -> Option<Hint> {
    let number = number(word);
    if !source.statement().starts_with(b"spd")
        || !word.starts_with(|c: char| c.is_ascii_digit())
        || number == u64::MAX
    {
        return None;
    }
    let before = tokens_before(source, at).last()?;
    match word_at(source, before) {
        upper if has_types(upper) => Some(Hint::TypeWithoutCode(number.to_string())),
        upper if upper_of(upper) == Some(Upper::GRE) => {
            u32::try_from(number).ok().map(Hint::GreKey)
        }
        upper => has_ports(upper).then_some(Hint::Text(OF_PORTS)),
    }
}
