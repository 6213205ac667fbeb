//! Sending as AF_KEY takes it: within the call, the request is checked, carried out and answered. The
//! call neither waits for room nor is interrupted.

use std::ffi::c_int;

use pfkey::{HEADER_LENGTH as HEADER, Message};
use rustix::{
    fd::BorrowedFd,
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags, sendmsg, sockopt::socket_cookie},
};

use crate::{
    clients::{self, Client, ClientDescriptor},
    descriptors::borrow,
    memory,
    parts::Parts,
    recover::recover_to_send,
};

/// How often a service may end before it has taken the message.
const TRIES: u32 = 8;

/// Why a message is not delivered.
enum Failure {
    /// The service had ended before.
    NotSent,
    /// The errno that the program gets.
    Returned(Errno),
}

/// Sends a message, and waits until it has been answered.
///
/// Errors: those of AF_KEY for a malformed message; EFAULT: a part of it is not there; ECONNRESET: the
/// service ended, and may have carried out the request; ECONNREFUSED: there is no service.
pub(crate) fn deliver(fd: c_int, message: Parts, flags: c_int) -> Result<usize, Errno> {
    let (request, length) = check(message, flags)?;
    let flags = SendFlags::from_bits_retain(flags.cast_unsigned()) | SendFlags::NOSIGNAL;
    for _ in 0..TRIES {
        let descriptor = borrow(fd).ok_or(Errno::BADF)?;
        let result = match clients::of(fd) {
            Some(ClientDescriptor::Socket(client)) => send(client, descriptor, message, flags),
            Some(ClientDescriptor::Placeholder(_)) => Err(Failure::NotSent),
            None => return Err(Errno::BADF),
        };
        match result {
            Ok(client) => {
                client.interests.learn(&request, length);
                return Ok(length);
            }
            Err(Failure::NotSent) => recover_to_send(fd)?,
            Err(Failure::Returned(errno)) => return Err(errno),
        }
    }
    Err(Errno::CONNREFUSED)
}

fn send(
    client: &'static Client,
    descriptor: BorrowedFd<'_>,
    message: Parts,
    flags: SendFlags,
) -> Result<&'static Client, Failure> {
    let _sender = client.sender();
    let cookie = socket_cookie(descriptor).ok();
    loop {
        // The address and the control data of a sendmsg(2), AF_KEY does not look at.
        match sendmsg(descriptor, message.for_kernel(), &mut SendAncillaryBuffer::default(), flags)
        {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                // It does not block, and what is before this has to be taken first.
                pfkey::client::wait(descriptor).map_err(|_| Failure::NotSent)?;
            }
            Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN | Errno::NOTSOCK) => {
                return Err(Failure::NotSent);
            }
            Err(errno) => return Err(Failure::Returned(errno)),
        }
    }
    pfkey::client::wait(descriptor).map_err(Failure::Returned)?;
    // Another thread may have connected again meanwhile: this was sent to the service before.
    if socket_cookie(descriptor).ok() == cookie {
        Ok(client)
    } else {
        Err(Failure::Returned(Errno::CONNRESET))
    }
}

/// AF_KEY's checks of a message before it looks at the request (`pfkey_sendmsg`,
/// `pfkey_get_base_msg`, net/key/af_key.c); its header and length.
fn check(message: Parts, flags: c_int) -> Result<(Message, usize), Errno> {
    if flags & libc::MSG_OOB != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let (mut header, mut filled, mut length) = ([0; HEADER], 0, 0_usize);
    for part in message.iter() {
        // Its length is read once: another thread may change it.
        let part = part?;
        let more = part.iov_len.min(HEADER - filled);
        if more != 0 {
            memory::read(part.iov_base, &mut header[filled..filled + more])?;
        }
        filled += more;
        length = length.saturating_add(part.iov_len);
    }
    let request = pfkey::command::begun(&header[..filled], length);
    Ok((request.map_err(|error| error.errno())?, length))
}
