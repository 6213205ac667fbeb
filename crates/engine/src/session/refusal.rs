use std::fmt;

use model::{Algorithm, Operation, Proto, Sa};
use rustix::io::Errno;

/// What an operation was about: enough to say why the kernel refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A new SA: its protocol, whether its ends are IPv6, and its algorithms.
    NewSa(Proto, bool, Vec<&'static Algorithm>),
    /// An SA that should be there.
    Sa,
    /// A new policy.
    NewPolicy,
    /// A policy that should be there.
    Policy,
    /// The SAD or SPD as a whole.
    Database,
}

impl Target {
    /// What an operation is about.
    #[must_use]
    pub fn of(operation: &Operation) -> Self {
        match operation {
            Operation::AddSa(sa) | Operation::UpdateSa(sa) => Target::new_sa(sa),
            Operation::GetSpi(_)
            | Operation::GetSa(_)
            | Operation::DeleteSa(_)
            | Operation::DeleteAllSa(..) => Target::Sa,
            Operation::AddPolicy(_) | Operation::UpdatePolicy(_) => Target::NewPolicy,
            Operation::DeletePolicy(_) => Target::Policy,
            Operation::FlushSad(_)
            | Operation::DumpSad(_)
            | Operation::FlushSpd
            | Operation::DumpSpd => Target::Database,
        }
    }

    pub(crate) fn new_sa(sa: &Sa) -> Self {
        let keyed = [&sa.auth, &sa.crypt].into_iter().flatten().map(|keyed| keyed.algorithm);
        Target::NewSa(sa.proto, sa.ends.dst().is_ipv6(), keyed.chain(sa.comp).collect())
    }
}

/// Why one operation was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// By a rule of AF_KEY, before the kernel was asked.
    Rule(model::Error),
    /// The policy needs a record beside the kernel, which cannot be kept for this reason.
    NoRecord(Errno, String),
    /// By the kernel.
    Kernel {
        /// What it was about.
        target: Target,
        /// The error.
        errno: Errno,
        /// The kernel's own words (extended ack), where it has some.
        text: Option<String>,
    },
}

impl Refusal {
    /// The errno that AF_KEY or XFRM answers.
    #[must_use]
    pub fn errno(&self) -> Errno {
        match self {
            Refusal::Rule(error) => error.errno(),
            Refusal::NoRecord(errno, _) | Refusal::Kernel { errno, .. } => *errno,
        }
    }

    /// The kernel module that would have to be loaded.
    #[must_use]
    pub fn missing_module(&self) -> Option<&'static str> {
        let Refusal::Kernel { target: Target::NewSa(proto, v6, _), errno, .. } = self else {
            return None;
        };
        match (*errno, proto, v6) {
            (Errno::PROTONOSUPPORT, Proto::Esp, false) => Some("esp4"),
            (Errno::PROTONOSUPPORT, Proto::Esp, true) => Some("esp6"),
            (Errno::PROTONOSUPPORT, Proto::Ah, false) => Some("ah4"),
            (Errno::PROTONOSUPPORT, Proto::Ah, true) => Some("ah6"),
            (Errno::PROTONOSUPPORT, Proto::IpComp, false) => Some("ipcomp"),
            (Errno::PROTONOSUPPORT, Proto::IpComp, true) => Some("ipcomp6"),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    /// Why, and what to do, in one sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (target, errno, text) = match self {
            Refusal::Rule(error) => return error.fmt(f),
            Refusal::NoRecord(_, reason) => {
                return write!(f, "`use` on an outbound tunnel needs a record: {reason}");
            }
            Refusal::Kernel { target, errno, text } => (target, *errno, text),
        };
        if let Some(module) = self.missing_module() {
            return write!(
                f,
                "this kernel has no {module}: load the module, or use a kernel built with it"
            );
        }
        if let Target::NewSa(_, _, algorithms) = target
            && matches!(errno, Errno::NOENT | Errno::NOSYS)
        {
            let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.kernel).collect();
            return write!(f, "this kernel lacks one of {} (see /proc/crypto)", names.join(", "));
        }
        if let Some(text) = text {
            return write!(f, "kernel: {text}");
        }
        match (target, errno) {
            (Target::NewSa(..), Errno::EXIST) => {
                f.write_str("an SA with this destination, protocol and SPI is there already")
            }
            (Target::Sa, Errno::SRCH) => {
                f.write_str("no SA has this destination, protocol and SPI")
            }
            (Target::NewPolicy, Errno::EXIST) => f.write_str(
                "a policy with this selector and direction is there already (spdupdate replaces it)",
            ),
            (Target::Policy, Errno::NOENT) => {
                f.write_str("no policy has exactly this selector and direction")
            }
            _ => write!(f, "the kernel answers: {errno}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(target: Target, errno: Errno, text: Option<&str>) -> Refusal {
        Refusal::Kernel { target, errno, text: text.map(String::from) }
    }

    #[test]
    fn a_missing_transform_names_its_module() {
        let refusal = refused(
            Target::NewSa(Proto::Ah, true, vec![]),
            Errno::PROTONOSUPPORT,
            Some("Requested type not found"),
        );
        assert_eq!(refusal.missing_module(), Some("ah6"));
        assert!(refusal.to_string().contains("no ah6"));
    }

    #[test]
    fn the_kernels_words_come_before_ours() {
        let refusal = refused(Target::NewPolicy, Errno::EXIST, Some("why"));
        assert_eq!(refusal.to_string(), "kernel: why");
        let refusal = refused(Target::NewPolicy, Errno::EXIST, None);
        assert!(refusal.to_string().contains("spdupdate"));
    }
}
