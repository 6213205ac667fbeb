use std::{fmt, mem::discriminant};

use model::{AlgorithmKind, Mode, Proto};
use rustix::io::Errno;

use super::target::{NewSa, Target};

/// Why one operation was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// By a rule of AF_KEY, before the kernel was asked.
    Rule(model::Error),
    /// The policy needs a record beside the kernel, which cannot be kept for this reason.
    NoRecord(Errno, String),
    /// The kernel would ignore these options of an SA, of which it lacks the attributes.
    Lacking(Vec<String>),
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
            Refusal::Lacking(_) => Errno::OPNOTSUPP,
            Refusal::NoRecord(errno, _) | Refusal::Kernel { errno, .. } => *errno,
        }
    }

    /// The kernel module that would have to be loaded.
    #[must_use]
    pub fn missing_module(&self) -> Option<&'static str> {
        match self {
            Refusal::Kernel { target: Target::NewSa(sa), errno: Errno::PROTONOSUPPORT, text }
                if !sa.lacks_mode(text.as_deref()) =>
            {
                sa.module()
            }
            _ => None,
        }
    }

    /// Whether it is of a forward copy, and only repeats this refusal of the policy itself.
    #[must_use]
    pub fn repeats(&self, original: &Refusal) -> bool {
        let (
            Refusal::Kernel { target: Target::ForwardCopy(copied), errno, .. },
            Refusal::Kernel { target, errno: first, .. },
        ) = (self, original)
        else {
            return false;
        };
        (discriminant(&**copied), errno) == (discriminant(target), first)
    }
}

impl fmt::Display for Refusal {
    /// Why, and what to do, in one sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Rule(error) => error.fmt(f),
            Refusal::NoRecord(_, reason) => {
                write!(f, "`use` on an outbound tunnel needs a record: {reason}")
            }
            Refusal::Lacking(options) => write!(f, "this kernel lacks {}", options.join(", ")),
            Refusal::Kernel { target, errno, text } => {
                self.write_kernel(f, target, *errno, text.as_deref())
            }
        }
    }
}

impl Refusal {
    /// What the kernel lacks, its own words, or what its errno means.
    fn write_kernel(
        &self,
        f: &mut fmt::Formatter<'_>,
        target: &Target,
        errno: Errno,
        text: Option<&str>,
    ) -> fmt::Result {
        if let Some(module) = self.missing_module() {
            return write!(
                f,
                "this kernel has no {module}: load the module, or use a kernel built with it"
            );
        }
        if let Target::NewSa(sa) = target {
            match errno {
                Errno::NOENT | Errno::NOSYS => return sa.write_lacking(f, text),
                Errno::PROTONOSUPPORT => return sa.write_no_mode(f, text),
                Errno::INVAL => {
                    if let Some((text, kernels)) = sa.refused_encap(text) {
                        return write!(f, "kernel: {text}; the encapsulation needs {kernels}");
                    }
                }
                _ => {}
            }
        }
        if let Target::ForwardCopy(_) = target {
            f.write_str("its fwd policy: ")?;
        }
        match text {
            Some(text) => write!(f, "kernel: {text}"),
            None => target.of_original().write_errno(f, errno),
        }
    }
}

impl Target {
    /// What an errno without the kernel's words means.
    fn write_errno(&self, f: &mut fmt::Formatter<'_>, errno: Errno) -> fmt::Result {
        match (self, errno) {
            (Target::NewSa(_), Errno::EXIST) => {
                f.write_str("an SA with this destination, protocol and SPI is there already")
            }
            (Target::NamedSa(_, if_id, near), Errno::SRCH) if !near.is_empty() => {
                let name = if if_id.is_some() { "SPI, mark and if_id" } else { "SPI and mark" };
                write!(f, "no SA has this destination, protocol, {name}: {near}")
            }
            (Target::Sa | Target::NamedSa(..), Errno::SRCH) => {
                f.write_str("no SA has this destination, protocol and SPI")
            }
            (Target::NewPolicy(_), Errno::EXIST) => f.write_str(
                "a policy with this selector and direction is there already (spdupdate replaces it)",
            ),
            (Target::Policy(_, near), Errno::NOENT) => {
                f.write_str("no policy has exactly this selector and direction")?;
                if near.is_empty() { Ok(()) } else { write!(f, ": {near}") }
            }
            (
                Target::NewSa(NewSa { suspects, .. }) | Target::NewPolicy(suspects),
                Errno::INVAL | Errno::OPNOTSUPP,
            ) if !suspects.is_empty() => write!(
                f,
                "{}, and the kernel gives no reason: it may be {}",
                sys::errno_text(errno),
                suspects.join(", or ")
            ),
            _ => write!(f, "the kernel answers: {}", sys::errno_text(errno)),
        }
    }
}

impl NewSa {
    /// The module of its protocol.
    fn module(&self) -> Option<&'static str> {
        self.proto.module(self.version).map(|module| module.name)
    }

    /// Whether EPROTONOSUPPORT is about the mode, which the kernel looks up first (`__xfrm_init_state`,
    /// net/xfrm/xfrm_state.c). Kernels before 6.1 have no text for it.
    fn lacks_mode(&self, text: Option<&str>) -> bool {
        let is_usual = matches!(self.mode, Mode::Transport | Mode::Tunnel);
        text.map_or(!is_usual, |text| text.contains("mode"))
    }

    /// Names the mode that the kernel lacks.
    fn write_no_mode(&self, f: &mut fmt::Formatter<'_>, text: Option<&str>) -> fmt::Result {
        let (mode, proto, version) = (self.mode.word(), self.proto.word(), self.version);
        write!(f, "this kernel has no mode {mode} for {proto} over {version}")?;
        match (self.mode, text) {
            (Mode::IpTfs, _) => {
                f.write_str(": load the module xfrm_iptfs, or use a kernel built with it")
            }
            (_, Some(_)) => Ok(()),
            (_, None) => match self.module() {
                Some(module) => write!(f, ", or no {module}"),
                None => Ok(()),
            },
        }
    }

    /// The kernel's text about an encapsulation, and the kernels that take it.
    fn refused_encap<'a>(&self, text: Option<&'a str>) -> Option<(&'a str, &'static str)> {
        // Other protocols are refused with another text that has the word.
        let text =
            text.filter(|text| self.proto == Proto::Esp && text.contains("encapsulation"))?;
        Some((text, self.encap?.kernels(self.version)?))
    }

    /// Names the algorithm that the kernel lacks. Newer kernels have a text for its kind
    /// (`xfrm_state_construct`, net/xfrm/xfrm_user.c, Linux 6.2).
    fn write_lacking(&self, f: &mut fmt::Formatter<'_>, text: Option<&str>) -> fmt::Result {
        let word = |kind| match kind {
            AlgorithmKind::Auth => "AUTH",
            AlgorithmKind::Crypt => "CRYPT",
            AlgorithmKind::Aead => "AEAD",
            AlgorithmKind::Comp => "COMP",
        };
        let is_meant = |kind| text.is_some_and(|text| text.contains(word(kind)));
        let is_known = self.algorithms.iter().any(|(kind, _)| is_meant(*kind));
        let lacking = self.algorithms.iter().filter(|(kind, _)| !is_known || is_meant(*kind));
        match &lacking.map(|(_, name)| &**name).collect::<Vec<_>>()[..] {
            [one] => write!(f, "this kernel lacks {one} (see /proc/crypto)"),
            all => write!(f, "this kernel lacks one of {} (see /proc/crypto)", all.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{EncapKind, IpVersion};

    use super::*;

    fn refused(target: Target, errno: Errno, text: Option<&str>) -> Refusal {
        Refusal::Kernel { target, errno, text: text.map(String::from) }
    }

    fn new_sa(algorithms: &[(AlgorithmKind, &str)], suspects: &[&str]) -> Target {
        Target::NewSa(NewSa {
            proto: Proto::Ah,
            version: IpVersion::V6,
            mode: Mode::Transport,
            encap: None,
            algorithms: algorithms.iter().map(|(kind, name)| (*kind, (*name).into())).collect(),
            suspects: suspects.iter().map(|text| (*text).into()).collect(),
        })
    }

    #[test]
    fn a_missing_transform_names_its_module() {
        let text = Some("Requested type not found");
        let refusal = refused(new_sa(&[], &[]), Errno::PROTONOSUPPORT, text);
        assert_eq!(refusal.missing_module(), Some("ah6"));
        assert!(refusal.to_string().contains("no ah6"));
    }

    #[test]
    fn a_missing_mode_is_no_missing_module() {
        let sa = |mode| {
            let Target::NewSa(sa) = new_sa(&[], &[]) else { unreachable!() };
            Target::NewSa(NewSa { mode, proto: Proto::Esp, version: IpVersion::V4, ..sa })
        };
        let ro = |text| refused(sa(Mode::RouteOptimization), Errno::PROTONOSUPPORT, text);
        let refusal = ro(Some("Requested mode not found"));
        assert_eq!(refusal.missing_module(), None);
        assert_eq!(refusal.to_string(), "this kernel has no mode ro for esp over IPv4");
        let refusal = ro(Some("Requested type not found"));
        assert_eq!(refusal.missing_module(), Some("esp4"));
        let expected = "this kernel has no mode ro for esp over IPv4, or no esp4";
        assert_eq!(ro(None).to_string(), expected);
        let iptfs =
            refused(sa(Mode::IpTfs), Errno::PROTONOSUPPORT, Some("Requested mode not found"));
        assert!(
            iptfs
                .to_string()
                .ends_with("load the module xfrm_iptfs, or use a kernel built with it")
        );
    }

    #[test]
    fn an_encapsulation_that_some_kernels_lack_has_its_reason() {
        let text = Some("Unsupported encapsulation type for ESP");
        let refused = |encap, version| {
            let Target::NewSa(sa) = new_sa(&[], &[]) else { unreachable!() };
            let sa = NewSa { encap: Some(encap), version, proto: Proto::Esp, ..sa };
            refused(Target::NewSa(sa), Errno::INVAL, text).to_string()
        };
        let expected = "kernel: Unsupported encapsulation type for ESP";
        assert_eq!(refused(EncapKind::EspInUdp, IpVersion::V4), expected);
        let old = refused(EncapKind::EspInUdpNonIke, IpVersion::V4);
        assert_eq!(old, format!("{expected}; the encapsulation needs Linux before 6.10"));
        let tcp = refused(EncapKind::EspInTcp, IpVersion::V6);
        assert_eq!(
            tcp,
            format!("{expected}; the encapsulation needs a kernel with CONFIG_INET6_ESPINTCP")
        );
    }

    #[test]
    fn a_missing_algorithm_is_named() {
        let gcm = (AlgorithmKind::Aead, "rfc4106(gcm(aes))");
        let lacking = |algorithms: &[_], text| {
            refused(new_sa(algorithms, &[]), Errno::NOSYS, text).to_string()
        };
        let expected = "this kernel lacks rfc4106(gcm(aes)) (see /proc/crypto)";
        assert_eq!(lacking(&[gcm], None), expected);
        let both = [(AlgorithmKind::Auth, "hmac(rmd160)"), (AlgorithmKind::Crypt, "cbc(aes)")];
        let expected = "this kernel lacks one of hmac(rmd160), cbc(aes) (see /proc/crypto)";
        assert_eq!(lacking(&both, None), expected);
        let expected = "this kernel lacks hmac(rmd160) (see /proc/crypto)";
        assert_eq!(lacking(&both, Some("Requested AUTH algorithm not found")), expected);
    }

    #[test]
    fn a_bare_einval_is_explained_by_what_is_known() {
        let target = new_sa(&[], &["the key of 136 bits for aes-cbc", "-ctx"]);
        let refusal = refused(target, Errno::INVAL, None);
        let expected = "Invalid argument, and the kernel gives no reason: it may be the key of 136 \
                        bits for aes-cbc, or -ctx";
        assert_eq!(refusal.to_string(), expected);
        let refusal = refused(Target::Database, Errno::INVAL, None);
        assert_eq!(refusal.to_string(), "the kernel answers: Invalid argument");
    }

    #[test]
    fn the_forward_copy_is_named_and_its_repetition_is_known() {
        let policy = refused(Target::NewPolicy(vec![]), Errno::EXIST, None);
        let copy = refused(Target::NewPolicy(vec![]).of_copy(), Errno::EXIST, None);
        assert!(copy.to_string().starts_with("its fwd policy: a policy with"), "{copy}");
        assert!(copy.repeats(&policy) && !policy.repeats(&copy) && !policy.repeats(&policy));
        assert!(!copy.repeats(&refused(Target::Database, Errno::EXIST, None)));
    }

    #[test]
    fn the_kernels_words_come_before_ours() {
        let refusal = refused(Target::NewPolicy(vec![]), Errno::EXIST, Some("why"));
        assert_eq!(refusal.to_string(), "kernel: why");
        let refusal = refused(Target::NewPolicy(vec![]), Errno::EXIST, None);
        assert!(refusal.to_string().contains("spdupdate"));
    }
}
