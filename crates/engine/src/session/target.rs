//! What an operation was about, which explains a refusal for which the kernel gives no reason.

use std::num::NonZeroU32;

use model::{
    AlgorithmKind, EncapKind, IpVersion, Keyed, Mode, Operation, Policy, PolicyId, Proto, Sa,
    SaDirection, SaId, ScriptOption, Spi,
};

use super::near::Near;

/// What an operation was about: enough to say why the kernel refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A new SA.
    NewSa(NewSa),
    /// An SA that should be there.
    Sa,
    /// The SA of this name, and of this if_id or none where either is given; what is near it.
    NamedSa(SaId, Option<Option<NonZeroU32>>, Near),
    /// A new policy, and what of it the kernel may not take.
    NewPolicy(Vec<String>),
    /// A policy that should be there, and what is near it.
    Policy(Box<PolicyId>, Near),
    /// The `fwd` policy that is added or deleted with an `in` policy.
    ForwardCopy(Box<Target>),
    /// The SAD or SPD as a whole.
    Database,
}

/// What of a new SA explains a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSa {
    /// Its protocol.
    pub proto: Proto,
    /// That of its ends.
    pub version: IpVersion,
    /// Its mode.
    pub mode: Mode,
    /// What ESP is in, if it is in something.
    pub encap: Option<EncapKind>,
    /// The kernel's names of its algorithms.
    pub algorithms: Vec<(AlgorithmKind, String)>,
    /// What of it the kernel may not take.
    pub suspects: Vec<String>,
}

impl Target {
    /// What an operation is about.
    #[must_use]
    pub fn of(operation: &Operation) -> Self {
        match operation {
            Operation::AddSa(sa) | Operation::UpdateSa(sa) => Target::new_sa(sa),
            Operation::GetSa(id, if_id) | Operation::DeleteSa(id, if_id) => {
                Target::NamedSa(*id, *if_id, Near::default())
            }
            Operation::GetSpi(_) | Operation::DeleteAllSa(..) => Target::Sa,
            Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) => {
                Target::new_policy(policy)
            }
            Operation::DeletePolicy(id) => Target::policy(id),
            Operation::FlushSad(_)
            | Operation::DumpSad(_)
            | Operation::FlushSpd(_)
            | Operation::DumpSpd => Target::Database,
            Operation::WithoutForwardCopy(operation) => Target::of(operation),
        }
    }

    /// The same of the forward copy.
    #[must_use]
    pub fn of_copy(self) -> Self {
        Target::ForwardCopy(Box::new(self))
    }

    /// The same of the policy that a forward copy is of.
    #[must_use]
    pub fn of_original(&self) -> &Self {
        match self {
            Target::ForwardCopy(original) => original,
            target => target,
        }
    }

    pub(crate) fn new_sa(sa: &Sa) -> Self {
        let keyed = [&sa.auth, &sa.crypt, &sa.aead].into_iter().flatten();
        let algorithms = keyed.map(|keyed| keyed.algorithm).chain(sa.comp);
        Target::NewSa(NewSa {
            proto: sa.proto,
            version: IpVersion::of(sa.ends.dst()),
            mode: sa.mode.installed(),
            encap: sa.encap.map(|encap| encap.kind),
            algorithms: algorithms.map(|it| (it.kind, it.kernel.to_owned())).collect(),
            suspects: suspects_of_sa(sa),
        })
    }

    /// A policy that should be there.
    #[must_use]
    pub fn policy(id: &PolicyId) -> Self {
        Target::Policy(Box::new(id.clone()), Near::default())
    }

    pub(crate) fn new_policy(policy: &Policy) -> Self {
        Target::NewPolicy(suspects_of_policy(policy))
    }
}

/// What the kernel answers with a bare EINVAL in an SA: `verify_newsa_info` and `xfrm_state_construct`
/// (net/xfrm/xfrm_user.c), and what protocols, ciphers, security modules and devices check.
fn suspects_of_sa(sa: &Sa) -> Vec<String> {
    let key = |keyed: &Keyed| {
        let (bits, name) = (keyed.key.bits(), keyed.algorithm.name);
        format!("the key of {bits} bits for {name}")
    };
    let keyed = [&sa.crypt, &sa.aead, &sa.auth].into_iter().flatten();
    let mut suspects: Vec<String> = keyed.filter(|keyed| keyed.key.bits() > 0).map(key).collect();
    let mut suspect = |is_there: bool, what: &dyn Fn() -> String| {
        if is_there {
            suspects.push(what());
        }
    };
    let option = |option: ScriptOption| option.word().to_owned();
    let is_inbound = sa.direction == Some(SaDirection::In);
    suspect(sa.proto == Proto::IpComp && sa.spi > Spi::LAST_CPI, &|| {
        format!("the CPI {}, which is over {}", sa.spi.0, Spi::LAST_CPI.0)
    });
    suspect(sa.esn && sa.replay_window == 0 && !is_inbound, &|| "-esn without -r".into());
    suspect(sa.esn && sa.proto != Proto::Esp, &|| "-esn, which is for ESP".into());
    suspect(sa.replay_window > 0 && sa.direction == Some(SaDirection::Out), &|| {
        "-r with -dir out".into()
    });
    suspect(sa.encap.is_some() && sa.proto != Proto::Esp, &|| {
        format!("UDP encapsulation of {}", sa.proto.word())
    });
    let kernels = sa.encap.and_then(|encap| encap.kind.kernels(IpVersion::of(sa.ends.dst())));
    suspect(kernels.is_some(), &|| {
        let kind = sa.encap.map_or("", |encap| encap.kind.word());
        format!("{kind}, which needs {}", kernels.unwrap_or_default())
    });
    suspect(!matches!(sa.mode.installed(), Mode::Transport | Mode::Tunnel), &|| {
        format!("-m {} for {}", sa.mode.installed().word(), sa.proto.word())
    });
    suspect(sa.sec_ctx.is_some(), &|| option(ScriptOption::Context));
    suspect(sa.offload.is_some(), &|| option(ScriptOption::Offload));
    suspect(sa.nat_keepalive.is_some(), &|| option(ScriptOption::KeepAlive));
    suspects
}

/// The same in a policy: `verify_newpolicy_info` and `validate_tmpl` (net/xfrm/xfrm_user.c).
fn suspects_of_policy(policy: &Policy) -> Vec<String> {
    let mut suspects = Vec::new();
    if policy.id.sec_ctx.is_some() {
        suspects.push(ScriptOption::Context.word().to_owned());
    }
    let modes = policy.action.templates().iter().map(|template| template.mode.mode());
    for mode in modes.filter(|mode| !matches!(mode, Mode::Transport | Mode::Tunnel)) {
        suspects.push(format!("a template in mode {}", mode.word()));
    }
    suspects.dedup();
    suspects
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Algorithm, Key, SaMode};

    use super::*;

    fn suspects(change: impl Fn(&mut Sa)) -> Vec<String> {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let mut sa = Sa::bare(ends, Proto::Esp, Spi(0x1000));
        change(&mut sa);
        suspects_of_sa(&sa)
    }

    #[test]
    fn a_key_and_each_odd_combination_is_suspected() {
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let key = suspects(|sa| sa.crypt = Some(Keyed::new(aes, Key::new(vec![1; 17]))));
        assert_eq!(key, ["the key of 136 bits for aes-cbc"]);
        assert_eq!(suspects(|sa| sa.esn = true), ["-esn without -r"]);
        assert_eq!(suspects(|sa| sa.mode = SaMode::Of(Mode::Beet)), ["-m beet for esp"]);
        let cpi = suspects(|sa| (sa.proto, sa.spi) = (Proto::IpComp, Spi(0x10000)));
        assert_eq!(cpi, ["the CPI 65536, which is over 65535"]);
        assert_eq!(suspects(|_| ()), Vec::<String>::new());
    }
}
