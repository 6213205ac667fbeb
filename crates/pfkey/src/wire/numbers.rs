//! The numbers of linux/pfkeyv2.h and linux/ipsec.h, from the model's tables.

use model::{
    ActionKind, Algorithm, AlgorithmKind, Direction, EncapKind, Level, LevelKind, Mode, Proto,
    ReqId, SaMode, SaState, SaType,
};

use crate::Error;

/// `IPSEC_POLICY_*` of the policies that an SPD may hold.
pub(crate) const DISCARD: u16 = ActionKind::Discard.pfkey_number();
pub(crate) const NONE: u16 = ActionKind::None.pfkey_number();
pub(crate) const IPSEC: u16 = ActionKind::Ipsec.pfkey_number();
/// Those of sockets.
pub(crate) const ENTRUST: u16 = ActionKind::Entrust.pfkey_number();
pub(crate) const BYPASS: u16 = ActionKind::Bypass.pfkey_number();

/// The error of a number that the model's table does not have.
fn unknown(field: &'static str, number: impl Into<u32>) -> Error {
    Error::UnknownNumber { field, number: number.into() }
}

pub(crate) fn state(number: u8) -> Result<SaState, Error> {
    SaState::from_pfkey(number).ok_or(unknown("SA state", number))
}

pub(crate) fn mode_number(mode: Mode) -> Result<u8, Error> {
    mode.pfkey_number().ok_or(Error::ModeNotInPfKey(mode))
}

/// `sadb_x_sa2_mode` of a request: `IPSEC_MODE_ANY` where no mode was given.
pub(crate) fn sa_mode_number(mode: SaMode) -> Result<u8, Error> {
    mode.pfkey_number().ok_or(Error::ModeNotInPfKey(mode.installed()))
}

pub(crate) fn mode(number: u8) -> Result<Mode, Error> {
    Mode::from_pfkey(number).ok_or(unknown("mode", number))
}

/// The level of this number; `reqid` counts with `unique` only.
pub(crate) fn level(number: u8, reqid: u32) -> Result<Level, Error> {
    let kind = LevelKind::from_pfkey(number).ok_or(unknown("level", number))?;
    Ok(kind.with(ReqId::new(reqid)))
}

pub(crate) fn encap_kind(number: u8) -> Result<EncapKind, Error> {
    EncapKind::from_number(number).ok_or(unknown("NAT-T type", number))
}

pub(crate) fn direction_number(direction: Direction, socket: bool) -> u8 {
    if !socket {
        return direction.pfkey_number();
    }
    // A socket has no fwd.
    direction.pfkey_number_of_socket().unwrap_or(0)
}

/// The direction, and whether it is a socket's.
pub(crate) fn direction(number: u8) -> Result<(Direction, bool), Error> {
    let found = Direction::ALL.iter().find_map(|&direction| {
        let is_socket = direction.pfkey_number_of_socket() == Some(number);
        (direction.pfkey_number() == number || is_socket).then_some((direction, is_socket))
    });
    found.ok_or(unknown("direction", number))
}

/// `sadb_msg_satype` of a protocol; those that it has no number for are 0
/// (`pfkey_proto2satype`, net/key/af_key.c).
pub(crate) fn satype(proto: Proto) -> u8 {
    proto.sa_type().map_or(0, SaType::pfkey_number)
}

/// `pfkey_satype2proto` (net/key/af_key.c).
pub(crate) fn proto(satype: u8) -> Result<Proto, Error> {
    [Proto::Ah, Proto::Esp, Proto::IpComp, Proto::Any]
        .into_iter()
        .find(|&proto| self::satype(proto) == satype)
        .ok_or(unknown("SA type", satype))
}

/// The algorithm of one of these kinds with this number. Where several have it, the one that
/// AF_KEY means.
pub(crate) fn algorithm(
    kinds: &[AlgorithmKind],
    kind: &'static str,
    number: u8,
) -> Result<&'static Algorithm, Error> {
    model::ALGORITHMS
        .iter()
        .find(|row| kinds.contains(&row.kind) && row.pfkey == Some(number))
        .ok_or(Error::UnknownAlgorithm { kind, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back() {
        for number in 1..=5 {
            let (direction, socket) = direction(number).unwrap();
            assert_eq!(direction_number(direction, socket), number);
        }
        assert_eq!(direction_number(Direction::Fwd, true), 0);
        for proto in [Proto::Ah, Proto::Esp, Proto::IpComp, Proto::Any] {
            assert_eq!(super::proto(satype(proto)), Ok(proto));
        }
        assert_eq!(level(3, 0), Ok(Level::Unique(None)));
    }

    #[test]
    fn numbers_of_others_are_named() {
        assert_eq!(proto(5), Err(Error::UnknownNumber { field: "SA type", number: 5 }));
        assert_eq!(mode_number(Mode::IpTfs), Err(Error::ModeNotInPfKey(Mode::IpTfs)));
        assert_eq!(mode(0), Err(Error::UnknownNumber { field: "mode", number: 0 }));
    }

    #[test]
    fn the_numbers_algorithm_is_af_keys() {
        let sha256 = algorithm(&[AlgorithmKind::Auth], "authentication", 5).unwrap();
        assert_eq!((sha256.name, sha256.icv_bits), ("hmac-sha256", 96));
        let error = algorithm(&[AlgorithmKind::Auth], "authentication", 250).unwrap_err();
        assert_eq!(error.errno(), rustix::io::Errno::NOSYS);
    }
}
