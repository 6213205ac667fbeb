//! Numbers of the kernel that the model may lack.

use model::Proto;
use netlink_packet_core::DecodeError;

/// A protocol by its number.
pub(super) fn proto(number: u8) -> Result<Proto, DecodeError> {
    Proto::from_number(number).ok_or_else(|| unknown("protocol", number))
}

/// The error of a number that the model lacks.
pub(super) fn unknown(what: &str, number: u8) -> DecodeError {
    DecodeError::from(format!("event: {what} {number}"))
}
