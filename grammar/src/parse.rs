use std::cell::Cell;

use ipsec::{
    Dialect, Key, SaDirection, SaFlags,
    names::{Family, LookUp},
};
use pest::{
    Parser,
    iterators::{Pair, Pairs},
};

use crate::{
    dialect::{is_foreign, is_policy_char},
    error::{Error, Kind},
    expected::{candidates, expected},
    hint::{self, Hint, word_at},
    lexer::{token_at, tokens_before},
    policy,
    source::Source,
    tree::{
        Algorithm, Algorithms, Command, Context, Extension, Flag, FragmentOption, Host, MarkText,
        Mode, Node, Policy, Port, Range, SaEnds, SaName, SaProto, Selection, Selector, Span,
        Statement, Upper,
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
    let wrong = syntax_error(source, at, expected(error));
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
            Rule::get_spi_word | Rule::spd_update_word | Rule::exit_word | Rule::esp_udp
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
        let is_natt = pair.as_rule() == Rule::natt_end;
        let mut parts = pair.into_inner();
        let address = self.text(&part(&mut parts));
        if let Some(port) = parts.peek()
            && self.dialect == Dialect::FreeBsd
            && !is_natt
        {
            self.refuse(&port, Hint::PortOfSa);
        }
        Host { address, port: self.port(&mut parts) }
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
        let word = part(&mut inner);
        self.own(&word);
        let proto = match word.as_str() {
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
        let mut parts = pair.clone().into_inner();
        let Some(word) = parts.next() else {
            let is_esn = pair.as_rule() == Rule::esn;
            return if is_esn { Extension::Esn } else { Extension::KeepAlive(None) };
        };
        let number = || number(word.as_str());
        match pair.as_rule() {
            Rule::flag => Extension::Flag(flag(word.as_str())),
            Rule::mode => Extension::Mode(match word.as_str() {
                "transport" => Some(Mode::Transport),
                "tunnel" => Some(Mode::Tunnel),
                "beet" => Some(Mode::Beet),
                _ => None,
            }),
            Rule::reqid => Extension::ReqId(number()),
            Rule::replay => Extension::Replay(number()),
            Rule::hard_time => Extension::HardTime(number()),
            Rule::soft_time => Extension::SoftTime(number()),
            Rule::hard_bytes => {
                self.own_option(&pair, "-bh");
                Extension::HardBytes(number())
            }
            Rule::soft_bytes => {
                self.own_option(&pair, "-bs");
                Extension::SoftBytes(number())
            }
            Rule::hard_use => Extension::HardUse(number()),
            Rule::soft_use => Extension::SoftUse(number()),
            Rule::hard_packets => Extension::HardPackets(number()),
            Rule::soft_packets => Extension::SoftPackets(number()),
            Rule::context => Extension::Context(self.context(pair)),
            _ => self.linux_extension(&pair, &word, parts),
        }
    }

    /// An extension that ipsec-tools did not have.
    fn linux_extension(
        &self,
        pair: &Pair<'_, Rule>,
        word: &Pair<'_, Rule>,
        mut rest: Pairs<'_, Rule>,
    ) -> Extension {
        let text = word.as_str();
        match pair.as_rule() {
            Rule::esp_frag => {
                self.own_option(pair, "-esp_frag");
                Extension::Fragment(FragmentOption::EspFrag, number(text))
            }
            Rule::natt_mtu => {
                self.own_option(pair, "-natt_mtu");
                Extension::Fragment(FragmentOption::NattMtu, number(text))
            }
            Rule::hardware => {
                self.own_option(pair, "-hwif");
                Extension::HardwareInterface(text.to_owned())
            }
            Rule::natt => {
                Extension::Natt(Box::new((self.host(word.clone()), self.host(part(&mut rest)))))
            }
            Rule::mark => Extension::Mark(mark(text, &mut rest)),
            Rule::out_mark => Extension::OutMark(mark(text, &mut rest)),
            Rule::if_id => Extension::IfId(number(text)),
            Rule::direction => Extension::Direction(way(text)),
            Rule::offload => Extension::Offload {
                device: text.to_owned(),
                direction: way(part(&mut rest).as_str()),
                packet: rest.next().is_some(),
            },
            Rule::keepalive => Extension::KeepAlive(Some(number(text))),
            _ => Extension::KernelFlag(SaFlags::from_name(text).unwrap_or_default()),
        }
    }

    fn context(&self, pair: Pair<'_, Rule>) -> Context {
        self.own_option(&pair, "-ctx");
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
        let mut word = part(&mut parts);
        while let Some(again) = part_if(&mut parts, Rule::tcp_md5) {
            word = again;
        }
        let key = parts.next();
        if let Some(key) = &key {
            match word.as_rule() {
                Rule::crypt_bare if self.dialect != Dialect::FreeBsd => {
                    self.refuse(key, Hint::NullKey);
                }
                Rule::tcp_md5 if self.dialect == Dialect::Linux => self.refuse(key, Hint::TcpMd5),
                _ => {}
            }
        }
        Algorithm { name: self.text(&word), key: key.map(|key| self.key(&key)) }
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
        let upper = self.node(&upper, self.upper(&part(&mut upper.clone().into_inner())));
        let misc = part_if(&mut parts, Rule::misc).map(|misc| self.text(&misc));
        let (mut context, mut extensions) = (None, Vec::new());
        for pair in parts {
            if pair.as_rule() == Rule::context {
                context = Some(self.node(&pair, self.context(pair.clone())));
            } else {
                let extension = self.extension(part(&mut pair.clone().into_inner()));
                extensions.push(self.node(&pair, extension));
            }
        }
        Selector { look_up, src, dst, upper, misc, context, extensions }
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

    fn upper(&self, pair: &Pair<'_, Rule>) -> Upper {
        match pair.as_rule() {
            Rule::any_upper => Upper::Any,
            Rule::tcp_upper => Upper::Tcp,
            Rule::esp_upper => {
                if self.dialect != Dialect::FreeBsd {
                    self.refuse(pair, Hint::EspUpper);
                }
                Upper::Esp
            }
            Rule::decimal => Upper::Number(number(pair.as_str())),
            _ => Upper::Name(pair.as_str().to_owned()),
        }
    }

    fn policy(&self, pair: Pair<'_, Rule>) -> Result<Node<Policy>, Error> {
        let text = part(&mut pair.into_inner());
        let span = self.span(&text);
        let wrong = text.as_str().find(|c| !is_policy_char(c, self.dialect));
        if let Some(wrong) = wrong {
            return Err(syntax_error(self.source, span.start + wrong, Vec::new())
                .with_hint(Some(Hint::FreeBsdPolicy)));
        }
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

fn mark(value: &str, rest: &mut Pairs<'_, Rule>) -> MarkText {
    MarkText { value: number(value), mask: rest.next().map(|mask| number(mask.as_str())) }
}

fn way(word: &str) -> SaDirection {
    if word == "in" { SaDirection::In } else { SaDirection::Out }
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
