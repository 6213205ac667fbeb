//! Numbers of the kernel that the model may lack.

use model::{Direction, Mode, PolicyType, Proto};
use netlink_packet_core::DecodeError;

/// A protocol by its number.
pub(super) fn proto(number: u8) -> Result<Proto, DecodeError> {
    Proto::from_number(number).ok_or_else(|| unknown("protocol", number))
}

/// A mode by its number.
pub(super) fn mode(number: u8) -> Result<Mode, DecodeError> {
    Mode::from_xfrm(number).ok_or_else(|| unknown("mode", number))
}

/// A direction of policies by its number.
pub(super) fn direction(number: u8) -> Result<Direction, DecodeError> {
    Direction::from_xfrm(number).ok_or_else(|| unknown("direction", number))
}

/// A type of policies by its number.
pub(super) fn policy_type(number: u8) -> Result<PolicyType, DecodeError> {
    PolicyType::from_xfrm(number).ok_or_else(|| unknown("type of policy", number))
}

fn unknown(what: &str, number: u8) -> DecodeError {
    DecodeError::from(format!("unknown {what} {number}"))
}
