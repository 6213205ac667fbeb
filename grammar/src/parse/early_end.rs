//! What a statement lacks that ends too early, and how it is written.

use model::{Algorithm, AlgorithmKind, ScriptOption};

use super::{
    attempt::word_at,
    hint::Hint,
    lexer::{Token, tokens_before},
    lists::options_with_effect,
    rules::Rule,
    source::Source,
};
use crate::tree::{SaProtoWord, StatementWord};

/// What is missing before `token`, if it is the `;` or the end of the script and one of `rules` had to follow.
pub(super) fn missing(source: &Source, token: Token, rules: &[Rule]) -> Option<Hint> {
    let is_end = matches!(source.text().get(token.span.start), None | Some(b';'));
    if !is_end || rules.contains(&Rule::end) {
        return None;
    }
    let words = || tokens_before(source, token.span.start).map(|at| word_at(source, at));
    let statement = words().next()?.parse().ok()?;
    let takes = |rule| rules.contains(&rule);
    let option: Option<ScriptOption> = words().filter_map(|word| word.parse().ok()).last();
    let used = options_with_effect(statement);
    if let Some(option) = option
        && used.is_some_and(|used| !used.contains(&option.word()))
        && ![ScriptOption::Context, ScriptOption::Policy].contains(&option)
        && !takes(Rule::policy)
    {
        return Some(Hint::NoUse(option, statement));
    }
    if let Some(kinds) = option.and_then(kinds_of_key).filter(|_| takes(Rule::key)) {
        let name = words().last()?;
        let row = kinds.iter().find_map(|&kind| Algorithm::by_name(kind, name))?;
        return Some(Hint::NoKey(row.name, row.key_bits));
    }
    let text = if takes(Rule::algorithms) {
        match protocol(words()) {
            Some(proto) => algorithm(proto)?,
            None => "the protocol is missing before the SPI: esp, ah or ipcomp",
        }
    } else if takes(Rule::spi) {
        name(statement, takes(Rule::proto))
    } else if takes(Rule::policy) || takes(Rule::policy_text) {
        policy(statement)
    } else if takes(Rule::upper) && is_of_spd(statement) {
        "the upper-layer protocol is missing: any is for all"
    } else if let Some(option) = option {
        value(option, statement)?
    } else if takes(Rule::quoted) {
        "a tag is a firewall mark: tagged \"0x10/0xff\""
    } else {
        addresses(statement)?
    };
    Some(Hint::Text(text))
}

/// The algorithms with a key behind an option.
fn kinds_of_key(option: ScriptOption) -> Option<&'static [AlgorithmKind]> {
    match option {
        ScriptOption::Encryption => Some(&[AlgorithmKind::Crypt, AlgorithmKind::Aead]),
        ScriptOption::Authentication => Some(&[AlgorithmKind::Auth]),
        _ => None,
    }
}

/// The protocol of an SA. That of its selector is behind an option.
fn protocol<'a>(words: impl Iterator<Item = &'a str>) -> Option<SaProtoWord> {
    let mut before_options = words.take_while(|word| word.parse::<ScriptOption>().is_err());
    before_options.find_map(|word| word.parse().ok())
}

/// The whole option of a statement, where it takes more than a word or a number.
fn value(option: ScriptOption, statement: StatementWord) -> Option<&'static str> {
    Some(match option {
        ScriptOption::Context => "say -ctx DOI ALGORITHM \"CONTEXT\"",
        ScriptOption::Natt => "say -natt SRC[PORT] DST[PORT]",
        ScriptOption::Offload if is_of_spd(statement) => "say -offload DEVICE",
        ScriptOption::Offload => "say -offload DEVICE in or -offload DEVICE out",
        ScriptOption::Selector => {
            "say -sel SRC DST UPPER, as in -sel ::/0 ::/0 any: dev DEVICE, masks SRC/DST and uid UID may follow"
        }
        ScriptOption::Encap => concat!("say -encap KIND SPORT DPORT, as in ", example_of_encap!()),
        ScriptOption::CareOf => "say -coa ADDRESS",
        ScriptOption::Attribute => "say -attr NUMBER BYTES, as in -attr 99 0x00",
        ScriptOption::PortMasks => "say -portmask SRC/DST, as in -portmask 0xff00/0xffff",
        _ => return None,
    })
}

/// The algorithm of an SA.
fn algorithm(proto: SaProtoWord) -> Option<&'static str> {
    Some(match proto {
        SaProtoWord::Esp | SaProtoWord::EspOld | SaProtoWord::EspUdp => {
            "the cipher of esp is missing: -E NAME KEY, as in -E aes-gcm-16 KEY"
        }
        SaProtoWord::Ah | SaProtoWord::AhOld => {
            "the algorithm of ah is missing: -A NAME KEY, as in -A hmac-sha256 KEY"
        }
        SaProtoWord::IpComp => "the algorithm of ipcomp is missing: -C deflate",
        SaProtoWord::Tcp => return None,
    })
}

/// What names an SA behind its addresses: the SPI, and the protocol before it if there is none.
fn name(statement: StatementWord, with_protocol: bool) -> &'static str {
    match (statement, with_protocol) {
        (StatementWord::Delete, true) => {
            "the protocol and the SPI are missing, as in esp 0x1000: deleteall is for every SPI"
        }
        (StatementWord::Delete, false) => {
            "the SPI is missing, as in 0x1000: deleteall is for every SPI"
        }
        (StatementWord::Get, true) => {
            "the protocol and the SPI are missing, as in esp 0x1000: dump prints every SA"
        }
        (StatementWord::Get, false) => "the SPI is missing, as in 0x1000: dump prints every SA",
        (_, true) => "the protocol and the SPI are missing, as in esp 0x1000",
        (_, false) => "the SPI is missing, as in 0x1000",
    }
}

/// What is behind a selector.
fn policy(statement: StatementWord) -> &'static str {
    if statement == StatementWord::SpdDelete {
        "the direction of the policy is missing: -P in or -P out"
    } else {
        "the policy is missing: -P in or -P out, and ipsec, none or discard"
    }
}

/// The whole statement, where it lacks addresses.
pub(super) fn addresses(statement: StatementWord) -> Option<&'static str> {
    Some(match statement {
        StatementWord::Add => "say add SRC DST PROTOCOL SPI, and -E NAME KEY, -A NAME KEY or both",
        StatementWord::Update => {
            "say update SRC DST PROTOCOL SPI, and -E NAME KEY, -A NAME KEY or both"
        }
        StatementWord::GetSpi => "say getspi SRC DST PROTOCOL SPI",
        StatementWord::Get => "say get SRC DST PROTOCOL SPI: dump prints every SA",
        StatementWord::Delete => {
            "say delete SRC DST PROTOCOL SPI, or deleteall SRC DST PROTOCOL for every SPI"
        }
        StatementWord::DeleteAll => {
            "say deleteall SRC DST, or deleteall SRC DST PROTOCOL: flush is for all addresses"
        }
        StatementWord::SpdAdd => {
            "say spdadd SRC DST UPPER -P DIRECTION ACTION, as in any -P out none"
        }
        StatementWord::SpdUpdate => {
            "say spdupdate SRC DST UPPER -P DIRECTION ACTION, as in any -P out none"
        }
        StatementWord::SpdDelete => {
            "say spddelete SRC DST UPPER -P DIRECTION, as in any -P out: spdflush is for all policies"
        }
        StatementWord::Flush
        | StatementWord::Dump
        | StatementWord::SpdFlush
        | StatementWord::SpdDump
        | StatementWord::Exit
        | StatementWord::Quit
        | StatementWord::Bye => return None,
    })
}

fn is_of_spd(statement: StatementWord) -> bool {
    matches!(statement, StatementWord::SpdAdd | StatementWord::SpdUpdate | StatementWord::SpdDelete)
}
