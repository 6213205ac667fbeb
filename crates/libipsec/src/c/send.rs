//! `pfkey_send_*` that name SAs or policies, or nothing. Each returns the length that it has sent.

use std::{
    ffi::{c_int, c_uint},
    process,
};

use libc::sockaddr;
use pfkey::{Message, MessageType, UNIT};

use super::{call, memory, socket};
use crate::{
    error::{Code, Error},
    request,
};

/// Sends a message of this process, with an extension that is already bytes behind it.
pub(super) fn transmit(so: c_int, message: Message, behind: &[u8]) -> Result<c_int, Error> {
    let mut bytes = Message { pid: process::id(), ..message }.encode()?;
    bytes.extend_from_slice(behind);
    let units = u16::try_from(bytes.len() / UNIT).map_err(|_| Code::NoBuffers)?;
    bytes[4..6].copy_from_slice(&units.to_ne_bytes());
    socket::send(so, &bytes)
}

/// Asks for an SPI between two, in host order; 0 and the largest number are for any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_getspi(
    so: c_int,
    satype: c_uint,
    mode: c_uint,
    src: *const sockaddr,
    dst: *const sockaddr,
    min: u32,
    max: u32,
    reqid: u32,
    seq: u32,
) -> c_int {
    call(-1, || {
        // SAFETY: they are the caller's addresses.
        let ends = unsafe { memory::ends(src, dst) }?;
        let sa = (satype, mode, reqid);
        transmit(so, request::get_spi(sa, ends, None, (min, max), seq)?, &[])
    })
}

/// The same with NAT traversal: type and ports in host order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_getspi_nat(
    so: c_int,
    satype: c_uint,
    mode: c_uint,
    src: *const sockaddr,
    dst: *const sockaddr,
    kind: u8,
    src_port: u16,
    dst_port: u16,
    min: u32,
    max: u32,
    reqid: u32,
    seq: u32,
) -> c_int {
    call(-1, || {
        // SAFETY: they are the caller's addresses.
        let ends = unsafe { memory::ends(src, dst) }?;
        let nat = request::nat(kind, src_port, dst_port);
        transmit(so, request::get_spi((satype, mode, reqid), ends, nat, (min, max), seq)?, &[])
    })
}

/// Deletes an SA. The SPI is in network order, the mode is not sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_delete(
    so: c_int,
    satype: c_uint,
    _mode: c_uint,
    src: *const sockaddr,
    dst: *const sockaddr,
    spi: u32,
) -> c_int {
    call(-1, || {
        // SAFETY: they are the caller's addresses.
        let ends = unsafe { memory::ends(src, dst) }?;
        let spi = u32::from_be(spi);
        transmit(so, request::by_spi(MessageType::DELETE, satype, ends, spi)?, &[])
    })
}

/// Deletes all SAs between two addresses, which Linux refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_delete_all(
    so: c_int,
    satype: c_uint,
    _mode: c_uint,
    src: *const sockaddr,
    dst: *const sockaddr,
) -> c_int {
    call(-1, || {
        // SAFETY: they are the caller's addresses.
        let ends = unsafe { memory::ends(src, dst) }?;
        transmit(so, request::delete_all(satype, ends)?, &[])
    })
}

/// Asks for an SA. The SPI is in network order, the mode is not sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_get(
    so: c_int,
    satype: c_uint,
    _mode: c_uint,
    src: *const sockaddr,
    dst: *const sockaddr,
    spi: u32,
) -> c_int {
    call(-1, || {
        // SAFETY: they are the caller's addresses.
        let ends = unsafe { memory::ends(src, dst) }?;
        let spi = u32::from_be(spi);
        transmit(so, request::by_spi(MessageType::GET, satype, ends, spi)?, &[])
    })
}

/// Empties the SAD, of one SA type or of all.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_flush(so: c_int, satype: c_uint) -> c_int {
    call(-1, || transmit(so, request::bare(MessageType::FLUSH, satype)?, &[]))
}

/// Asks for the SAD, of one SA type or of all.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_dump(so: c_int, satype: c_uint) -> c_int {
    call(-1, || transmit(so, request::bare(MessageType::DUMP, satype)?, &[]))
}

/// Starts or stops receiving all that others send.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_promisc_toggle(so: c_int, on: c_int) -> c_int {
    call(-1, || transmit(so, request::promisc(on != 0), &[]))
}

/// Empties the SPD.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_spdflush(so: c_int) -> c_int {
    call(-1, || transmit(so, request::bare(MessageType::SPDFLUSH, 0)?, &[]))
}

/// Asks for the SPD.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_spddump(so: c_int) -> c_int {
    call(-1, || transmit(so, request::bare(MessageType::SPDDUMP, 0)?, &[]))
}

/// Deletes a policy by its index.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_spddelete2(so: c_int, id: u32) -> c_int {
    call(-1, || transmit(so, request::by_index(MessageType::SPDDELETE2, id), &[]))
}

/// Asks for a policy by its index.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_send_spdget(so: c_int, id: u32) -> c_int {
    call(-1, || transmit(so, request::by_index(MessageType::SPDGET, id), &[]))
}
