use model::{
    AlgorithmKind, Keyed, Mark, Operation, Policy, PolicyId, Sa, SaFlags, SaId, TemplateMode,
};

use crate::wire::numbers;

/// The options of a statement that PF_KEY cannot express, by their names in scripts.
/// [`super::message`] would lose them.
#[must_use]
pub fn unsupported(operation: &Operation) -> Vec<&'static str> {
    let options = match operation {
        Operation::AddSa(sa) | Operation::UpdateSa(sa) => of_sa(sa),
        Operation::GetSa(SaId { mark, .. }) | Operation::DeleteSa(SaId { mark, .. }) => {
            vec![("-mark", mark.is_none())]
        }
        Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) => of_policy(policy),
        Operation::DeletePolicy(id) => of_policy_id(id),
        Operation::GetSpi(_)
        | Operation::DeleteAllSa(..)
        | Operation::FlushSad(_)
        | Operation::DumpSad(_)
        | Operation::FlushSpd
        | Operation::DumpSpd => Vec::new(),
    };
    options.into_iter().filter(|(_, is_supported)| !is_supported).map(|row| row.0).collect()
}

/// Each option, and whether it is absent or PF_KEY can express it.
type Options = Vec<(&'static str, bool)>;

fn of_sa(sa: &Sa) -> Options {
    let is_numbered = |keyed: &Option<Keyed>| keyed.as_ref().is_none_or(is_numbered);
    vec![
        ("-m", numbers::sa_mode_number(sa.mode).is_ok()),
        ("-E", is_numbered(&sa.crypt) && is_numbered(&sa.aead)),
        ("-A", is_numbered(&sa.auth)),
        ("-r over 255", u8::try_from(sa.replay_window).is_ok()),
        ("-ph over 4294967295", u32::try_from(sa.lifetimes.hard.packets).is_ok()),
        ("-ps over 4294967295", u32::try_from(sa.lifetimes.soft.packets).is_ok()),
        ("-esn", !sa.esn),
        ("-mark", sa.mark.is_none()),
        ("-outmark", sa.output_mark.is_none()),
        ("-ifid", sa.if_id.is_none()),
        ("-dir", sa.direction.is_none()),
        ("-keepalive", sa.nat_keepalive.is_none()),
        ("-offload", sa.offload.is_none()),
        ("-flag", is_flagged_alike(sa.flags)),
    ]
}

/// Whether the algorithm has a number, and the number means this length of the ICV.
fn is_numbered(keyed: &Keyed) -> bool {
    let kind = keyed.algorithm.kind;
    let kinds: &[AlgorithmKind] = match kind {
        AlgorithmKind::Auth => &[AlgorithmKind::Auth],
        _ => &[AlgorithmKind::Crypt, AlgorithmKind::Aead],
    };
    let named = keyed.algorithm.pfkey.and_then(|number| numbers::algorithm(kinds, "", number).ok());
    named.is_some_and(|named| named.kind == kind && named.icv_bits == keyed.icv_bits)
}

/// Whether PF_KEY has all of the flags.
fn is_flagged_alike(flags: SaFlags) -> bool {
    SaFlags::from_pfkey(flags.pfkey_bits()) == flags
}

fn of_policy(policy: &Policy) -> Options {
    let requests = policy.action.templates();
    let is_beet = |mode: &TemplateMode| matches!(mode, TemplateMode::Beet(_));
    let mut options = of_policy_id(&policy.id);
    options.push((
        "the ends of a beet request",
        !requests.iter().any(|request| is_beet(&request.mode)),
    ));
    options
}

fn of_policy_id(PolicyId { mark, if_id, .. }: &PolicyId) -> Options {
    vec![("-mark", Mark::is_none(*mark)), ("-ifid", if_id.is_none())]
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use model::{AddressPair, Algorithm, Key, Prefix, Proto, Selector, Spi};

    use super::*;

    fn add(change: impl FnOnce(&mut Sa)) -> Vec<&'static str> {
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
}
