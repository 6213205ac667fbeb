//! Questions to the kernel about protocols, modes and algorithms: SAs in a network namespace that ends with the
//! question. Without the privilege for it, what files and AF_ALG show.

use engine::{Engine, InNewNamespace, Refusal};
use model::{
    AddressPair, Algorithm, AlgorithmKind, Encap, IpVersion, KernelModule, Key, Keyed, Mode,
    NAT_T_PORT, Operation, Proto, Sa, SaDirection, SaMode, Spi,
};
use rustix::io::Errno;

use super::{
    crypto::Crypto,
    files::Files,
    modules::{Modules, State},
    needs::{Feature, Presence},
};
use crate::Error;

/// The addresses of a question's SA.
const ENDS: [[&str; 2]; 2] = [["192.0.2.1", "192.0.2.2"], ["2001:db8::1", "2001:db8::2"]];

/// The first SPI, so that each SA has another one.
const SPI: u32 = 0x1000;

/// Asks for each of these. `engine` is that of the caller's network namespace, if it may use it.
pub fn ask(
    wanted: &[Feature],
    files: &Files,
    modules: &Modules,
    engine: Option<&mut Engine>,
) -> Result<Vec<Presence>, Error> {
    let sas: Vec<_> = wanted.iter().enumerate().map(|(number, it)| sa_for(*it, number)).collect();
    let of_sa = |(number, sa): (usize, &Option<Sa>)| {
        Some((number, Operation::AddSa(Box::new(sa.clone()?))))
    };
    let refusals = match &engine {
        Some(_) => engine::refusals_in_empty_tables(
            &sas.iter().enumerate().filter_map(of_sa).collect::<Vec<_>>(),
        )?,
        None => InNewNamespace::Impossible(Errno::PERM),
    };
    let (mut crypto, mut engine) = (Crypto::read(files), engine);
    let mut answers = Vec::new();
    for (number, feature) in wanted.iter().enumerate() {
        let was_tried = sas[number].is_some();
        answers.push(match (feature, &refusals) {
            (Feature::Option(option), _) => {
                let lacks = match &mut engine {
                    Some(engine) => engine.lacks(*option)?,
                    None => option.since() > files.version(),
                };
                if lacks { Presence::Lacking(None) } else { Presence::There }
            }
            (_, InNewNamespace::Done(refusals)) if was_tried => {
                let refusal = refusals.iter().find(|(refused, _)| *refused == number);
                refusal.map_or(Presence::There, |(_, refusal)| answer(feature, refusal))
            }
            (Feature::Protocol(proto, version), _) => {
                of_module(modules.state(module(*proto, *version).name))
            }
            (Feature::Algorithm(algorithm), _) => crypto.has(algorithm),
            (Feature::Mode(_) | Feature::Encapsulation(..), _) => Presence::Unknown,
        });
    }
    Ok(answers)
}

/// What a refusal shows. The kernel looks for algorithms first, then for the protocol and the mode, and uses
/// the algorithm last (`xfrm_state_construct`, net/xfrm/xfrm_user.c).
fn answer(feature: &Feature, refusal: &Refusal) -> Presence {
    let Refusal::Kernel { errno, text, .. } = refusal else { return Presence::Lacking(None) };
    let words = text.clone().unwrap_or_else(|| sys::errno_text(*errno));
    match (feature, *errno) {
        (Feature::Algorithm(_), Errno::PROTONOSUPPORT) => Presence::There,
        (Feature::Algorithm(_), Errno::NOSYS) => Presence::Lacking(None),
        (Feature::Mode(_), _) if words.contains("mode") => Presence::Lacking(None),
        (Feature::Encapsulation(..), Errno::INVAL) => Presence::Lacking(Some(words)),
        (Feature::Mode(_) | Feature::Encapsulation(..), _) => Presence::Unknown,
        _ if refusal.missing_module().is_some() => Presence::Lacking(None),
        _ => Presence::Lacking(Some(words)),
    }
}

fn of_module(state: State) -> Presence {
    match state {
        State::Loaded | State::BuiltIn | State::Loadable => Presence::There,
        State::Missing => Presence::Lacking(None),
        State::Unknown => Presence::Unknown,
    }
}

/// The module of a protocol.
pub fn module(proto: Proto, version: IpVersion) -> KernelModule {
    // Those of Mobile IPv6 are in one.
    let mobile = KernelModule { name: "mip6", setting: "CONFIG_IPV6_MIP6" };
    proto.module(version).unwrap_or(mobile)
}

/// An SA that needs this and little else.
fn sa_for(feature: Feature, number: usize) -> Option<Sa> {
    let row = |kind, name| Algorithm::by_name(kind, name).map(keyed);
    let auth = || row(AlgorithmKind::Auth, "hmac-sha256-128");
    let crypt = || row(AlgorithmKind::Crypt, "aes-cbc");
    let bare = |proto, version| bare(proto, version, number);
    Some(match feature {
        Feature::Protocol(Proto::IpComp, version) => {
            let comp = Algorithm::by_name(AlgorithmKind::Comp, "deflate");
            Sa { comp, ..bare(Proto::IpComp, version)? }
        }
        Feature::Protocol(Proto::Ah, version) => Sa { auth: auth(), ..bare(Proto::Ah, version)? },
        Feature::Protocol(Proto::Esp, version) => {
            Sa { auth: auth(), crypt: crypt(), ..bare(Proto::Esp, version)? }
        }
        Feature::Protocol(Proto::DestOpts | Proto::Routing | Proto::Any, _)
        | Feature::Option(_) => return None,
        Feature::Mode(mode) => {
            let esp = bare(Proto::Esp, IpVersion::V4)?;
            // Only an SA of one direction aggregates packets.
            let direction = (mode == Mode::IpTfs).then_some(SaDirection::Out);
            Sa { mode: SaMode::Of(mode), direction, auth: auth(), crypt: crypt(), ..esp }
        }
        Feature::Encapsulation(kind, version) => {
            let port = Some(NAT_T_PORT);
            let encap = Some(Encap { kind, src_port: port, dst_port: port, original: None });
            Sa { encap, auth: auth(), crypt: crypt(), ..bare(Proto::Esp, version)? }
        }
        Feature::Algorithm(algorithm) => {
            let esp = || bare(Proto::Esp, IpVersion::V4);
            match algorithm.kind {
                AlgorithmKind::Comp => {
                    Sa { comp: Some(algorithm), ..bare(Proto::IpComp, IpVersion::V4)? }
                }
                AlgorithmKind::Aead => Sa { aead: Some(keyed(algorithm)), ..esp()? },
                AlgorithmKind::Crypt => Sa { crypt: Some(keyed(algorithm)), ..esp()? },
                AlgorithmKind::Auth => {
                    let crypt = row(AlgorithmKind::Crypt, "null");
                    Sa { auth: Some(keyed(algorithm)), crypt, ..esp()? }
                }
            }
        }
    })
}

fn bare(proto: Proto, version: IpVersion, number: usize) -> Option<Sa> {
    let [src, dst] = ENDS[usize::from(version == IpVersion::V6)];
    let ends = AddressPair::new(src.parse().ok()?, dst.parse().ok()?).ok()?;
    let spi = Spi(SPI + u32::try_from(number).ok()?);
    Some(Sa { mode: SaMode::Of(Mode::Transport), ..Sa::bare(ends, proto, spi) })
}

/// The algorithm with a key of a length that fits. Of two halves, as some ciphers refuse equal ones.
fn keyed(algorithm: &'static Algorithm) -> Keyed {
    let fits = (0..=1024).step_by(8).find(|bits| algorithm.key_bits.fits(*bits));
    let key = (0..fits.unwrap_or_default() / 8).map(|at| u8::try_from(at * 37 % 251).unwrap_or(1));
    Keyed::new(algorithm, Key::new(key.collect()))
}

#[cfg(test)]
mod tests {
    use engine::RecentOption;
    use model::ALGORITHMS;

    use super::*;

    #[test]
    fn every_question_is_an_sa_that_setkey_would_take() {
        let all = ALGORITHMS.iter().map(Feature::Algorithm);
        for feature in all.chain([Feature::Mode(Mode::Beet)]) {
            let sa = sa_for(feature, 7).unwrap();
            assert_eq!(sa.spi, Spi(SPI + 7));
            let keyed = [&sa.auth, &sa.crypt, &sa.aead];
            for it in keyed.into_iter().flatten() {
                assert!(it.algorithm.key_bits.fits(it.key.bits()), "{feature:?}");
            }
        }
        let option = RecentOption::all().next().unwrap();
        assert_eq!(sa_for(Feature::Option(option), 0), None);
    }

    #[test]
    fn each_protocol_has_its_modules() {
        let names = [Proto::Esp, Proto::Ah, Proto::IpComp].map(|it| module(it, IpVersion::V6).name);
        assert_eq!(names, ["esp6", "ah6", "ipcomp6"]);
    }
}
