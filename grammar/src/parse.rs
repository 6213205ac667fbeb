use ipsec::{
    Key,
    names::{Family, LookUp},
};
use pest::{
    Parser,
    iterators::{Pair, Pairs},
};

use crate::{
    error::{Error, Kind},
    expected::expected,
    lexer::token_at,
    policy,
    source::Source,
    tree::{
        Algorithm, Algorithms, Command, Context, Extension, Flag, Host, Mode, Node, Policy, Port,
        Range, SaEnds, SaName, SaProto, Selection, Selector, Span, Statement, Upper,
    },
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
        .map_err(|error| syntax_error(&source, &error))?;
    let command = Reader { source: &source }.command(part(&mut found))?;
    Ok(Statement { command, source })
}

fn syntax_error(source: &Source, error: &pest::error::Error<Rule>) -> Error {
    let (pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _))) =
        error.location;
    let token = token_at(source, source.start() + at);
    let kind = if source.bytes(token.span) == b"\"" {
        Kind::UnclosedQuote
    } else if token.is_stray {
        Kind::StrayByte(source.bytes(token.span)[0])
    } else {
        Kind::Syntax { expected: expected(error) }
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
}

impl Reader<'_> {
    fn command(&self, pair: Pair<'_, Rule>) -> Result<Command, Error> {
        let rule = pair.as_rule();
        let mut parts = pair.into_inner();
        parts.next();
        Ok(match rule {
            Rule::add => {
                let name = Box::new(self.sa_name(&mut parts));
                Command::Add(name, self.algorithms(part(&mut parts)))
            }
            Rule::get => Command::Get(Box::new(self.sa_name(&mut parts))),
            Rule::delete => Command::Delete(Box::new(self.sa_name(&mut parts))),
            Rule::delete_all => Command::DeleteAll(Box::new(self.sa_ends(&mut parts))),
            Rule::flush => Command::Flush(self.proto(&mut parts)),
            Rule::dump => Command::Dump(self.proto(&mut parts)),
            Rule::spd_add => {
                Command::SpdAdd(self.selection(part(&mut parts)), self.policy(part(&mut parts))?)
            }
            Rule::spd_update => {
                Command::SpdUpdate(self.selection(part(&mut parts)), self.policy(part(&mut parts))?)
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

    fn sa_name(&self, parts: &mut Pairs<'_, Rule>) -> SaName {
        let ends = self.sa_ends(parts);
        let spi = part(parts);
        let spi = self.node(&spi, number(spi.as_str()));
        let mut extensions = Vec::new();
        while let Some(pair) = part_if(parts, Rule::extension) {
            extensions.push(self.node(&pair, self.extension(part(&mut pair.clone().into_inner()))));
        }
        SaName { ends, spi, extensions }
    }

    fn sa_ends(&self, parts: &mut Pairs<'_, Rule>) -> SaEnds {
        let look_up = look_up(parts);
        let (src, dst) = (self.host(part(parts)), self.host(part(parts)));
        SaEnds { look_up, src, dst, proto: self.proto(parts) }
    }

    /// A `host`, or the bare `address` of deleteall.
    fn host(&self, pair: Pair<'_, Rule>) -> Host {
        if pair.as_rule() == Rule::address {
            return Host { address: self.text(&pair), port: None };
        }
        let mut parts = pair.into_inner();
        Host { address: self.text(&part(&mut parts)), port: self.port(&mut parts) }
    }

    fn port(&self, parts: &mut Pairs<'_, Rule>) -> Option<Node<Port>> {
        let pair = part_if(parts, Rule::port)?;
        let inner = part(&mut pair.clone().into_inner());
        let port = match inner.as_rule() {
            Rule::any_port => Port::Any,
            Rule::decimal => Port::Number(number(inner.as_str())),
            _ => Port::Service(inner.as_str().to_owned()),
        };
        Some(self.node(&pair, port))
    }

    fn proto(&self, parts: &mut Pairs<'_, Rule>) -> Option<Node<SaProto>> {
        let pair = part_if(parts, Rule::proto)?;
        let mut inner = pair.clone().into_inner();
        let proto = match part(&mut inner).as_str() {
            "esp" => SaProto::Esp,
            "esp-old" => SaProto::EspOld,
            "ah" => SaProto::Ah,
            "ah-old" => SaProto::AhOld,
            "ipcomp" => SaProto::IpComp,
            "tcp" => SaProto::Tcp,
            _ => SaProto::EspUdp(inner.next().map(|address| self.text(&address))),
        };
        Some(self.node(&pair, proto))
    }

    fn extension(&self, pair: Pair<'_, Rule>) -> Extension {
        let rule = pair.as_rule();
        let mut parts = pair.clone().into_inner();
        let word = part(&mut parts);
        let number = || number(word.as_str());
        match rule {
            Rule::flag => Extension::Flag(flag(word.as_str())),
            Rule::mode => Extension::Mode(match word.as_str() {
                "transport" => Some(Mode::Transport),
                "tunnel" => Some(Mode::Tunnel),
                _ => None,
            }),
            Rule::reqid => Extension::ReqId(number()),
            Rule::replay => Extension::Replay(number()),
            Rule::hard_time => Extension::HardTime(number()),
            Rule::soft_time => Extension::SoftTime(number()),
            Rule::hard_bytes => Extension::HardBytes(number()),
            Rule::soft_bytes => Extension::SoftBytes(number()),
            _ => Extension::Context(self.context(pair)),
        }
    }

    fn context(&self, pair: Pair<'_, Rule>) -> Context {
        let mut parts = pair.into_inner();
        let doi = number(part(&mut parts).as_str());
        let alg = number(part(&mut parts).as_str());
        Context { doi, alg, label: self.quoted(&part(&mut parts)) }
    }

    fn algorithms(&self, pair: Pair<'_, Rule>) -> Algorithms {
        let mut parts = pair.into_inner();
        let first = part(&mut parts);
        match first.as_rule() {
            Rule::crypt => Algorithms::Crypt(
                self.algorithm(first),
                parts.next().map(|auth| self.algorithm(auth)),
            ),
            Rule::auth => Algorithms::Auth(self.algorithm(first)),
            _ => {
                let mut comp = first.into_inner();
                let name = self.text(&part(&mut comp));
                Algorithms::Comp { name, raw_cpi: comp.next().is_some() }
            }
        }
    }

    fn algorithm(&self, pair: Pair<'_, Rule>) -> Algorithm {
        let mut parts = pair.into_inner();
        while part_if(&mut parts, Rule::dropped).is_some() {}
        let name = self.text(&part(&mut parts));
        Algorithm { name, key: parts.next().map(|key| self.key(&key)) }
    }

    fn key(&self, pair: &Pair<'_, Rule>) -> Node<Key> {
        let written = part(&mut pair.clone().into_inner());
        let bytes = match written.as_rule() {
            Rule::hex => from_hex(written.as_str()),
            _ => self.quoted(&written),
        };
        self.node(pair, Key::new(bytes))
    }

    fn selection(&self, pair: Pair<'_, Rule>) -> Selection {
        if pair.as_rule() == Rule::selector {
            return Selection::Packets(Box::new(self.selector(pair)));
        }
        let name = pair.into_inner().find(|part| part.as_rule() == Rule::quoted);
        let name = name.expect("a tag has a name");
        Selection::Tagged(self.node(&name, self.quoted(&name)))
    }

    fn selector(&self, pair: Pair<'_, Rule>) -> Selector {
        let mut parts = pair.into_inner();
        let look_up = look_up(&mut parts);
        let (src, dst) = (self.range(part(&mut parts)), self.range(part(&mut parts)));
        let upper = part(&mut parts);
        let upper = self.node(&upper, self::upper(&part(&mut upper.clone().into_inner())));
        let misc = part_if(&mut parts, Rule::misc).map(|misc| self.text(&misc));
        let context = parts.next();
        let context = context.map(|pair| self.node(&pair, self.context(pair.clone())));
        Selector { look_up, src, dst, upper, misc, context }
    }

    fn range(&self, pair: Pair<'_, Rule>) -> Range {
        let mut parts = pair.into_inner();
        let address = self.text(&part(&mut parts));
        let prefix = part_if(&mut parts, Rule::prefix).map(|prefix| {
            let length = part(&mut prefix.into_inner());
            self.node(&length, number(length.as_str()))
        });
        Range { address, prefix, port: self.port(&mut parts) }
    }

    fn policy(&self, pair: Pair<'_, Rule>) -> Result<Node<Policy>, Error> {
        let text = part(&mut pair.into_inner());
        let span = self.span(&text);
        Ok(Node::new(policy::parse(self.source, text.as_str(), span)?, span))
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

fn upper(pair: &Pair<'_, Rule>) -> Upper {
    match pair.as_rule() {
        Rule::any_upper => Upper::Any,
        Rule::tcp_upper => Upper::Tcp,
        Rule::decimal => Upper::Number(number(pair.as_str())),
        _ => Upper::Name(pair.as_str().to_owned()),
    }
}

fn flag(word: &str) -> Flag {
    match word {
        "zero-pad" => Flag::ZeroPad,
        "random-pad" => Flag::RandomPad,
        "seq-pad" => Flag::SeqPad,
        _ => Flag::NoCyclicSeq,
    }
}

/// The number of decimal or 0x hexadecimal digits, as strtoul(3): no more than `u64::MAX`.
pub(crate) fn number(word: &str) -> u64 {
    let number = match word.get(..2) {
        Some("0x" | "0X") => u64::from_str_radix(&word[2..], 16),
        _ => word.parse(),
    };
    number.unwrap_or(u64::MAX)
}

/// The bytes of 0x hexadecimal digits. Of an odd number of digits the first is a byte of its own.
fn from_hex(word: &str) -> Vec<u8> {
    let digits = &word.as_bytes()[2..];
    let value = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        _ => digit - b'a' + 10,
    };
    let (odd, pairs) = digits.split_at(digits.len() % 2);
    let mut bytes = Vec::with_capacity(digits.len().div_ceil(2));
    bytes.extend(odd.iter().map(|&digit| value(digit)));
    bytes.extend(pairs.chunks_exact(2).map(|pair| value(pair[0]) << 4 | value(pair[1])));
    bytes
}
