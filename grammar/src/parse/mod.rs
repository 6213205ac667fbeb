mod sa;
mod spd;

use std::cell::Cell;

use model::{
    Dialect,
    names::{Family, LookUp},
};
use pest::{
    Parser,
    iterators::{Pair, Pairs},
};

use crate::{
    dialect::is_foreign,
    error::{Error, Kind},
    expected::{candidates, expected},
    hint::{self, Hint, word_at},
    lexer::{token_at, tokens_before},
    source::Source,
    tree::{Command, Node, Span, Statement},
};

// In a module of its own, since the derive makes items that would need documentation.
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "../setkey.pest"]
    pub(crate) struct SetkeyParser;
}
pub(crate) use grammar::{Rule, SetkeyParser};

/// Reads one statement.
pub(crate) fn parse(source: Source) -> Result<Statement, Error> {
    let mut found = SetkeyParser::parse(Rule::statement, source.ascii())
        .map_err(|error| not_read(&source, &error))?;
    let reader = Reader { source: &source, dialect: source.dialect(), foreign: Cell::new(None) };
    let command = reader.command(part(&mut found));
    if let Some(Foreign { at, hint }) = reader.foreign.take() {
        return Err(syntax_error(&source, at, Vec::new()).with_hint(Some(hint)));
    }
    Ok(Statement { command: command?, source })
}

/// The error of a statement that the grammar does not take: at the first word of another dialect,
/// if one stands before.
fn not_read(source: &Source, error: &pest::error::Error<Rule>) -> Error {
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
    wrong.with_hint(hint::of_syntax(source, token, &candidates(error)))
}

fn syntax_error(source: &Source, at: usize, expected: Vec<&'static str>) -> Error {
    let token = token_at(source, at);
    let kind = if source.bytes(token.span) == b"\"" {
        Kind::UnclosedQuote
    } else if token.is_stray {
        Kind::StrayByte(source.bytes(token.span)[0])
    } else {
        Kind::Syntax { expected }
    };
    Error::new(kind, source, token.span, token.named)
}

/// The next of the parts that the grammar promises.
fn part<'t>(parts: &mut Pairs<'t, Rule>) -> Pair<'t, Rule> {
    parts.next().expect("the grammar has this part")
}

/// Takes the next part if it is a `rule`.
fn part_if<'t>(parts: &mut Pairs<'t, Rule>, rule: Rule) -> Option<Pair<'t, Rule>> {
    let is_next = parts.peek().is_some_and(|pair| pair.as_rule() == rule);
    if is_next { parts.next() } else { None }
}

/// Makes the tree of what the grammar has found.
struct Reader<'s> {
    source: &'s Source,
    dialect: Dialect,
    /// The first thing that the dialect does not have.
    foreign: Cell<Option<Foreign>>,
}

/// Something of another dialect.
struct Foreign {
    at: usize,
    hint: Hint,
}

impl Reader<'_> {
    fn command(&self, pair: Pair<'_, Rule>) -> Result<Command, Error> {
        let rule = pair.as_rule();
        let mut parts = pair.into_inner();
        self.own(&part(&mut parts));
        Ok(match rule {
            Rule::add => {
                let name = Box::new(self.sa_name(&mut parts));
                Command::Add(name, self.algorithms(part(&mut parts)))
            }
            Rule::update => {
                let name = Box::new(self.sa_name(&mut parts));
                Command::Update(name, self.algorithms(part(&mut parts)))
            }
            Rule::get_spi => Command::GetSpi(Box::new(self.sa_name(&mut parts))),
            Rule::get => Command::Get(Box::new(self.sa_name(&mut parts))),
            Rule::delete => Command::Delete(Box::new(self.sa_name(&mut parts))),
            Rule::delete_all => Command::DeleteAll(Box::new(self.sa_ends(&mut parts))),
            Rule::flush => Command::Flush(self.proto(&mut parts)),
            Rule::dump => Command::Dump(self.proto(&mut parts)),
            Rule::spd_add => {
                let what = self.selection(part(&mut parts));
                Command::SpdAdd(what, self.policy(part(&mut parts))?)
            }
            Rule::spd_update => {
                let what = self.selection(part(&mut parts));
                Command::SpdUpdate(what, self.policy(part(&mut parts))?)
            }
            Rule::spd_delete => {
                let selector = Box::new(self.selector(part(&mut parts)));
                Command::SpdDelete(selector, self.policy(part(&mut parts))?)
            }
            Rule::spd_flush => Command::SpdFlush,
            Rule::spd_dump => Command::SpdDump,
            _ => Command::Exit,
        })
    }

    /// Notes that something is there which the dialect does not have, unless something is noted.
    fn refuse(&self, pair: &Pair<'_, Rule>, hint: Hint) {
        let first = self.foreign.take();
        let at = self.span(pair).start;
        self.foreign.set(Some(first.unwrap_or(Foreign { at, hint })));
    }

    /// Refuses a word that is another dialect's.
    fn own(&self, pair: &Pair<'_, Rule>) {
        let may_be_foreign = matches!(
            pair.as_rule(),
            Rule::update_word
                | Rule::get_spi_word
                | Rule::spd_update_word
                | Rule::exit_word
                | Rule::esp_udp
        );
        if may_be_foreign {
            self.own_option(pair, pair.as_str());
        }
    }

    fn own_option(&self, pair: &Pair<'_, Rule>, word: &str) {
        if is_foreign(word, self.dialect) {
            self.refuse(pair, Hint::OtherDialect(word.to_owned()));
        }
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let (span, start) = (pair.as_span(), self.source.start());
        Span { start: start + span.start(), end: start + span.end() }
    }

    fn node<T>(&self, pair: &Pair<'_, Rule>, value: T) -> Node<T> {
        Node::new(value, self.span(pair))
    }

    fn text(&self, pair: &Pair<'_, Rule>) -> Node<String> {
        self.node(pair, pair.as_str().to_owned())
    }

    /// What stands between the quotes, from the source: the parser's text may be masked.
    fn quoted(&self, pair: &Pair<'_, Rule>) -> Vec<u8> {
        let Span { start, end } = self.span(pair);
        self.source.bytes(Span { start: start + 1, end: end - 1 }).to_vec()
    }
}

fn look_up(parts: &mut Pairs<'_, Rule>) -> LookUp {
    let mut look_up = LookUp::default();
    while let Some(flags) = part_if(parts, Rule::look_up) {
        for flag in flags.as_str().chars() {
            match flag {
                '4' => look_up.family = Some(Family::V4),
                '6' => look_up.family = Some(Family::V6),
                'n' => look_up.numeric = true,
                _ => {}
            }
        }
    }
    look_up
}

/// The number of decimal or 0x hexadecimal digits, as strtoul(3): no more than `u64::MAX`.
pub(crate) fn number(word: &str) -> u64 {
    let number = match word.get(..2) {
        Some("0x" | "0X") => u64::from_str_radix(&word[2..], 16),
        _ => word.parse(),
    };
    number.unwrap_or(u64::MAX)
}
