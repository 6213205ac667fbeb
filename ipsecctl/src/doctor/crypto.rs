//! Algorithms as any user can find them: /proc/crypto has those in use, and AF_ALG loads others.

use std::collections::HashSet;

use model::{Algorithm, AlgorithmKind};
use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, AlgAddr, SockFlag, SockType, bind, socket},
};
use std::os::fd::AsRawFd;

use super::{files::Files, needs::Presence};

/// The longest name of an algorithm that AF_ALG takes, in bytes (`sockaddr_alg`, linux/if_alg.h).
const MOST_NAME: usize = 63;

/// The kernel's algorithms.
pub struct Crypto {
    names: HashSet<String>,
    /// The types of which AF_ALG has found an algorithm: without the module of a type it finds none.
    types: HashSet<&'static str>,
}

impl Crypto {
    pub fn read(files: &Files) -> Self {
        let text = files.read("proc/crypto").unwrap_or_default();
        let name = |line: &str| {
            let (field, value) = line.split_once(':')?;
            (field.trim() == "name").then(|| value.trim().to_owned())
        };
        Self { names: text.lines().filter_map(name).collect(), types: HashSet::new() }
    }

    pub fn has(&mut self, algorithm: &Algorithm) -> Presence {
        if self.names.contains(algorithm.kernel) {
            return Presence::There;
        }
        let (kind, sample) = match algorithm.kind {
            AlgorithmKind::Auth => ("hash", "hmac(sha256)"),
            AlgorithmKind::Crypt => ("skcipher", "cbc(aes)"),
            AlgorithmKind::Aead => ("aead", "gcm(aes)"),
            AlgorithmKind::Comp => return Presence::Unknown,
        };
        match is_found(kind, algorithm.kernel) {
            Some(true) => {
                self.types.insert(kind);
                Presence::There
            }
            Some(false) if self.types.contains(kind) || is_found(kind, sample) == Some(true) => {
                Presence::Lacking(None)
            }
            Some(false) | None => Presence::Unknown,
        }
    }
}

/// Whether AF_ALG finds an algorithm; none if it cannot be asked.
fn is_found(kind: &str, name: &str) -> Option<bool> {
    if name.len() > MOST_NAME {
        return None;
    }
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Alg, SockType::SeqPacket, flags, None).ok()?;
    match bind(socket.as_raw_fd(), &AlgAddr::new(kind, name)) {
        Ok(()) => Some(true),
        Err(Errno::ENOENT) => Some(false),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_is_there() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("proc")).unwrap();
        let text =
            "name         : cbc(aes)\ndriver       : cbc-aes-aesni\n\nname         : deflate\n";
        std::fs::write(root.path().join("proc/crypto"), text).unwrap();
        let mut crypto = Crypto::read(&Files::below(root.path(), "6.1"));
        let row = |kind, name| Algorithm::by_name(kind, name).unwrap();
        assert_eq!(crypto.has(row(AlgorithmKind::Crypt, "aes-cbc")), Presence::There);
        assert_eq!(crypto.has(row(AlgorithmKind::Comp, "deflate")), Presence::There);
        assert_eq!(crypto.has(row(AlgorithmKind::Comp, "lzs")), Presence::Unknown);
    }

    #[test]
    fn a_name_that_no_kernel_has_is_not_there() {
        assert_ne!(is_found("skcipher", "cbc(nonsense)"), Some(true));
        assert_eq!(is_found("skcipher", &"x".repeat(100)), None);
    }
}
