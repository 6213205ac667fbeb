use std::{cell::Cell, str::FromStr};

use model::{Dialect, IpVersion, ScriptOption, names::LookUp};
use pest::iterators::{Pair, Pairs};

use super::{
    dialect::is_foreign,
    hint::Hint,
    rules::{Rule, number},
    source::Source,
    syntax::syntax_error,
};
use crate::{
    error::Error,
    tree::{Node, Span},
};

/// Makes the tree of what the grammar has found.
pub(super) struct Reader<'s> {
    pub(super) source: &'s Source,
    pub(super) dialect: Dialect,
    /// The first thing that the dialect does not have.
    foreign: Cell<Option<Foreign>>,
}

/// Something of another dialect.
pub(super) struct Foreign {
    pub at: usize,
    pub hint: Hint,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, dialect: source.dialect(), foreign: Cell::new(None) }
    }

    /// The first thing that the dialect does not have, if there is one.
    pub(super) fn take_foreign(&self) -> Option<Foreign> {
        self.foreign.take()
    }

    /// Notes that something is there which the dialect does not have, unless something is noted.
    pub(super) fn refuse(&self, pair: &Pair<'_, Rule>, hint: Hint) {
        let first = self.foreign.take();
        let at = self.span(pair).start;
        self.foreign.set(Some(first.unwrap_or(Foreign { at, hint })));
    }

    /// Refuses a word that is another dialect's.
    pub(super) fn own(&self, pair: &Pair<'_, Rule>) {
        let may_be_foreign = matches!(
            pair.as_rule(),
            Rule::update_word
                | Rule::get_spi_word
                | Rule::spd_update_word
                | Rule::exit_word
                | Rule::esp_udp
        );
        if may_be_foreign {
            self.own_word(pair, pair.as_str());
        }
    }

    /// Refuses an option that is another dialect's.
    pub(super) fn own_option(&self, pair: &Pair<'_, Rule>, option: ScriptOption) {
        self.own_word(pair, option.word());
    }

    fn own_word(&self, pair: &Pair<'_, Rule>, word: &str) {
        if is_foreign(word, self.dialect) {
            self.refuse(pair, Hint::OtherDialect(word.to_owned()));
        }
    }

    pub(super) fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let (span, start) = (pair.as_span(), self.source.start());
        Span { start: start + span.start(), end: start + span.end() }
    }

    pub(super) fn node<T>(&self, pair: &Pair<'_, Rule>, value: T) -> Node<T> {
        Node::new(value, self.span(pair))
    }

    /// The row of a table that a word of the grammar names. A word that the table does not have is
    /// a syntax error: the grammar has more words than the table.
    pub(super) fn word<T: FromStr>(&self, pair: &Pair<'_, Rule>) -> Result<T, Error> {
        pair.as_str().parse().map_err(|_| self.unexpected(pair))
    }

    /// The error of a part that the reader does not know.
    pub(super) fn unexpected(&self, pair: &Pair<'_, Rule>) -> Error {
        syntax_error(self.source, self.span(pair).start, Vec::new())
    }

    /// The next of the parts that the grammar promises.
    pub(super) fn part<'t>(&self, parts: &mut Pairs<'t, Rule>) -> Result<Pair<'t, Rule>, Error> {
        let missing = || syntax_error(self.source, self.source.start(), Vec::new());
        parts.next().ok_or_else(missing)
    }

    /// The first part of a pair that the grammar gives at least one.
    pub(super) fn first<'t>(&self, pair: &Pair<'t, Rule>) -> Result<Pair<'t, Rule>, Error> {
        self.part(&mut pair.clone().into_inner())
    }

    /// The next part, a number.
    pub(super) fn number(&self, parts: &mut Pairs<'_, Rule>) -> Result<u64, Error> {
        Ok(number(self.part(parts)?.as_str()))
    }

    /// The first part, a number.
    pub(super) fn first_number(&self, pair: &Pair<'_, Rule>) -> Result<Node<u64>, Error> {
        let digits = self.first(pair)?;
        Ok(self.node(&digits, number(digits.as_str())))
    }

    /// The mask behind the slash.
    pub(super) fn other_mask(&self, rest: &mut Pairs<'_, Rule>) -> Result<u64, Error> {
        self.number(&mut self.part(rest)?.into_inner())
    }

    pub(super) fn text(&self, pair: &Pair<'_, Rule>) -> Node<String> {
        self.node(pair, pair.as_str().to_owned())
    }

    /// What is between the quotes, from the source: the parser's text may be masked.
    pub(super) fn quoted(&self, pair: &Pair<'_, Rule>) -> Vec<u8> {
        let Span { start, end } = self.span(pair);
        self.source.bytes(Span { start: start + 1, end: end - 1 }).to_vec()
    }
}

/// Takes the next part if it is a `rule`.
pub(super) fn part_if<'t>(parts: &mut Pairs<'t, Rule>, rule: Rule) -> Option<Pair<'t, Rule>> {
    let is_next = parts.peek().is_some_and(|pair| pair.as_rule() == rule);
    if is_next { parts.next() } else { None }
}

/// `-4`, `-6` and `-n`.
pub(super) fn look_up(parts: &mut Pairs<'_, Rule>) -> LookUp {
    let mut look_up = LookUp::default();
    while let Some(flags) = part_if(parts, Rule::look_up) {
        for flag in flags.as_str().chars() {
            match flag {
                '4' => look_up.version = Some(IpVersion::V4),
                '6' => look_up.version = Some(IpVersion::V6),
                'n' => look_up.numeric = true,
                // The `-` before them; the grammar has no other flags.
                _ => {}
            }
        }
    }
    look_up
}
