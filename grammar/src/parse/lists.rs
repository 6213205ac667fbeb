//! The words that a place of a statement takes, from the tables.

use model::{
    ALGORITHMS, ActionKind, AlgorithmKind, Direction, EncapKind, IpTfsSetting, LevelKind,
    NamedUpper, PolicyFlags, PolicyType, PriorityBase, Proto, SaDirection, SaFlags, SaMode,
    ScriptOption,
};

use crate::tree::{DetailWord, Flag, Mode, SaProtoWord, StatementWord};

/// The upper-layer protocols that are most often meant.
pub(crate) const UPPERS: &[&str] = &[
    ANY_UPPER,
    NamedUpper::Icmp.word(),
    NamedUpper::Icmpv6.word(),
    NamedUpper::Tcp.word(),
    NamedUpper::Udp.word(),
    NamedUpper::Sctp.word(),
    NamedUpper::Gre.word(),
    NamedUpper::Ipv4.word(),
    NamedUpper::Ipv6.word(),
];

/// In the place of an upper-layer protocol: every one.
pub(crate) const ANY_UPPER: &str = "any";

/// Whether a word is that of an upper-layer protocol, or of all.
pub(crate) fn is_upper(word: &str) -> bool {
    word == ANY_UPPER || word == Proto::Esp.word() || word.parse::<NamedUpper>().is_ok()
}

/// The options of a policy's selector.
pub(crate) const POLICY_OPTIONS: &[ScriptOption] = &[
    ScriptOption::Mark,
    ScriptOption::IfId,
    ScriptOption::Device,
    ScriptOption::PortMasks,
    ScriptOption::User,
    ScriptOption::PolicyType,
    ScriptOption::KernelFlag,
    ScriptOption::Offload,
    ScriptOption::ZeroLimit,
    ScriptOption::NoForwardCopy,
    ScriptOption::HardTime,
    ScriptOption::SoftTime,
    ScriptOption::HardBytes,
    ScriptOption::SoftBytes,
    ScriptOption::HardUse,
    ScriptOption::SoftUse,
    ScriptOption::HardPackets,
    ScriptOption::SoftPackets,
];

/// The options that are a part of a policy's name, and `-nofwd`: those that have an effect on its deletion.
pub(crate) const NAMES_POLICY: &[ScriptOption] = &[
    ScriptOption::Mark,
    ScriptOption::IfId,
    ScriptOption::Device,
    ScriptOption::PortMasks,
    ScriptOption::User,
    ScriptOption::PolicyType,
    ScriptOption::NoForwardCopy,
    ScriptOption::Context,
];

/// The words that begin a statement in any dialect.
pub(crate) fn statements() -> Vec<&'static str> {
    StatementWord::ALL.iter().map(|word| word.word()).collect()
}

/// The protocols of SAs that can be added: all but that of TCP-MD5.
pub(crate) fn protocols() -> Vec<&'static str> {
    let protocols = SaProtoWord::ALL.iter().filter(|proto| **proto != SaProtoWord::Tcp);
    protocols.map(|proto| proto.word()).collect()
}

/// The options of an SA.
pub(crate) fn sa_options() -> Vec<&'static str> {
    let others = [
        ScriptOption::Encryption,
        ScriptOption::Authentication,
        ScriptOption::Compression,
        ScriptOption::RawCpi,
        ScriptOption::Policy,
    ];
    let is_other = |option| others.contains(option) || ScriptOption::OF_POLICIES.contains(option);
    let options = ScriptOption::ALL.iter().filter(|option| !is_other(option));
    options.map(|option| option.word()).collect()
}

pub(crate) fn policy_options() -> Vec<&'static str> {
    POLICY_OPTIONS.iter().map(|option| option.word()).collect()
}

/// The options of `deleteall`.
pub(crate) fn group_options() -> Vec<&'static str> {
    [ScriptOption::Mark, ScriptOption::IfId].iter().map(|option| option.word()).collect()
}

/// The options of a statement that have an effect, where those are not all that the parser takes.
pub(crate) fn options_with_effect(statement: StatementWord) -> Option<Vec<&'static str>> {
    let options = match statement {
        StatementWord::Delete | StatementWord::Get => &[ScriptOption::Mark, ScriptOption::IfId][..],
        StatementWord::GetSpi => &[ScriptOption::Mode, ScriptOption::ReqId],
        StatementWord::SpdDelete => NAMES_POLICY,
        _ => return None,
    };
    // A context is named by itself where it may be.
    let listed = options.iter().filter(|option| **option != ScriptOption::Context);
    Some(listed.map(|option| option.word()).collect())
}

/// The modes of a template.
pub(crate) fn modes() -> Vec<&'static str> {
    Mode::ALL.iter().map(|mode| mode.word()).collect()
}

/// The modes of an SA.
pub(crate) fn sa_modes() -> Vec<&'static str> {
    let modes = model::Mode::ALL.iter().map(|mode| mode.word());
    modes.chain([SaMode::ANY_WORD]).collect()
}

pub(crate) fn encapsulations() -> Vec<&'static str> {
    EncapKind::ALL.iter().map(|kind| kind.word()).collect()
}

pub(crate) fn iptfs_settings() -> Vec<&'static str> {
    IpTfsSetting::ALL.iter().map(|setting| setting.word()).collect()
}

pub(crate) fn flags() -> Vec<&'static str> {
    Flag::ALL.iter().map(|flag| flag.word()).collect()
}

pub(crate) fn kernel_flags() -> Vec<&'static str> {
    SaFlags::ALL.into_iter().flat_map(SaFlags::words).collect()
}

pub(crate) fn policy_flags() -> Vec<&'static str> {
    PolicyFlags::WORDS.to_vec()
}

pub(crate) fn policy_types() -> Vec<&'static str> {
    PolicyType::ALL.iter().map(|kind| kind.word()).collect()
}

pub(crate) fn details() -> Vec<&'static str> {
    DetailWord::ALL.iter().map(|detail| detail.word()).collect()
}

pub(crate) fn sa_directions() -> Vec<&'static str> {
    SaDirection::ALL.iter().map(|direction| direction.word()).collect()
}

pub(crate) fn directions() -> Vec<&'static str> {
    Direction::ALL.iter().map(|direction| direction.word()).collect()
}

pub(crate) fn bases() -> Vec<&'static str> {
    PriorityBase::ALL.iter().map(|base| base.word()).collect()
}

pub(crate) fn actions() -> Vec<&'static str> {
    ActionKind::ALL.iter().map(|action| action.word()).collect()
}

/// The protocols of templates.
pub(crate) fn template_protocols() -> Vec<&'static str> {
    let protocols = Proto::ALL.iter().filter(|proto| proto.sa_type().is_some());
    protocols.map(|proto| proto.word()).collect()
}

pub(crate) fn levels() -> Vec<&'static str> {
    LevelKind::ALL.iter().map(|level| level.word()).collect()
}

/// The algorithms of these kinds, without aliases: first those that every implementation has.
pub(crate) fn algorithms(kinds: &[AlgorithmKind]) -> Vec<&'static str> {
    let mut rows: Vec<_> = ALGORITHMS.iter().filter(|row| kinds.contains(&row.kind)).collect();
    rows.sort_by_key(|row| row.requirement as u8);
    rows.iter().map(|row| row.name).collect()
}

/// The same with aliases.
pub(crate) fn all_names(kinds: &[AlgorithmKind]) -> Vec<&'static str> {
    let rows = ALGORITHMS.iter().filter(|row| kinds.contains(&row.kind));
    rows.flat_map(|row| [&[row.name], row.aliases].concat()).collect()
}

pub(crate) const CIPHERS: &[AlgorithmKind] = &[AlgorithmKind::Crypt, AlgorithmKind::Aead];
pub(crate) const AUTH: &[AlgorithmKind] = &[AlgorithmKind::Auth];
pub(crate) const COMP: &[AlgorithmKind] = &[AlgorithmKind::Comp];
