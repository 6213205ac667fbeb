//! The words of ipsec_set_policy(3) for the numbers of `sadb_x_policy` and `sadb_x_ipsecrequest`.

use model::{ActionKind, Direction, Level, Proto};

use crate::wire::numbers;

/// `IPSEC_DIR_*`, those of sockets included.
#[must_use]
pub fn direction(number: u8) -> Option<&'static str> {
    match number {
        0 => Some("any"),
        _ => numbers::direction(number).ok().map(|(dir, socket)| direction_of(dir, socket)),
    }
}

/// The word of a direction of the SPD or of a socket.
pub(super) fn direction_of(direction: Direction, socket: bool) -> &'static str {
    match (direction, socket) {
        (Direction::In, true) => "in(socket)",
        (Direction::Out, true) => "out(socket)",
        (direction, _) => direction.word(),
    }
}

/// `IPSEC_POLICY_*`.
#[must_use]
pub fn action(number: u16) -> Option<&'static str> {
    ActionKind::from_pfkey(number).map(ActionKind::word)
}

/// The IP protocol number of a request.
#[must_use]
pub fn proto(number: u16) -> Option<&'static str> {
    let proto = u8::try_from(number).ok().and_then(Proto::from_number)?;
    proto.sa_type().is_some().then(|| proto.word())
}

/// `IPSEC_MODE_*`.
#[must_use]
pub fn mode(number: u8) -> Option<&'static str> {
    match number {
        0 => Some("any"),
        _ => numbers::mode(number).ok().map(model::Mode::word),
    }
}

/// `IPSEC_LEVEL_*`.
#[must_use]
pub fn level(number: u8) -> Option<&'static str> {
    numbers::level(number, 0).ok().map(Level::word)
}
