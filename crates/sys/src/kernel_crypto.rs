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

/// What was decrypted. It is wiped when it is dropped.
pub struct Decrypted {
    bytes: Vec<u8>,
    /// Where it begins: what was authenticated only is before it.
    start: usize,
}

impl Decrypted {
    /// Of a cipher that leaves bytes as they are.
    #[must_use]
    pub fn unchanged(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), start: 0 }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl Drop for Decrypted {
    fn drop(&mut self) {
        wipe(&mut self.bytes);
    }
}

const DECRYPT: i32 = libc::ALG_OP_DECRYPT;

/// Decrypts bytes by an algorithm that does not authenticate, as `cbc(aes)`.
///
/// Errors: as [`authenticate`]; EINVAL (the bytes are no whole blocks).
pub fn decrypt(algorithm: &str, key: &[u8], iv: &[u8], bytes: &[u8]) -> Result<Decrypted, Errno> {
    let operation = operation("skcipher", algorithm, key, None)?;
    let control = [ControlMessage::AlgSetOp(&DECRYPT), ControlMessage::AlgSetIv(iv)];
    let (input, flags) = ([IoSlice::new(bytes)], MsgFlags::MSG_DONTWAIT);
    sendmsg::<AlgAddr>(operation.as_raw_fd(), &input, &control, flags, None).map_err(from_nix)?;
    let mut decrypted = Decrypted { bytes: vec![0; bytes.len()], start: 0 };
    let (length, _) = recv(&operation, &mut decrypted.bytes[..], RecvFlags::DONTWAIT)?;
    // Less is returned of what is longer than a socket takes.
    if length == bytes.len() { Ok(decrypted) } else { Err(Errno::AGAIN) }
}

/// Decrypts bytes whose integrity check value is right; none: it is not.
///
/// Errors: as [`authenticate`].
pub fn open(algorithm: &str, key: &[u8], sealed: Sealed<'_>) -> Result<Option<Decrypted>, Errno> {
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
    // Where there is room for more, the kernel waits for more (`aead_recvmsg`).
    let room = (sealed.associated.len() + sealed.bytes.len()).saturating_sub(sealed.icv);
    let mut decrypted = Decrypted { bytes: vec![0; room], start: sealed.associated.len() };
    match recv(&operation, &mut decrypted.bytes[..], RecvFlags::DONTWAIT) {
        Ok(_) => Ok(Some(decrypted)),
        Err(Errno::BADMSG) => Ok(None),
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
