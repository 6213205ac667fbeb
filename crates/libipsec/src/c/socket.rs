//! PF_KEY sockets.

use std::{
    ffi::{c_int, c_void},
    io::{self, Write},
    os::fd::{BorrowedFd, IntoRawFd, OwnedFd},
    ptr,
    sync::Once,
};

use pfkey::{
    HEADER_LENGTH, UNIT, VERSION,
    client::{PfKeySettings, SocketCall, SocketCaller},
};
use rustix::{io::Errno, net::sockopt};
use zeroize::Zeroizing;

use super::{call, memory};
use crate::error::{Code, Error};

/// Bytes of the send buffer; more is not lowered.
const SEND_BUFFER: usize = 128 << 10;
/// Bytes of the receive buffer that are tried first; half of that next, and so on.
const RECEIVE_BUFFER: usize = 2 << 20;

/// What this library was built with, as programs ask at run time: NAT traversal and security
/// contexts (`LIBIPSEC_OPT_NATT`, `LIBIPSEC_OPT_SEC_CTX`).
#[unsafe(no_mangle)]
pub static libipsec_opt: c_int = 0x01 | 0x04;

/// Opens a PF_KEY socket: of the service of the network namespace, or of the kernel where no
/// service listens.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_open() -> c_int {
    call(-1, || {
        let socket = open()?;
        make_room(&socket);
        Ok(socket.into_raw_fd())
    })
}

fn open() -> Result<OwnedFd, Error> {
    let call = SocketCall::new(libc::SOCK_RAW, VERSION.into()).map_err(Error::System)?;
    settings().open(call, SocketCaller::this_thread()).map_err(Error::System)
}

/// Whether a variable that cannot be used was named.
static NAMED: Once = Once::new();

/// A variable that cannot be used is named on standard error once, and ignored. All of the environment is
/// ignored in a program with more privileges than its user.
fn settings() -> PfKeySettings {
    // SAFETY: getauxval(3) takes any number.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    if secure {
        return PfKeySettings::default();
    }
    PfKeySettings::from_environment().unwrap_or_else(|error| {
        // The program may have no standard error.
        NAMED.call_once(|| drop(writeln!(io::stderr(), "libipsec: {error}: ignored")));
        PfKeySettings::default()
    })
}

/// Makes the buffers as large as a dump may need; a socket with smaller ones still works.
fn make_room(socket: &OwnedFd) {
    if sockopt::socket_send_buffer_size(socket).unwrap_or(0) < SEND_BUFFER {
        let _ = sockopt::set_socket_send_buffer_size(socket, SEND_BUFFER);
    }
    let current = sockopt::socket_recv_buffer_size(socket).unwrap_or(SEND_BUFFER);
    let mut wanted = RECEIVE_BUFFER;
    while wanted > current && sockopt::set_socket_recv_buffer_size(socket, wanted).is_err() {
        wanted /= 2;
    }
}

/// Closes a PF_KEY socket.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_close(so: c_int) {
    call((), || {
        // SAFETY: close(2) takes any number; the caller gives this descriptor up.
        let _ = unsafe { libc::close(so) };
        Ok(())
    });
}

/// Makes the receive buffer `kilobytes` large if it is smaller; returns how large it is then.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_set_buffer_size(so: c_int, kilobytes: c_int) -> c_int {
    call(-1, || {
        let socket = borrow(so)?;
        let wanted = usize::try_from(kilobytes).unwrap_or(0).saturating_mul(1 << 10);
        if sockopt::socket_recv_buffer_size(socket).unwrap_or(0) < wanted {
            sockopt::set_socket_recv_buffer_size(socket, wanted).map_err(Error::System)?;
        }
        let actual = sockopt::socket_recv_buffer_size(socket).map_err(Error::System)?;
        Ok(c_int::try_from(actual >> 10).unwrap_or(c_int::MAX))
    })
}

fn borrow(so: c_int) -> Result<BorrowedFd<'static>, Error> {
    if so < 0 {
        return Err(Error::System(Errno::BADF));
    }
    // SAFETY: it is the program's own descriptor, which it keeps open during the call; if it is
    // not open, the system call fails.
    Ok(unsafe { BorrowedFd::borrow_raw(so) })
}

/// Waits for a message, which the caller frees.
#[unsafe(no_mangle)]
pub extern "C" fn pfkey_recv(so: c_int) -> *mut c_void {
    call(ptr::null_mut(), || Ok(memory::hand_out(&receive(so)?)?))
}

/// The next message. Wiped after use: it may hold keys.
pub(super) fn receive(so: c_int) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut header = [0; HEADER_LENGTH];
    let length = receive_into(so, &mut header, libc::MSG_PEEK)?;
    if length == 0 {
        // The service has gone.
        return Err(Error::System(Errno::CONNRESET));
    }
    let claimed = usize::from(u16::from_ne_bytes([header[4], header[5]])) * UNIT;
    if length < HEADER_LENGTH || claimed < HEADER_LENGTH {
        receive_into(so, &mut header, 0)?;
        return Err(Code::Unknown.into());
    }
    let mut message = Zeroizing::new(vec![0; claimed]);
    let length = receive_into(so, &mut message, 0)?;
    if length == claimed { Ok(message) } else { Err(Error::System(Errno::BADMSG)) }
}

fn receive_into(so: c_int, buffer: &mut [u8], flags: c_int) -> Result<usize, Error> {
    loop {
        // SAFETY: the buffer has room for as many bytes as it is long.
        let length = unsafe { libc::recv(so, buffer.as_mut_ptr().cast(), buffer.len(), flags) };
        match usize::try_from(length) {
            Ok(length) => return Ok(length),
            Err(_) if last_error() == Error::System(Errno::INTR) => {}
            Err(_) => return Err(last_error()),
        }
    }
}

/// Sends a message of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send(so: c_int, message: *const c_void, length: c_int) -> c_int {
    call(-1, || {
        let length = usize::try_from(length).map_err(|_| Code::InvalidArgument)?;
        // SAFETY: the message has this length.
        send(so, unsafe { memory::bytes(message, length) }?)
    })
}

/// Sends a message; its length. The answer is queued then, also where the service gives it.
pub(super) fn send(so: c_int, message: &[u8]) -> Result<c_int, Error> {
    let length = pfkey::client::send(borrow(so)?, message).map_err(Error::System)?;
    Ok(c_int::try_from(length).unwrap_or(c_int::MAX))
}

/// The error of errno.
fn last_error() -> Error {
    Error::System(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO))
}
