//! Registered algorithms, and the rates of soft lifetimes.

use std::{
    ffi::{c_int, c_uint, c_void},
    io::{Write, stderr},
};

use pfkey::{HEADER_LENGTH, MessageType, ext::Algorithm};

use super::{call, contained, memory, send::transmit, socket};
use crate::{
    error::{Code, Error},
    key_lengths, request, soft_rate,
};

/// `struct sadb_alg` (linux/pfkeyv2.h).
#[repr(C)]
pub struct SadbAlg {
    id: u8,
    ivlen: u8,
    minbits: u16,
    maxbits: u16,
    reserved: u16,
}

/// Whether an algorithm takes a key of so many bits: `SADB_EXT_SUPPORTED_*`, number, bits.
#[unsafe(no_mangle)]
pub extern "C" fn ipsec_check_keylen(supported: c_uint, number: c_uint, bits: c_uint) -> c_int {
    call(-1, || check(key_lengths::by_extension(supported, number)?, bits))
}

/// Whether an algorithm takes a key of so many bits: `SADB_SATYPE_*`, number, bits.
#[unsafe(no_mangle)]
pub extern "C" fn ipsec_check_keylen2(satype: c_uint, number: c_uint, bits: c_uint) -> c_int {
    call(-1, || check(key_lengths::by_satype(satype, number)?, bits))
}

fn check(algorithm: Algorithm, bits: c_uint) -> Result<c_int, Error> {
    let Algorithm { min_bits, max_bits, .. } = algorithm;
    if (min_bits.into()..=max_bits.into()).contains(&bits) {
        return Ok(0);
    }
    // If it cannot be written, the caller still has the error's number.
    let _ = writeln!(stderr(), "{bits} {min_bits} {max_bits}");
    Err(Code::InvalidKeyLength.into())
}

/// Returns the key lengths of an algorithm: `SADB_EXT_SUPPORTED_*`, number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ipsec_get_keylen(
    supported: c_uint,
    number: c_uint,
    algorithm: *mut SadbAlg,
) -> c_int {
    call(-1, || {
        if algorithm.is_null() {
            return Err(Code::InvalidArgument.into());
        }
        let Algorithm { id, iv_len, min_bits, max_bits } =
            key_lengths::by_extension(supported, number)?;
        let found =
            SadbAlg { id, ivlen: iv_len, minbits: min_bits, maxbits: max_bits, reserved: 0 };
        // SAFETY: it is not null, so it leads to a `sadb_alg`, wherever that stands in a message.
        unsafe { algorithm.write_unaligned(found) };
        Ok(0)
    })
}

/// Sends a REGISTER.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_register(so: c_int, satype: c_uint) -> c_int {
    call(-1, || {
        key_lengths::forget(satype)?;
        transmit(so, request::bare(MessageType::REGISTER, satype)?, &[])
    })
}

/// Waits for the answer to a REGISTER of this process, and stores what it has.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_recv_register(so: c_int) -> c_int {
    call(-1, || {
        let pid = std::process::id().to_ne_bytes();
        loop {
            let message = socket::receive(so)?;
            if message[1] == MessageType::REGISTER.0 && message[12..16] == pid {
                key_lengths::remember(&message)?;
                return Ok(0);
            }
        }
    })
}

/// Stores what the answer to a REGISTER has. Its `sadb_msg_len` and `length` both count bytes,
/// unlike in a message as it was received.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_set_supported(message: *const c_void, length: c_int) -> c_int {
    call(-1, || {
        let length = usize::try_from(length).map_err(|_| Code::InvalidArgument)?;
        // SAFETY: the message has this length.
        let message = unsafe { memory::bytes(message, length) }?;
        let header: &[u8; HEADER_LENGTH] = message.first_chunk().ok_or(Code::InvalidArgument)?;
        if usize::from(u16::from_ne_bytes([header[4], header[5]])) != length {
            return Err(Code::InvalidArgument.into());
        }
        key_lengths::remember(message)?;
        Ok(0)
    })
}

/// Sets how much of a hard limit the soft one is to be: `SADB_X_LIFETIME_*`, percent. 1: no such
/// limit.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_set_softrate(kind: c_uint, percent: c_uint) -> c_uint {
    call(1, || {
        soft_rate::set(kind, percent)?;
        Ok(0)
    })
}

/// How much of a hard limit the soft one is, percent; all ones: no such limit.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_get_softrate(kind: c_uint) -> c_uint {
    contained(c_uint::MAX, || soft_rate::get(kind).unwrap_or(c_uint::MAX))
}
