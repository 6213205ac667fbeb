use model::{
    AlgorithmKind, Keyed, Operation, Policy, PolicyId, PolicyType, Sa, SaFlags, SaGroup, SaId,
    ScriptOption, Template, TemplateDetails, TemplateMode, ZeroLimits,
};

use crate::wire::numbers;

/// What PF_KEY cannot express of a statement, by the words of scripts. [`super::message`] would lose
/// it.
#[must_use]
pub fn unsupported(operation: &Operation) -> Vec<String> {
    let options = match operation {
        Operation::AddSa(sa) | Operation::UpdateSa(sa) => of_sa(sa),
        Operation::GetSa(SaId { mark, .. }, if_id)
        | Operation::DeleteSa(SaId { mark, .. }, if_id) => {
            vec![
                option(ScriptOption::Mark, mark.is_none()),
                option(ScriptOption::IfId, if_id.is_none()),
            ]
        }
        Operation::DeleteAllSa(SaGroup { mark, if_id, .. }) => vec![
            option(ScriptOption::Mark, mark.is_none()),
            option(ScriptOption::IfId, if_id.is_none()),
        ],
        Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) => of_policy(policy),
        Operation::DeletePolicy(id) => of_policy_id(id),
        Operation::FlushSpd(kind) => {
            vec![option(ScriptOption::PolicyType, *kind == PolicyType::Main)]
        }
        Operation::WithoutForwardCopy(operation) => return unsupported(operation),
        Operation::GetSpi(_)
        | Operation::FlushSad(_)
        | Operation::DumpSad(_)
        | Operation::DumpSpd => Vec::new(),
    };
    options.into_iter().flatten().collect()
}

/// The words of each part that PF_KEY cannot express.
type Options = Vec<Option<String>>;

/// The word of an option, unless it is absent or PF_KEY can express it.
fn option(option: ScriptOption, is_supported: bool) -> Option<String> {
    (!is_supported).then(|| option.word().to_owned())
}

/// The word of an option and `most`, if its number is larger than that.
fn number(option: ScriptOption, number: u64, most: impl Into<u64>) -> Option<String> {
    let most = most.into();
    (number > most).then(|| format!("{} over {most}", option.word()))
}

fn of_sa(sa: &Sa) -> Options {
    let is_numbered = |keyed: &Option<Keyed>| keyed.as_ref().is_none_or(is_numbered);
    let [[hard_packets, ..], [soft_packets, ..]] =
        [sa.lifetimes.hard, sa.lifetimes.soft].map(|limits| limits.numbers());
    vec![
        option(ScriptOption::Mode, numbers::sa_mode_number(sa.mode).is_ok()),
        option(ScriptOption::Encryption, is_numbered(&sa.crypt) && is_numbered(&sa.aead)),
        option(ScriptOption::Authentication, is_numbered(&sa.auth)),
        number(ScriptOption::Replay, sa.replay_window.into(), u8::MAX),
        number(ScriptOption::HardPackets, hard_packets, u32::MAX),
        number(ScriptOption::SoftPackets, soft_packets, u32::MAX),
        option(ScriptOption::Esn, !sa.esn),
        option(ScriptOption::Mark, sa.mark.is_none()),
        option(ScriptOption::OutMark, sa.output_mark.is_none()),
        option(ScriptOption::IfId, sa.if_id.is_none()),
        option(ScriptOption::Direction, sa.direction.is_none()),
        option(ScriptOption::KeepAlive, sa.nat_keepalive.is_none()),
        option(ScriptOption::Offload, sa.offload.is_none()),
        option(ScriptOption::Selector, sa.selector.is_none()),
        option(ScriptOption::TfcPadding, sa.tfc_padding.is_none()),
        option(ScriptOption::MappingInterval, sa.mapping_interval.is_none()),
        option(ScriptOption::CareOf, sa.care_of.is_none()),
        option(ScriptOption::Cpu, sa.cpu.is_none()),
        option(ScriptOption::IpTfs, sa.iptfs.is_empty()),
        option(ScriptOption::Encap, sa.encap.is_none_or(|encap| encap.original.is_none())),
        option(ScriptOption::Received, sa.replay_state.received == 0),
        option(ScriptOption::Sent, sa.replay_state.sent == 0),
        option(ScriptOption::Attribute, sa.unknown.is_empty()),
        option(ScriptOption::KernelFlag, is_flagged_alike(sa.flags)),
    ]
}

/// Whether the algorithm has a number, and the number means this length of the ICV.
fn is_numbered(keyed: &Keyed) -> bool {
    let kind = keyed.algorithm.kind;
    let kinds: &[AlgorithmKind] = match kind {
        AlgorithmKind::Auth => &[AlgorithmKind::Auth],
        AlgorithmKind::Crypt | AlgorithmKind::Aead | AlgorithmKind::Comp => {
            &[AlgorithmKind::Crypt, AlgorithmKind::Aead]
        }
    };
    let named = keyed.algorithm.pfkey.and_then(|number| numbers::algorithm(kinds, "", number).ok());
    named.is_some_and(|named| named.kind == kind && named.icv_bits == keyed.icv_bits)
}

/// Whether PF_KEY has all of the flags.
fn is_flagged_alike(flags: SaFlags) -> bool {
    SaFlags::from_pfkey(flags.pfkey_bits()) == flags
}

fn of_policy(policy: &Policy) -> Options {
    let templates = || policy.action.templates().iter().chain(&policy.unused_templates);
    let has = |is_there: fn(&Template) -> bool, what: &str| {
        templates().any(is_there).then(|| String::from(what))
    };
    let mut options = of_policy_id(&policy.id);
    options.extend([
        option(ScriptOption::KernelFlag, policy.flags.is_empty()),
        option(ScriptOption::Offload, policy.offload.is_none()),
        option(ScriptOption::ZeroLimit, policy.zero_limits == ZeroLimits::default()),
        has(|it| matches!(it.mode, TemplateMode::Beet(_)), "the ends of a beet request"),
        has(|it| matches!(it.mode, TemplateMode::Other(..)), "the mode or ends of a template"),
        has(|it| it.proto.sa_type().is_none(), "the protocol of a template"),
        has(|it| it.details != TemplateDetails::default(), "the details of a template"),
    ]);
    options
}

fn of_policy_id(PolicyId { selector, mark, if_id, policy_type, .. }: &PolicyId) -> Options {
    vec![
        option(ScriptOption::Mark, mark.is_none()),
        option(ScriptOption::IfId, if_id.is_none()),
        option(ScriptOption::Device, selector.device.is_none()),
        option(ScriptOption::PortMasks, selector.port_masks.is_none()),
        option(ScriptOption::User, selector.user == 0),
        option(ScriptOption::PolicyType, *policy_type == PolicyType::Main),
    ]
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use model::{AddressPair, Algorithm, Key, Mark, Prefix, Proto, Selector, Spi};

    use super::*;

    fn add(change: impl FnOnce(&mut Sa)) -> Vec<String> {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let mut sa = Sa::bare(ends, Proto::Esp, Spi(0x1000));
        change(&mut sa);
        unsupported(&Operation::AddSa(Box::new(sa)))
    }

    fn keyed(kind: AlgorithmKind, name: &str) -> Keyed {
        Keyed::new(Algorithm::by_name(kind, name).unwrap(), Key::new(vec![7; 16]))
    }

    #[test]
    fn options_are_named() {
        assert_eq!(add(|_| ()), [""; 0]);
        assert_eq!(add(|sa| (sa.esn, sa.if_id) = (true, NonZeroU32::new(7))), ["-esn", "-ifid"]);
        assert_eq!(
            add(|sa| (sa.tfc_padding, sa.cpu) = (NonZeroU32::new(7), Some(0))),
            ["-tfc", "-pcpu"]
        );
        assert_eq!(add(|sa| sa.replay_state.sent = 9), ["-oseq"]);
        assert_eq!(add(|sa| sa.replay_window = 255), [""; 0]);
        assert_eq!(add(|sa| sa.replay_window = 256), ["-r over 255"]);
        assert_eq!(add(|sa| sa.flags = SaFlags::NO_ECN), [""; 0]);
        assert_eq!(add(|sa| sa.flags = SaFlags::ANY_FAMILY), ["-flag"]);
    }

    #[test]
    fn an_algorithm_has_a_number_that_means_its_icv() {
        use AlgorithmKind::{Aead, Auth, Crypt};
        assert_eq!(add(|sa| sa.auth = Some(keyed(Auth, "hmac-sha256"))), [""; 0]);
        assert_eq!(add(|sa| sa.auth = Some(keyed(Auth, "hmac-sha256-128"))), ["-A"]);
        assert_eq!(add(|sa| sa.auth = Some(keyed(Auth, "aes-cmac"))), ["-A"]);
        assert_eq!(add(|sa| sa.crypt = Some(keyed(Crypt, "null"))), [""; 0]);
        assert_eq!(add(|sa| sa.aead = Some(keyed(Aead, "aes-gcm-12"))), [""; 0]);
        assert_eq!(add(|sa| sa.aead = Some(keyed(Aead, "chacha20-poly1305"))), ["-E"]);
    }

    #[test]
    fn policies_have_no_mark() {
        let host = Prefix::host([192, 0, 2, 1].into());
        let selector = Selector::new(host, host).unwrap();
        let mut id = PolicyId::new(selector, model::Direction::Out);
        assert_eq!(unsupported(&Operation::DeletePolicy(id.clone())), [""; 0]);
        id.mark = Mark { value: 1, mask: 1 };
        assert_eq!(unsupported(&Operation::DeletePolicy(id)), ["-mark"]);
    }

    #[test]
    fn sas_are_not_chosen_by_if_id() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa::bare(ends, Proto::Esp, Spi(0x1000));
        assert_eq!(unsupported(&Operation::GetSa(sa.id(), Some(None))), ["-ifid"]);
        let mut group = SaGroup { ends, proto: None, mark: None, if_id: None };
        assert_eq!(unsupported(&Operation::DeleteAllSa(group)), [""; 0]);
        (group.mark, group.if_id) = (Some(Mark::default()), Some(NonZeroU32::new(7)));
        assert_eq!(unsupported(&Operation::DeleteAllSa(group)), ["-mark", "-ifid"]);
    }
}
