//! The model's words and the numbers of linux/pfkeyv2.h and linux/ipsec.h, in tables.

use model::{
    Action, Algorithm, AlgorithmKind, Direction, EncapKind, Level, Mode, Proto, ReqId, SaFlags,
    SaMode, SaState,
};

use crate::Error;

/// `SADB_SASTATE_*`.
const STATES: [(SaState, u8); 4] =
    [(SaState::Larval, 0), (SaState::Mature, 1), (SaState::Dying, 2), (SaState::Dead, 3)];

/// `SADB_SAFLAGS_*`; PF_KEY has no other flags of XFRM.
const FLAGS: [(SaFlags, u32); 3] = [
    (SaFlags::NO_ECN, 0x8000_0000),
    (SaFlags::DECAP_DSCP, 0x4000_0000),
    (SaFlags::NO_PMTU_DISC, 0x2000_0000),
];

/// `IPSEC_MODE_*`.
const MODES: [(Mode, u8); 3] = [(Mode::Transport, 1), (Mode::Tunnel, 2), (Mode::Beet, 3)];

/// `IPSEC_MODE_ANY`.
const MODE_ANY: u8 = 0;

/// `IPSEC_LEVEL_*`. The number of `unique` stands beside it, in `sadb_x_ipsecrequest_reqid`.
const LEVELS: [(Level, u8); 4] =
    [(Level::Default, 0), (Level::Use, 1), (Level::Require, 2), (Level::Unique(None), 3)];

/// `UDP_ENCAP_*` and `TCP_ENCAP_*` (linux/udp.h).
const ENCAP_KINDS: [(EncapKind, u8); 3] =
    [(EncapKind::EspInUdpNonIke, 1), (EncapKind::EspInUdp, 2), (EncapKind::EspInTcp, 7)];

/// `IPSEC_DIR_*`, and what AF_KEY makes of a socket's directions (`XFRM_POLICY_MAX` + 0 and 1, and
/// 1 as for the others).
const DIRECTIONS: [(Direction, bool, u8); 5] = [
    (Direction::In, false, 1),
    (Direction::Out, false, 2),
    (Direction::Fwd, false, 3),
    (Direction::In, true, 4),
    (Direction::Out, true, 5),
];

/// `IPSEC_POLICY_*` of the policies that an SPD may hold.
pub(crate) const DISCARD: u16 = 0;
pub(crate) const NONE: u16 = 1;
pub(crate) const IPSEC: u16 = 2;
/// Those of sockets.
pub(crate) const ENTRUST: u16 = 3;
pub(crate) const BYPASS: u16 = 4;

/// The word of a number, or the error that names it.
fn word<T: Copy>(
    table: &[(T, u8)],
    field: &'static str,
    number: impl Into<u32>,
) -> Result<T, Error> {
    let number = number.into();
    let row = table.iter().find(|row| u32::from(row.1) == number);
    row.map(|row| row.0).ok_or(Error::UnknownNumber { field, number })
}

fn number<T: Copy + PartialEq>(table: &[(T, u8)], word: T) -> Option<u8> {
    table.iter().find(|row| row.0 == word).map(|row| row.1)
}

pub(crate) fn state_number(state: SaState) -> u8 {
    number(&STATES, state).expect("every state has a row")
}

pub(crate) fn state(number: u8) -> Result<SaState, Error> {
    word(&STATES, "SA state", number)
}

pub(crate) fn flag_bits(flags: SaFlags) -> u32 {
    FLAGS.iter().filter(|row| flags.contains(row.0)).fold(0, |bits, row| bits | row.1)
}

/// The flags of these bits; those of KAME mean nothing to XFRM.
pub(crate) fn flags(bits: u32) -> SaFlags {
    let set = FLAGS.iter().filter(|row| bits & row.1 != 0);
    set.fold(SaFlags::default(), |flags, row| flags | row.0)
}

pub(crate) fn mode_number(mode: Mode) -> Result<u8, Error> {
    number(&MODES, mode).ok_or(Error::ModeNotInPfKey(mode))
}

/// `sadb_x_sa2_mode` of a request: `IPSEC_MODE_ANY` where no mode was given.
pub(crate) fn sa_mode_number(mode: SaMode) -> Result<u8, Error> {
    match mode {
        SaMode::Any { .. } => Ok(MODE_ANY),
        SaMode::Of(mode) => mode_number(mode),
    }
}

pub(crate) fn mode(number: u8) -> Result<Mode, Error> {
    word(&MODES, "mode", number)
}

pub(crate) fn level_number(level: Level) -> u8 {
    let without_reqid = if let Level::Unique(_) = level { Level::Unique(None) } else { level };
    number(&LEVELS, without_reqid).expect("every level has a row")
}

/// The level of this number; `reqid` counts with `unique` only, where 0 is none.
pub(crate) fn level(number: u8, reqid: u32) -> Result<Level, Error> {
    Ok(match word(&LEVELS, "level", number)? {
        Level::Unique(_) => Level::Unique(Some(ReqId(reqid)).filter(|&id| id != ReqId(0))),
        level => level,
    })
}

pub(crate) fn encap_number(kind: EncapKind) -> u8 {
    number(&ENCAP_KINDS, kind).expect("every encapsulation has a row")
}

pub(crate) fn encap_kind(number: u8) -> Result<EncapKind, Error> {
    word(&ENCAP_KINDS, "NAT-T type", number)
}

pub(crate) fn direction_number(direction: Direction, socket: bool) -> u8 {
    let row = DIRECTIONS.iter().find(|row| row.0 == direction && row.1 == socket);
    // A socket has no fwd.
    row.map_or(0, |row| row.2)
}

/// The direction, and whether it is a socket's.
pub(crate) fn direction(number: u8) -> Result<(Direction, bool), Error> {
    let row = DIRECTIONS.iter().find(|row| row.2 == number);
    row.map(|row| (row.0, row.1))
        .ok_or(Error::UnknownNumber { field: "direction", number: number.into() })
}

pub(crate) fn policy_type(action: &Action) -> u16 {
    match action {
        Action::Discard => DISCARD,
        Action::None => NONE,
        Action::Ipsec(_) => IPSEC,
    }
}

/// `sadb_msg_satype` of a protocol; those that it has no number for are 0
/// (`pfkey_proto2satype`, net/key/af_key.c).
pub(crate) fn satype(proto: Proto) -> u8 {
    proto.satype().unwrap_or(0)
}

/// `pfkey_satype2proto` (net/key/af_key.c).
pub(crate) fn proto(satype: u8) -> Result<Proto, Error> {
    [Proto::Ah, Proto::Esp, Proto::IpComp, Proto::Any]
        .into_iter()
        .find(|&proto| self::satype(proto) == satype)
        .ok_or(Error::UnknownNumber { field: "SA type", number: satype.into() })
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
        for (state, number) in STATES {
            assert_eq!(super::state(number), Ok(state));
        }
        for (mode, number) in MODES {
            assert_eq!(super::mode(number), Ok(mode));
            assert_eq!(mode_number(mode), Ok(number));
        }
        for (direction, socket, number) in DIRECTIONS {
            assert_eq!(super::direction(number), Ok((direction, socket)));
            assert_eq!(direction_number(direction, socket), number);
        }
        for proto in [Proto::Ah, Proto::Esp, Proto::IpComp, Proto::Any] {
            assert_eq!(super::proto(satype(proto)), Ok(proto));
        }
        assert_eq!(flag_bits(flags(0xffff_ffff)), 0xe000_0000);
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
