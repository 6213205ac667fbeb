//! Protocols, modes, algorithms and options: which the kernel has of those that are needed.

use engine::{Engine, RecentOption};
use model::{ALGORITHMS, Algorithm, AlgorithmKind, IpVersion, Mode, Proto, Requirement as Rfc8221};

use super::{
    condition::{Condition, Status, Subject},
    files::Files,
    modules::Modules,
    needs::{Feature, Needs, Presence},
    questions::{ask, module},
};
use crate::Error;

const PROTOCOLS: [Proto; 3] = [Proto::Esp, Proto::Ah, Proto::IpComp];

/// What any host with IPsec may need: the protocols, the algorithms that RFC 8221 recommends, the options.
pub fn add_usual(needs: &mut Needs) {
    for proto in PROTOCOLS {
        for version in IpVersion::ALL {
            needs.require(Feature::Protocol(proto, version), None);
        }
    }
    for row in ALGORITHMS.iter().filter(|row| is_recommended(row)) {
        needs.require(Feature::Algorithm(row), None);
    }
    RecentOption::all().for_each(|option| needs.require(Feature::Option(option), None));
}

fn is_recommended(row: &Algorithm) -> bool {
    matches!(row.requirement, Rfc8221::Must | Rfc8221::MustMinus | Rfc8221::Should)
}

pub fn conditions(
    needs: &Needs,
    files: &Files,
    modules: &Modules,
    engine: Option<&mut Engine>,
) -> Result<Vec<Condition>, Error> {
    let wanted: Vec<_> = needs.features.iter().map(|(feature, _)| *feature).collect();
    let answers = ask(&wanted, files, modules, engine)?;
    let with_place = needs.features.iter().zip(&answers);
    let mut conditions = there(&wanted, &answers);
    conditions.extend(with_place.filter_map(|((feature, place), answer)| match answer {
        Presence::There | Presence::Unknown => None,
        Presence::Lacking(text) => {
            Some(lacking(feature, place.as_deref(), text.as_deref(), modules))
        }
    }));
    conditions.extend(unknown(&wanted, &answers));
    Ok(conditions)
}

/// A line for all of a kind that are there.
fn there(wanted: &[Feature], answers: &[Presence]) -> Vec<Condition> {
    let lines = with_answer(wanted, answers, &Presence::There);
    lines.map(|(subject, names)| Condition::ok(subject, names)).collect()
}

/// A line for all of a kind that the kernel was not asked for.
fn unknown(wanted: &[Feature], answers: &[Presence]) -> Vec<Condition> {
    let lines = with_answer(wanted, answers, &Presence::Unknown);
    let lines = lines.map(|(subject, names)| {
        let what = format!("whether the kernel has these was not found out: {names}");
        Condition::unknown(subject, what, "`sudo ipsecctl doctor`")
    });
    lines.collect()
}

/// The names of what has an answer, by subject.
fn with_answer(
    wanted: &[Feature],
    answers: &[Presence],
    answer: &Presence,
) -> impl Iterator<Item = (Subject, String)> {
    let subjects = [Subject::Protocol, Subject::Algorithm, Subject::Option];
    subjects.into_iter().filter_map(move |of| {
        let chosen = wanted.iter().zip(answers);
        let chosen = chosen.filter(|(it, given)| subject(it) == of && *given == answer);
        let names: Vec<_> = chosen.map(|(feature, _)| name(feature)).collect();
        (!names.is_empty()).then(|| (of, names.join(", ")))
    })
}

fn subject(feature: &Feature) -> Subject {
    match feature {
        Feature::Protocol(..) | Feature::Mode(_) | Feature::Encapsulation(..) => Subject::Protocol,
        Feature::Algorithm(_) => Subject::Algorithm,
        Feature::Option(_) => Subject::Option,
    }
}

fn name(feature: &Feature) -> String {
    match feature {
        Feature::Protocol(proto, version) => format!("{} over {version}", proto.word()),
        Feature::Mode(mode) => format!("mode {}", mode.word()),
        Feature::Encapsulation(kind, version) => format!("{} over {version}", kind.word()),
        Feature::Algorithm(row) if row.kind == AlgorithmKind::Auth && row.name == "null" => {
            "no authentication".to_owned()
        }
        Feature::Algorithm(row) => row.name.to_owned(),
        Feature::Option(option) => option.to_string(),
    }
}

/// What a script needs and the kernel lacks is a fault.
fn lacking(
    feature: &Feature,
    place: Option<&str>,
    text: Option<&str>,
    modules: &Modules,
) -> Condition {
    let text = text.map(|text| format!(" (kernel: {text})")).unwrap_or_default();
    let (what, remedy) = match feature {
        Feature::Protocol(proto, version) => {
            let module = module(*proto, *version);
            let what = format!("no {}: this kernel has no {}", name(feature), module.name);
            (what, modules.remedy(module.name, module.setting))
        }
        Feature::Algorithm(row) => {
            let what = format!("this kernel has no {}: {}", name(feature), row.kernel);
            (what, modules_of(row, place.is_some()))
        }
        Feature::Mode(Mode::IpTfs) => {
            let what = format!("this kernel has no {}", name(feature));
            (what, modules.remedy("xfrm_iptfs", "CONFIG_XFRM_IPTFS"))
        }
        Feature::Mode(_) => {
            (format!("this kernel has no {}", name(feature)), "a newer kernel".to_owned())
        }
        Feature::Encapsulation(kind, version) => {
            let what = format!("this kernel has no {}", name(feature));
            (what, kind.kernels(*version).unwrap_or("another kernel").to_owned())
        }
        Feature::Option(option) => {
            let (major, minor) = option.since();
            let what = format!("this kernel lacks {option}");
            (what, format!("a kernel from Linux {major}.{minor} on"))
        }
    };
    let status = if place.is_some() { Status::Fault } else { status_unless_needed(feature) };
    let condition = Condition::advice(subject(feature), format!("{what}{text}"), remedy);
    Condition { status, place: place.map(str::to_owned), ..condition }
}

/// What it is that the kernel lacks a thing which no script needs.
fn status_unless_needed(feature: &Feature) -> Status {
    match feature {
        Feature::Protocol(proto, _) => match proto {
            Proto::Esp => Status::Fault,
            Proto::Ah | Proto::IpComp | Proto::Routing | Proto::DestOpts | Proto::Any => Status::Ok,
        },
        Feature::Option(_) => Status::Ok,
        Feature::Algorithm(_) | Feature::Mode(_) | Feature::Encapsulation(..) => Status::Advice,
    }
}

/// How an algorithm is loaded: modules have aliases for the parts of its name.
fn modules_of(row: &Algorithm, is_in_script: bool) -> String {
    let parts = row.kernel.split(['(', ')', ',']).filter(|part| !part.is_empty());
    let aliases: Vec<_> = parts.map(|part| format!("crypto-{part}")).collect();
    let other = match row.kind {
        _ if !is_in_script => "",
        AlgorithmKind::Crypt | AlgorithmKind::Aead => ", or use aes-gcm-16",
        AlgorithmKind::Auth => ", or use hmac-sha256-128",
        AlgorithmKind::Comp => ", or use deflate",
    };
    format!("`modprobe -a {}`{other}", aliases.join(" "))
}

#[cfg(test)]
mod tests {
    use model::EncapKind;

    use super::*;

    fn modules() -> Modules {
        let empty = tempfile::tempdir().unwrap();
        Modules::read(&Files::below(empty.path(), "6.1"))
    }

    #[test]
    fn what_a_script_needs_and_the_kernel_lacks_is_a_fault() {
        let row = Algorithm::by_name(AlgorithmKind::Aead, "chacha20-poly1305").unwrap();
        let algorithm = Feature::Algorithm(row);
        let line = lacking(&algorithm, Some("a.conf:3"), None, &modules()).line();
        let expected = "fault   algorithm a.conf:3: this kernel has no chacha20-poly1305: \
            rfc7539esp(chacha20,poly1305); `modprobe -a crypto-rfc7539esp crypto-chacha20 crypto-poly1305`, \
            or use aes-gcm-16";
        assert_eq!(line, expected);
        assert_eq!(lacking(&algorithm, None, None, &modules()).status, Status::Advice);
        let esp = Feature::Protocol(Proto::Esp, IpVersion::V4);
        let line = lacking(&esp, None, None, &modules()).line();
        let expected = "fault   protocol  no esp over IPv4: this kernel has no esp4; a kernel with CONFIG_INET_ESP";
        assert_eq!(line, expected);
    }

    #[test]
    fn an_option_has_the_release_that_has_it() {
        let option = RecentOption::all().nth(1).unwrap();
        let line = lacking(&Feature::Option(option), Some("a:1"), None, &modules()).line();
        let expected = "fault   option    a:1: this kernel lacks -dir (Linux 6.10); a kernel from Linux 6.10 on";
        assert_eq!(line, expected);
    }

    #[test]
    fn an_encapsulation_has_the_kernels_that_take_it() {
        let feature = Feature::Encapsulation(EncapKind::EspInTcp, IpVersion::V6);
        let line = lacking(&feature, Some("a:1"), None, &modules()).line();
        let expected = "fault   protocol  a:1: this kernel has no espintcp over IPv6; a kernel with CONFIG_INET6_ESPINTCP";
        assert_eq!(line, expected);
    }

    #[test]
    fn the_usual_is_what_the_rfcs_recommend() {
        let mut needs = Needs::default();
        add_usual(&mut needs);
        let names: Vec<_> = needs.features.iter().map(|(it, _)| name(it)).collect();
        for wanted in ["esp over IPv6", "aes-gcm-16", "hmac-sha256-128", "-iptfs (Linux 6.14)"] {
            assert!(names.iter().any(|it| it == wanted), "{wanted}: {names:?}");
        }
        assert!(!names.iter().any(|it| it == "des-cbc"));
    }
}
