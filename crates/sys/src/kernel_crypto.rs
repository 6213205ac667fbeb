//! The kernel's algorithms (AF_ALG; Documentation/crypto/userspace-if.rst), by the kernel's names: what an SA computes is
//! computed by the same code.

use std::{
    io::IoSlice,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::sys::socket::{
    AddressFamily, AlgAddr, ControlMessage, MsgFlags, SockFlag, SockType, bind, sendmsg,
    setsockopt, socket,
    sockopt::{AlgSetAeadAuthSize, AlgSetKey},
};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send},
};

use crate::{errno::from_nix, memory::wipe};

/// The most bytes of a message authentication code (SHA-512).
const LONGEST_MAC: usize = 64;

/// The most bytes of an algorithm's name (`CRYPTO_MAX_ALG_NAME` is 128, and `sockaddr_alg` has 64 with the NUL).
const LONGEST_NAME: usize = 63;

/// The message authentication code of bytes by an algorithm, as `hmac(sha256)`, whole.
///
/// Errors: EAGAIN (more bytes than a socket takes); EAFNOSUPPORT or ENOENT (the kernel lacks AF_ALG or the
/// algorithm); EINVAL (the key has another length).
pub fn authenticate(algorithm: &str, key: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Errno> {
    let operation = operation("hash", algorithm, key, None)?;
    send(&operation, bytes, SendFlags::DONTWAIT)?;
    let mut code = vec![0; LONGEST_MAC];
    let (length, _) = recv(&operation, &mut code[..], RecvFlags::DONTWAIT)?;
    code.truncate(length);
    Ok(code)
}

/// Bytes that an algorithm encrypts and authenticates in one, as `rfc4106(gcm(aes))`.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'b> {
    /// The initialization vector.
    pub iv: &'b [u8],
    /// What is authenticated only.
    pub associated: &'b [u8],
    /// What is encrypted, and the integrity check value.
    pub bytes: &'b [u8],
    /// Bytes of the integrity check value.
    pub icv: usize,
}

/// Whether the integrity check value of bytes is right.
///
/// Errors: as [`authenticate`].
pub fn is_authentic(algorithm: &str, key: &[u8], sealed: Sealed<'_>) -> Result<bool, Errno> {
    const DECRYPT: i32 = libc::ALG_OP_DECRYPT;
    let operation = operation("aead", algorithm, key, Some(sealed.icv))?;
    let associated = u32::try_from(sealed.associated.len()).map_err(|_| Errno::INVAL)?;
    let control = [
        ControlMessage::AlgSetOp(&DECRYPT),
        ControlMessage::AlgSetIv(sealed.iv),
        ControlMessage::AlgSetAeadAssoclen(&associated),
    ];
    let input = [IoSlice::new(sealed.associated), IoSlice::new(sealed.bytes)];
    let flags = MsgFlags::MSG_DONTWAIT;
    sendmsg::<AlgAddr>(operation.as_raw_fd(), &input, &control, flags, None).map_err(from_nix)?;
    // What is decrypted is not looked at. Where there is room for more, the kernel waits for more (`aead_recvmsg`).
    let room = (sealed.associated.len() + sealed.bytes.len()).saturating_sub(sealed.icv);
    let mut decrypted = vec![0; room];
    let received = recv(&operation, &mut decrypted[..], RecvFlags::DONTWAIT);
    wipe(&mut decrypted);
    match received {
        Ok(_) => Ok(true),
        Err(Errno::BADMSG) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A socket that computes.
fn operation(
    kind: &str,
    algorithm: &str,
    key: &[u8],
    icv: Option<usize>,
) -> Result<OwnedFd, Errno> {
    if algorithm.len() > LONGEST_NAME {
        return Err(Errno::NOENT);
    }
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Alg, SockType::SeqPacket, flags, None).map_err(from_nix)?;
    bind(socket.as_raw_fd(), &AlgAddr::new(kind, algorithm)).map_err(from_nix)?;
    setsockopt(&socket, AlgSetKey::default(), &key).map_err(from_nix)?;
    if let Some(bytes) = icv {
        setsockopt(&socket, AlgSetAeadAuthSize, &bytes).map_err(from_nix)?;
    }
    accept_with(&socket, SocketFlags::CLOEXEC)
}
