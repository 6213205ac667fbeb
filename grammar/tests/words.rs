//! The words of setkey.pest and policy.pest are those of the tables, and no others.

use std::collections::BTreeSet;

use grammar::tree::{DetailWord, Flag, Mode, SaProtoWord, StatementWord};
use model::{
    ALGORITHMS, ActionKind, AlgorithmKind,
    AlgorithmKind::{Aead, Auth, Comp, Crypt},
    Direction, EncapKind, IpTfsSetting, LevelKind, PolicyFlags, PolicyType, PriorityBase, Proto,
    SaDirection, SaFlags, ScriptOption, ZeroLimits,
};

const SETKEY: &str = include_str!("../setkey.pest");
const POLICY: &str = include_str!("../policy.pest");

type Words = BTreeSet<String>;

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Words {
    words.into_iter().map(str::to_owned).collect()
}

/// The rules of a grammar: name and body, without comments.
fn rules(grammar: &str) -> Vec<(String, String)> {
    let lines = grammar.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut rules: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match line.split_once('=') {
            Some((name, body)) if !line.starts_with([' ', '}']) && !name.contains('"') => {
                rules.push((name.trim().to_owned(), body.to_owned()));
            }
            _ => rules.last_mut().into_iter().for_each(|rule| rule.1.push_str(line)),
        }
    }
    rules
}

/// The quoted words in some text of a grammar: those that have a letter.
fn quoted(text: &str) -> Words {
    let text = text.replace("\"\\\"\"", "").replace("\"\\n\"", "");
    let quoted = text.split('"').skip(1).step_by(2);
    words(quoted.filter(|word| word.contains(|c: char| c.is_ascii_alphabetic())))
}

/// The words of these rules; each must be there.
#[track_caller]
fn of(grammar: &str, names: &[&str]) -> Words {
    let rules = rules(grammar);
    let body = |name: &&str| {
        let rule = rules.iter().find(|rule| rule.0 == *name);
        quoted(&rule.unwrap_or_else(|| panic!("no rule {name}")).1)
    };
    names.iter().flat_map(body).collect()
}

fn algorithms(kinds: &[AlgorithmKind]) -> Words {
    let rows = ALGORITHMS.iter().filter(|row| kinds.contains(&row.kind));
    words(rows.flat_map(|row| [&[row.name], row.aliases].concat()))
}

fn statements() -> Words {
    words(StatementWord::ALL.iter().map(|word| word.word()))
}

fn protocols() -> Words {
    words(SaProtoWord::ALL.iter().map(|word| word.word()))
}

fn flags() -> Words {
    words(Flag::ALL.iter().map(|flag| flag.word()))
}

fn modes() -> Words {
    words(Mode::ALL.iter().map(|mode| mode.word()))
}

fn directions() -> Words {
    words(Direction::ALL.iter().map(|direction| direction.word()))
}

fn bases() -> Words {
    words(PriorityBase::ALL.iter().map(|base| base.word()))
}

fn actions() -> Words {
    words(ActionKind::ALL.iter().map(|action| action.word()))
}

fn levels() -> Words {
    words(LevelKind::ALL.iter().map(|level| level.word()))
}

fn template_protocols() -> Words {
    words(Proto::ALL.iter().map(|proto| proto.word()))
}

fn template_modes() -> Words {
    words(model::Mode::ALL.iter().map(|mode| mode.word()))
}

fn details() -> Words {
    words(DetailWord::ALL.iter().map(|detail| detail.word()))
}

/// Words that the original has and Linux has no algorithm for.
const NOT_IN_LINUX: [&str; 3] = ["keyed-md5", "keyed-sha1", "tcp-md5"];

#[test]
fn statements_and_options() {
    let rules = rules(SETKEY);
    let begins = rules.iter().filter(|rule| rule.0.ends_with("_word"));
    let begins = begins.filter(|rule| {
        let inner = [
            "proto_word",
            "flag_word",
            "mode_word",
            "kernel_flag_word",
            "policy_flag_word",
            "policy_type_word",
            "zero_limit_word",
            "crypt_word",
            "auth_word",
            "comp_word",
            "encap_word",
            "sel_word",
            "tagged_word",
            "hex_word",
        ];
        !inner.contains(&rule.0.as_str()) && rule.1.contains("!word_char")
    });
    let begins: Words = begins.flat_map(|rule| quoted(&rule.1)).collect();
    assert_eq!(begins, statements());

    let options = rules.iter().flat_map(|rule| quoted(&rule.1));
    let options: Words = options.filter(|word| word.starts_with('-')).collect();
    assert_eq!(options, words(ScriptOption::ALL.iter().map(|option| option.word())));
}

#[test]
fn words_of_an_sa() {
    assert_eq!(of(SETKEY, &["proto_word", "esp_udp"]), protocols());
    assert_eq!(of(SETKEY, &["flag_word"]), flags());
    let sa_modes = model::Mode::ALL.iter().map(|mode| mode.word());
    assert_eq!(of(SETKEY, &["mode_word"]), words(sa_modes.chain(["any"])));
    let encapsulations = EncapKind::ALL.iter().map(|kind| kind.word());
    assert_eq!(of(SETKEY, &["encap_word"]), words(encapsulations));
    let settings = IpTfsSetting::ALL.iter().map(|setting| setting.word());
    assert_eq!(of(SETKEY, &["iptfs_number", "iptfs_flag"]), words(settings));
    let kernel = SaFlags::ALL.into_iter().flat_map(SaFlags::words);
    assert_eq!(of(SETKEY, &["kernel_flag_word"]), words(kernel));
    let directions = SaDirection::ALL.iter().map(|direction| direction.word());
    assert_eq!(of(SETKEY, &["sa_direction"]), words(directions));

    assert_eq!(of(SETKEY, &["crypt_word", "crypt_bare"]), algorithms(&[Crypt, Aead]));
    let auth = of(SETKEY, &["auth_word", "auth_bare", "tcp_md5", "dropped"]);
    assert_eq!(auth, &algorithms(&[Auth]) | &words(NOT_IN_LINUX));
    assert_eq!(of(SETKEY, &["comp_word"]), &algorithms(&[Comp]) | &words(["oui"]));
}

#[test]
fn words_of_a_policy() {
    assert_eq!(of(POLICY, &["direction"]), directions());
    assert_eq!(of(POLICY, &["base"]), bases());
    assert_eq!(of(POLICY, &["action"]), actions());
    assert_eq!(of(POLICY, &["proto"]), template_protocols());
    assert_eq!(of(POLICY, &["mode"]), template_modes());
    assert_eq!(of(POLICY, &["detail_word"]), details());
    let flags = words(PolicyFlags::WORDS);
    assert_eq!(of(SETKEY, &["policy_flag_word"]), flags);
    let types = PolicyType::ALL.iter().map(|kind| kind.word());
    assert_eq!(of(SETKEY, &["policy_type_word"]), words(types));
    assert_eq!(of(SETKEY, &["zero_limit_word"]), words(ZeroLimits::WORDS));
    assert_eq!(of(POLICY, &["level", "unique_number"]), &levels() | &words(["unique:"]));
}

/// The words of a grammar that are not among those.
fn others(grammar: &str, known: &Words) -> Words {
    let all: Words = rules(grammar).iter().flat_map(|rule| quoted(&rule.1)).collect();
    &all - known
}

/// The words of setkey.pest that are in a table, and a few that stand for no row.
fn known_to_setkey() -> Words {
    let syntax = words([
        "any", "tcp", "esp", "n", "packet", "tagged", "0x", "oui", "kernel:", "dev", "masks", "uid",
    ]);
    let letters = words(ScriptOption::ALL.iter().map(|option| &option.word()[1..]));
    let own = [statements(), protocols(), flags(), modes(), syntax, letters, words(NOT_IN_LINUX)];
    let kernel = words(SaFlags::ALL.into_iter().flat_map(SaFlags::words));
    let options = words(ScriptOption::ALL.iter().map(|option| option.word()));
    let modes_of_sas = words(model::Mode::ALL.iter().map(|mode| mode.word()));
    let encapsulations = words(EncapKind::ALL.iter().map(|kind| kind.word()));
    let settings = words(IpTfsSetting::ALL.iter().map(|setting| setting.word()));
    let sa_directions = words(SaDirection::ALL.iter().map(|direction| direction.word()));
    let types = words(PolicyType::ALL.iter().map(|kind| kind.word()));
    own.into_iter()
        .chain([modes_of_sas, encapsulations, settings])
        .chain([words(PolicyFlags::WORDS), words(ZeroLimits::WORDS), types])
        .chain([kernel, options, sa_directions, algorithms(&[Crypt, Aead, Auth, Comp])])
        .flatten()
        .collect()
}

/// The same of policy.pest.
fn known_to_policy() -> Words {
    let syntax = words(["prio", "priority", "me", "any", "unique:", "number:", ":"]);
    let protocols = template_protocols();
    let lists = [directions(), bases(), actions(), protocols, template_modes(), levels(), syntax];
    lists.into_iter().flatten().chain(details()).collect()
}

#[test]
fn no_other_words() {
    assert_eq!(others(SETKEY, &known_to_setkey()), Words::new());
    let known = known_to_policy();
    assert_eq!(others(POLICY, &known), Words::new());
    // The original has no such words to reserve.
    let reserved = of(POLICY, &["reserved"]);
    let new = ["beet", "ro", "in_trigger", "iptfs", "route2", "hao", "unique:", "number:", ":"];
    assert_eq!(&known - &reserved, &words(new) | &details());
}

#[test]
fn another_word_is_found() {
    let planted = |grammar: &str| format!("{grammar}\nplanted = {{ \"sha3\" ~ blank }}\n");
    assert_eq!(others(&planted(SETKEY), &known_to_setkey()), words(["sha3"]));
    assert_eq!(others(&planted(POLICY), &known_to_policy()), words(["sha3"]));
}
