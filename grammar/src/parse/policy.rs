use std::str::FromStr;

use model::{Dialect, Mode, SaMode};
use pest::{
    Parser,
    iterators::{Pair, Pairs},
};
use zeroize::Zeroizing;

use super::{
    attempt::word_at,
    dialect::is_foreign,
    expected::{is_one_end, policy_candidates, policy_expected},
    guess,
    hint::Hint,
    lists::modes,
    misplaced, notation,
    repair_policy::{NO_LEVEL, no_level},
    rules::{PolicyParser, PolicyRule as Rule, number},
    similar::closest,
    source::{Source, StatementOrigin},
};
use crate::{
    error::{Error, Fault},
    tree::{
        Detail, DetailWord, Endpoint, Ends, Level, Node, Offset, Policy, Priority, Span, Template,
    },
};

/// Reads a policy on its own: the string of ipsec_set_policy(3), which setkey has after `-P`.
///
/// Nothing is looked up and no number is checked.
pub fn parse_policy(text: &[u8]) -> Result<Policy, Error> {
    let source = alone(text, Dialect::Linux);
    parse(&source, source.ascii(), Span { start: 0, end: text.len() })
}

/// The source that a policy is the whole of.
pub(crate) fn alone(text: &[u8], dialect: Dialect) -> Source {
    let origin = StatementOrigin { line: 1, column: 0, lexer_line: 1 };
    Source::new(Zeroizing::new(text.to_vec()), 0, origin, dialect)
}

/// Reads the text after `-P`, which is at `span` of the source.
pub(crate) fn parse(source: &Source, text: &str, span: Span) -> Result<Policy, Error> {
    let found = PolicyParser::parse(Rule::policy, text)
        .map_err(|error| syntax_error(source, text, span, &error))?;
    Reader { source, whole: span }.policy(found)
}

fn syntax_error(
    source: &Source,
    text: &str,
    whole: Span,
    error: &pest::error::Error<Rule>,
) -> Error {
    let (pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _))) =
        error.location;
    let rest = &text[at..];
    let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n']).len();
    let token = PolicyParser::parse(Rule::token, &rest[blank..]);
    let length = token.map_or(0, |token| token.as_str().len());
    let start = whole.start + at + blank;
    let wrong = Span { start, end: start + length };
    let word = rest[blank..blank + length].to_owned();
    let kind = Fault::PolicySyntax { word, expected: policy_expected(error, source.dialect()) };
    let error_here = Error::new(kind, source, wrong, whole);
    let is_short = text.len() <= guess::LONGEST;
    let found = is_short.then(|| misplaced::of_policy(text, whole.start, at + blank));
    if let Some((span, hint)) = found.flatten() {
        return error_here.moved(source, span, whole).with_hint(Some(hint));
    }
    if let Some((span, hint)) = guess::missing_semicolon(source, wrong) {
        return error_here.moved(source, span, whole).with_hint(Some(hint));
    }
    let guess = guess::of_policy(source, (whole.start, text), wrong, &policy_candidates(error));
    let has_one_end = is_one_end(error) && !text[at + blank..].starts_with('-');
    let hint = guess.or_else(|| has_one_end.then_some(Hint::ONE_END));
    error_here.with_hint(hint)
}

/// Makes the tree of what the grammar has found.
struct Reader<'s> {
    source: &'s Source,
    /// The whole policy text: what the original names in every error of it.
    whole: Span,
}

impl Reader<'_> {
    fn policy(&self, mut found: Pairs<'_, Rule>) -> Result<Policy, Error> {
        let direction = self.part(&mut found)?;
        self.own(&direction)?;
        let direction = self.node(&direction, self.word(&direction)?);
        let mut policy = Policy { direction, priority: None, action: None, templates: Vec::new() };
        for pair in found {
            match pair.as_rule() {
                Rule::priority => {
                    self.own_priority(&pair)?;
                    policy.priority =
                        Some(self.node(&pair, self.priority(pair.clone().into_inner())?));
                }
                Rule::action => policy.action = Some(self.node(&pair, self.word(&pair)?)),
                Rule::template => {
                    let template = self.template(pair.clone().into_inner())?;
                    policy.templates.push(self.node(&pair, template));
                }
                Rule::cut_short => {
                    let template = self.span(&pair);
                    let word = word_at(self.source, template.end);
                    let mode = Span { start: template.end, end: template.end + word.len() };
                    let (at, text) = (template.end - self.whole.start, self.whole_text());
                    let (wrong, hint) = match (word, closest(word, &modes())) {
                        _ if no_level(text, at).is_some() => (template, Some(Hint::Text(NO_LEVEL))),
                        (SaMode::ANY_WORD, _) => (mode, Some(Hint::MODE_ANY)),
                        _ if notation::is_template_of_words(
                            &self.source.ascii()[template.end - self.source.start()..],
                        ) =>
                        {
                            (
                                template,
                                Some(Hint::Text(
                                    "a template is one word: esp/tunnel/SRC-DST/require",
                                )),
                            )
                        }
                        (_, Some(meant)) => (mode, Some(Hint::DidYouMean(meant))),
                        _ => (template, None),
                    };
                    return Err(Error::new(Fault::TooFewArguments, self.source, wrong, self.whole)
                        .with_hint(hint));
                }
                _ => {}
            }
        }
        Ok(policy)
    }

    /// The next of the parts that the grammar promises.
    fn part<'t>(&self, parts: &mut Pairs<'t, Rule>) -> Result<Pair<'t, Rule>, Error> {
        let missing = || Error::new(Fault::TooFewArguments, self.source, self.whole, self.whole);
        parts.next().ok_or_else(missing)
    }

    /// The policy as the parser has it.
    fn whole_text(&self) -> &str {
        let start = self.source.start();
        &self.source.ascii()[self.whole.start - start..self.whole.end - start]
    }

    /// Refuses a word that is another dialect's.
    fn own(&self, pair: &Pair<'_, Rule>) -> Result<(), Error> {
        let word = pair.as_str();
        if !is_foreign(word, self.source.dialect()) {
            return Ok(());
        }
        Err(self.unknown(pair).with_hint(Hint::other_dialect(self.source, word)))
    }

    /// NetBSD recognises a priority, and reports that it has none.
    fn own_priority(&self, pair: &Pair<'_, Rule>) -> Result<(), Error> {
        match self.source.dialect() {
            Dialect::NetBsd => {
                Err(Error::new(Fault::NoPriority, self.source, self.span(pair), self.whole))
            }
            _ => self.own(&self.part(&mut pair.clone().into_inner())?),
        }
    }

    fn template(&self, mut parts: Pairs<'_, Rule>) -> Result<Template, Error> {
        let proto = self.word(&self.part(&mut parts)?)?;
        let mode = Mode::Transport;
        let mut template = Template { proto, mode, ends: None, level: None, details: Vec::new() };
        for pair in parts {
            match pair.as_rule() {
                Rule::mode => template.mode = self.word(&pair)?,
                Rule::ends => {
                    template.ends = Some(self.node(&pair, self.ends(&pair)?));
                }
                Rule::level => template.level = Some(self.level(&pair)?),
                Rule::detail => template.details.push(self.node(&pair, self.detail(&pair)?)),
                _ => {}
            }
        }
        Ok(template)
    }

    /// A level, with the number of `unique:NUMBER`.
    fn level(&self, pair: &Pair<'_, Rule>) -> Result<Level, Error> {
        let (word, digits) = match pair.as_str().split_once(':') {
            Some((word, digits)) => (word, Some(digits)),
            None => (pair.as_str(), None),
        };
        let kind = word.parse().map_err(|_| self.unknown(pair))?;
        Ok(Level { kind, number: digits.map(number) })
    }

    /// What follows a level.
    fn detail(&self, pair: &Pair<'_, Rule>) -> Result<Detail, Error> {
        let mut parts = pair.clone().into_inner();
        let (word, value) = (self.part(&mut parts)?, self.part(&mut parts)?);
        let kind = word.as_str().trim_end_matches(':').parse().map_err(|_| self.unknown(&word))?;
        if kind == DetailWord::Share {
            return Ok(Detail::Share(self.word(&value)?));
        }
        let digits = value.as_str().strip_prefix("0x").unwrap_or(value.as_str());
        let radix = if digits.len() < value.as_str().len() { 16 } else { 10 };
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            let expected = vec!["a decimal or 0x hexadecimal number".to_owned()];
            let kind = Fault::PolicySyntax { word: value.as_str().to_owned(), expected };
            return Err(Error::new(kind, self.source, self.span(&value), self.whole));
        }
        Ok(Detail::Number(kind, number(value.as_str())))
    }

    fn priority(&self, parts: Pairs<'_, Rule>) -> Result<Priority, Error> {
        let (mut base, mut later, mut by) = (None, false, None);
        for pair in parts {
            match pair.as_rule() {
                Rule::kernel_number => {
                    let digits = pair.as_str().split_once(':').map_or("", |(_, digits)| digits);
                    return Ok(Priority::Number(number(digits)));
                }
                Rule::base => base = Some(self.word(&pair)?),
                Rule::minus => later = true,
                Rule::number => by = Some(number(pair.as_str())),
                _ => {}
            }
        }
        Ok(Priority::From { base, offset: by.map(|by| Offset { later, by }) })
    }

    fn ends(&self, ends: &Pair<'_, Rule>) -> Result<Ends, Error> {
        let mut endpoints = Vec::with_capacity(2);
        for pair in ends.clone().into_inner() {
            match pair.as_rule() {
                Rule::me_any => return Ok(Ends::MeAny),
                Rule::any_me => return Ok(Ends::AnyMe),
                Rule::address => {
                    let address = self.node(&pair, pair.as_str().to_owned());
                    endpoints.push(Endpoint { address, port: None });
                }
                Rule::port => {
                    let digits = pair.as_str().trim_matches(['[', ']']);
                    if let Some(endpoint) = endpoints.last_mut() {
                        endpoint.port = Some(number(digits));
                    }
                }
                _ => {}
            }
        }
        let [src, dst] = endpoints.try_into().map_err(|_| self.unknown(ends))?;
        Ok(Ends::Addresses(src, dst))
    }

    /// The row of a table that a word of the grammar names. A word that the table does not have is
    /// a syntax error: the grammar has more words than the table.
    fn word<T: FromStr>(&self, pair: &Pair<'_, Rule>) -> Result<T, Error> {
        pair.as_str().parse().map_err(|_| self.unknown(pair))
    }

    fn unknown(&self, pair: &Pair<'_, Rule>) -> Error {
        let kind = Fault::PolicySyntax { word: pair.as_str().to_owned(), expected: Vec::new() };
        Error::new(kind, self.source, self.span(pair), self.whole)
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let (span, start) = (pair.as_span(), self.whole.start);
        Span { start: start + span.start(), end: start + span.end() }
    }

    fn node<T>(&self, pair: &Pair<'_, Rule>, value: T) -> Node<T> {
        Node::new(value, self.span(pair))
    }
}
