//! Mistakes that are not where the parser stops: what is wrong, and what to do about it.

use std::{
    net::{IpAddr, Ipv4Addr},
    ops::Range,
};

use model::{Direction, Proto, ScriptOption};

use super::{
    attempt::{is_statement, replaced, run, span, unread, unread_of_policy, word_at, words},
    foreign,
    hint::Hint,
    lexer::{token_at, tokens_before},
    meant, notation,
    other_word::{direction_option, other_statement, second_word, underscore},
    repair_policy::{NO_LEVEL, no_level},
    rules::{Rule, number},
    source::Source,
    stray::Stray,
};
use crate::tree::{SaProtoWord, Span, StatementWord};

/// The place of a mistake and a hint, where the parser stops at `at` and could
/// have taken one of `rules`.
pub(super) fn of_syntax(source: &Source, at: usize, rules: &[Rule]) -> Option<(Span, Hint)> {
    let stop = token_at(source, at).span.start;
    no_digit(source, stop, rules)
        .or_else(|| double_quotes(source, at))
        .or_else(|| lookalike(source, stop))
        .or_else(|| comment_in_policy(source, stop))
        .or_else(|| port_as_comment(source, stop))
        .or_else(|| device(source))
        .or_else(|| address(source, stop))
        .or_else(|| netmask(source))
        .or_else(|| base64(source, stop, rules))
        .or_else(|| direction_option(source))
        .or_else(|| second_word(source, stop))
        .or_else(|| other_statement(source))
        .or_else(|| foreign_word(source, stop))
        .or_else(|| longer_option(source, stop))
        .or_else(|| underscore(source, stop))
        .or_else(|| direction(source, stop))
        .or_else(|| sa_proto(source, stop))
}

/// The file of another program, by its first words.
pub(super) fn file(source: &Source) -> Option<(Span, Hint)> {
    let (text, start) = (source.ascii(), source.start());
    let program = foreign::file(text)?;
    Some((run(source, start), Hint::OtherFile(program)))
}

/// A character of a hexadecimal key that is no digit.
fn no_digit(source: &Source, stop: usize, rules: &[Rule]) -> Option<(Span, Hint)> {
    let digits = word_at(source, stop).strip_prefix("0x").filter(|_| rules.contains(&Rule::key))?;
    let wrong = stop + 2 + digits.find(|c: char| !c.is_ascii_hexdigit())?;
    let span = Span { start: wrong, end: wrong + 1 };
    Some((span, Hint::Text("this is no hexadecimal digit")))
}

/// A text in two pairs of quotes: the first is a text without a character.
fn double_quotes(source: &Source, at: usize) -> Option<(Span, Hint)> {
    let span = Span { start: at.checked_sub(2)?, end: at };
    let is_glued = source.text().get(at).is_some_and(|byte| !b" \t\n;#".contains(byte));
    let is_empty = span.start >= source.start() && source.bytes(span) == b"\"\"";
    (is_empty && is_glued).then_some((span, Hint::Text("a text has one quote at each end")))
}

/// A character inside a word that looks like one of ASCII.
fn lookalike(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let end = stop + word_at(source, stop).len();
    let is_inside = end > stop && !source.text().get(end)?.is_ascii();
    let (span, stray) = is_inside.then(|| Stray::at(source, end))?;
    match stray {
        Stray::Character(c) => Some((span, Hint::Lookalike(c))),
        _ => None,
    }
}

/// An option in the place of a device, for which the parser takes it.
fn device(source: &Source) -> Option<(Span, Hint)> {
    let (text, start) = (source.ascii(), source.start());
    let option = |word: &Range<usize>| text[word.clone()].parse::<ScriptOption>().ok();
    let taken = device_options(text[words(text).next()?].parse().ok()?);
    let takes_device =
        |word: &Range<usize>| option(word).is_some_and(|option| taken.contains(&option));
    let mut pairs = words(text).zip(words(text).skip(1));
    let (_, behind) =
        pairs.find(|(word, behind)| takes_device(word) && option(behind).is_some())?;
    let span = Span { start: start + behind.start, end: start + behind.end };
    Some((span, Hint::Text("the name of a network device is missing before it")))
}

/// The options of a statement that have a device.
fn device_options(statement: StatementWord) -> &'static [ScriptOption] {
    const ALL: &[ScriptOption] =
        &[ScriptOption::Device, ScriptOption::Offload, ScriptOption::HardwareInterface];
    match statement {
        StatementWord::SpdAdd | StatementWord::SpdUpdate | StatementWord::SpdDelete => ALL,
        StatementWord::Add
        | StatementWord::Update
        | StatementWord::GetSpi
        | StatementWord::Get
        | StatementWord::Delete => &ALL[1..],
        _ => &[],
    }
}

fn comment_in_policy(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let before = &source.ascii()[..stop - source.start()];
    let policy = before.rfind("-P")? + 2;
    let start = source.start() + policy + before[policy..].find('#')?;
    let span = Span { start, end: start + 1 };
    let (before, rest) = source.ascii().split_at(start - source.start());
    if let Some(advice) = notation::at_hash(before, rest) {
        return Some((span, Hint::Text(advice)));
    }
    // A comment between two statements, the first of which has no end.
    let next =
        rest.lines().map(str::trim_start).find(|line| !line.starts_with('#') && !line.is_empty());
    let begins =
        next.and_then(|line| line.split([' ', '\t', ';']).next()?.parse::<StatementWord>().ok());
    if begins.is_some() && is_statement(&replaced(before, before.len()..before.len(), ";")) {
        let end = source.start() + before.trim_end().len();
        let line = source.position(end).line;
        return Some((Span { start: end, end }, Hint::MissingSemicolon(line)));
    }
    Some((span, Hint::COMMENT_IN_POLICY))
}

/// A port behind `#`, which begins a comment.
fn port_as_comment(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let text = &source.ascii()[..stop - source.start()];
    let mut comments = text.match_indices('#').map(|(at, _)| at);
    let is_port = |at: &usize| {
        let word = text[..*at].rsplit([' ', '\t', '\n']).next().unwrap_or_default();
        let address = word.split('/').next().unwrap_or_default();
        let number = text[at + 1..].split([' ', '\t', '\n']).next().unwrap_or_default();
        address.parse::<IpAddr>().is_ok() && number.parse::<u16>().is_ok()
    };
    let start = source.start() + comments.find(is_port)?;
    let hint = "`#` begins a comment: a port is in brackets, ADDRESS/LENGTH[PORT]";
    Some((Span { start, end: start + 1 }, Hint::Text(hint)))
}

/// An address with more than its prefix length or without it, and a URL.
fn address(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let word = run(source, stop);
    if source.bytes(word).windows(3).any(|bytes| bytes == b"://") {
        return Some((word, Hint::Text("this is a URL: write its host alone")));
    }
    let before = &source.ascii()[..stop - source.start()];
    if let Some(cut) = before.trim_end().strip_suffix('/')
        && before.ends_with([' ', '\t', '\n'])
        && !cut.ends_with([' ', '\t', '\n'])
    {
        let start = source.start() + cut.len();
        let hint = Hint::Text("the prefix length is missing behind the slash");
        return Some((Span { start, end: start + 1 }, hint));
    }
    let (length, port) = word_at(source, stop).split_once(':')?;
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = before.ends_with('/') && is_number(length) && is_number(port);
    let start = stop + length.len();
    let hint = Hint::Text("a port is in brackets: ADDRESS/LENGTH[PORT]");
    is_port.then_some((Span { start, end: start + 1 + port.len() }, hint))
}

/// A range with the mask of a network, or of wildcards, as a word of its own.
fn netmask(source: &Source) -> Option<(Span, Hint)> {
    let text = source.ascii();
    let mut words = words(text);
    let (first, src, mask, dst) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let length = prefix_length(text[mask.clone()].parse().ok()?)?;
    let address = |word: &Range<usize>| text[word.clone()].parse::<Ipv4Addr>().ok();
    let hint = Hint::Range(address(&src)?, length);
    let _ = address(&dst)?;
    let range = format!("{}/{length}", &text[src.clone()]);
    let is_meant = text[first].starts_with("spd")
        && unread(&replaced(text, src.start..mask.end, &range)) <= unread(text);
    let start = source.start() + mask.start;
    is_meant.then_some((Span { start, end: source.start() + mask.end }, hint))
}

/// The prefix length of a mask, which may be one of wildcards.
fn prefix_length(mask: Ipv4Addr) -> Option<u32> {
    let bits = mask.to_bits();
    if bits.leading_ones() + bits.trailing_zeros() >= u32::BITS {
        return Some(bits.leading_ones());
    }
    let is_wildcard = bits.leading_zeros() + bits.trailing_ones() == u32::BITS;
    is_wildcard.then(|| bits.leading_zeros())
}

/// A key in base64, which strongSwan marks with `0s`. Without the mark its end shows it.
fn base64(source: &Source, stop: usize, rules: &[Rule]) -> Option<(Span, Hint)> {
    let word = run(source, stop);
    let is_base64 = match source.bytes(word) {
        [b'0', b's', ..] => true,
        [digits @ .., b'='] => {
            digits.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte))
        }
        _ => false,
    };
    let hint = Hint::Text("base64 is not read: write the key as 0x and hexadecimal digits");
    let is_whole = source.text().get(word.end) != Some(&b'"');
    (rules.contains(&Rule::key) && is_base64 && is_whole).then_some((word, hint))
}

/// A word of another program.
fn foreign_word(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let text = source.ascii();
    let is_spd = text.starts_with("spd");
    let is_of_all = text.starts_with("deleteall");
    if ["flush", "dump", "spdflush", "spddump"].contains(&&text[words(text).next()?]) {
        return None;
    }
    let meant = |word: &str| match word.trim_start_matches('-') {
        "spi" if is_of_all => Some("deleteall is for every SPI: say delete SRC DST PROTOCOL SPI"),
        _ => foreign::in_statement(is_spd, word.split('=').next().unwrap_or(word)),
    };
    let (word, advice) = first_word(text, stop - source.start(), meant, unread)?;
    Some((span(source, word), Hint::Text(advice)))
}

/// An option of other programs, of whose letters the parser takes the first for another.
fn longer_option(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let (text, span) = (source.ascii(), run(source, stop));
    let word = span.start - source.start()..span.end - source.start();
    let is_cut = text[word.clone()].starts_with('-') && span.start < stop;
    let takes = |meant: &&'static str| unread(&replaced(text, word.clone(), meant)) < unread(text);
    let meant = is_cut.then(|| meant::in_statement(&text[word.clone()]).find(takes))??;
    Some((span, Hint::DidYouMean(meant)))
}

/// The first word up to the one where the parser stops that another program has, and what to do about it.
/// Without the word the parser gets as far, at least.
fn first_word(
    text: &str,
    stop: usize,
    meant: impl Fn(&str) -> Option<&'static str>,
    unread: fn(&str) -> usize,
) -> Option<(Range<usize>, &'static str)> {
    let left = unread(text);
    let is_before = |word: &Range<usize>| word.start <= stop && &text[word.clone()] != "-P";
    words(text).take_while(is_before).find_map(|word| {
        let advice = meant(&text[word.clone()])?;
        let behind = words(&text[word.end..]).next();
        let is_read = |end: usize| unread(&replaced(text, word.start..end, "")) <= left;
        // The word alone, or with its value.
        let is_superfluous =
            is_read(word.end) || behind.is_some_and(|value| is_read(word.end + value.end));
        is_superfluous.then_some((word, advice))
    })
}

/// The same behind `-P`, where `text` begins at `start` of the source.
pub(super) fn of_policy(text: &str, start: usize, at: usize) -> Option<(Span, Hint)> {
    let span = |from: usize, to: usize| Span { start: start + from, end: start + to };
    let (word, advice) = match first_word(text, at, foreign::in_policy, unread_of_policy) {
        Some(found) => found,
        None => no_level(text, at).map(|word| (word, NO_LEVEL)).or_else(|| separator(text, at))?,
    };
    Some((span(word.start, word.end), Hint::Text(advice)))
}

/// What separates the ends of a tunnel, if it is no `-`: the place where the parser stops is in them.
fn separator(text: &str, at: usize) -> Option<(Range<usize>, &'static str)> {
    let begin = text[..at].rfind("/tunnel/")? + "/tunnel/".len();
    let ends = text[begin..].split(['/', ' ', '\t', '\n']).next()?;
    let is_apart = |mark: &&str| {
        let mut both = ends.split(mark);
        let is_end = |end: Option<&str>| end.is_some_and(|end| end.parse::<IpAddr>().is_ok());
        is_end(both.next()) && is_end(both.next()) && both.next().is_none()
    };
    let mark = ["...", "..", "--", "_"].into_iter().find(is_apart)?;
    let start = begin + ends.find(mark)?;
    Some((start..start + mark.len(), "a `-` is between the two ends of a tunnel: SRC-DST"))
}

/// A direction without `-P`, which the parser takes for a detail of the protocol.
fn direction(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let start = tokens_before(source, stop).last()?;
    let word = word_at(source, start);
    let (text, offset) = (source.ascii(), start - source.start());
    let is_direction = text.starts_with("spd") && word.parse::<Direction>().is_ok();
    let is_missing = is_direction && is_statement(&replaced(text, offset..offset, "-P "));
    let span = Span { start, end: start + word.len() };
    is_missing.then_some((span, Hint::Text("`-P` is missing before the direction")))
}

/// The protocol of an SA as a number, or behind the SPI.
fn sa_proto(source: &Source, stop: usize) -> Option<(Span, Hint)> {
    let start = tokens_before(source, stop).last()?;
    let (before, word) = (word_at(source, start), word_at(source, stop));
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let (text, offset) = (source.ascii(), start - source.start());
    let takes = |changed: &str| unread(changed) <= unread(text);
    if text.starts_with("spd") || !is_number(before) || number(before) == u64::MAX {
        return None;
    }
    if is_number(word) && takes(&replaced(text, offset..offset + before.len(), "esp")) {
        let proto = before.parse().ok().and_then(Proto::from_number);
        let hint = match proto.filter(|proto| proto.sa_type().is_some()) {
            Some(proto) => Hint::DidYouMean(proto.word()),
            None => Hint::Text("the protocol before the SPI is a word: esp, ah or ipcomp"),
        };
        return Some((Span { start, end: start + before.len() }, hint));
    }
    let both = Span { start, end: stop + word.len() };
    let changed =
        replaced(text, offset..offset + both.end - both.start, &format!("{word} {before}"));
    let is_swapped = word.parse::<SaProtoWord>().is_ok() && takes(&changed);
    is_swapped.then_some((both, Hint::Text("the protocol goes before the SPI")))
}
