//! The secret by which the keys of SAs get their fingerprints (docs/adr/). It lives as long as the network
//! namespace, so that fingerprints of its dumps can be compared.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
};

use rustix::{
    fs::OFlags,
    rand::{GetRandomFlags, getrandom},
};
use zeroize::Zeroizing;

use super::{files, lock};
use crate::{Error, Namespace};

/// The file in a namespace's directory: its cookie, and the secret in hexadecimal digits.
const FILE: &str = "fingerprint.secret";

/// Longer than any line of the file, in bytes.
const MOST: u64 = 128;

/// A secret, in bytes.
pub type FingerprintSecret = Zeroizing<[u8; 32]>;

impl Namespace {
    /// The secret of this namespace, which is made when it is needed first. Where it cannot be read or
    /// kept, it is one of this process alone: its fingerprints are like no others.
    #[must_use]
    pub fn fingerprint_secret(&self) -> FingerprintSecret {
        let path = self.directory().join(FILE);
        if let Ok(Some(secret)) = files::open_existing(&path).and_then(|file| self.read(file)) {
            return secret;
        }
        match self.make_secret() {
            Ok(secret) => secret,
            Err(error) => {
                match error {
                    Error::Run { source, .. }
                        if source.kind() == io::ErrorKind::PermissionDenied => {}
                    Error::Run { path, source } => files::warn_once(&path, &source),
                    error => files::warn_once(&path, &error),
                }
                at_random()
            }
        }
    }

    fn make_secret(&self) -> Result<FingerprintSecret, Error> {
        self.make()?;
        let path = self.directory().join(FILE);
        let failed = |source| Error::run(&path, source);
        let mut file = files::open_private(&path, OFlags::RDWR).map_err(failed)?;
        lock::wait_exclusive(&file, &path, lock::LIMIT)?;
        // Another process may have made it meanwhile.
        if let Some(secret) = self.read(file.try_clone().map_err(failed)?).map_err(failed)? {
            return Ok(secret);
        }
        let secret = at_random();
        self.write(&mut file, &secret).map_err(failed)?;
        Ok(secret)
    }

    /// The secret in the file; none in an empty one, a damaged one, and that of a former namespace of the
    /// same number.
    fn read(&self, file: File) -> io::Result<Option<FingerprintSecret>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        file.take(MOST).read_to_end(&mut bytes)?;
        let line = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
        let Some((cookie, digits)) = line.and_then(|line| line.split_once(' ')) else {
            return Ok(None);
        };
        let is_ours = cookie.parse() == Ok(self.cookie);
        Ok(if is_ours { secret_of_digits(digits) } else { None })
    }

    fn write(&self, file: &mut File, secret: &FingerprintSecret) -> io::Result<()> {
        let mut line = Zeroizing::new(Vec::with_capacity(128));
        write!(line, "{} ", self.cookie)?;
        secret.iter().try_for_each(|byte| write!(line, "{byte:02x}"))?;
        line.push(b'\n');
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(&line)
    }
}

fn secret_of_digits(digits: &str) -> Option<FingerprintSecret> {
    let mut secret = FingerprintSecret::default();
    if digits.len() != 2 * secret.len() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(secret)
}

fn at_random() -> FingerprintSecret {
    let mut secret = FingerprintSecret::default();
    let filled = getrandom(&mut secret[..], GetRandomFlags::empty());
    assert_eq!(filled, Ok(secret.len()), "getrandom(2) gives 32 bytes at once");
    secret
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, thread};

    use super::*;

    #[test]
    fn a_namespace_has_one_secret() {
        let root = tempfile::tempdir().unwrap();
        let mut namespace = Namespace::within(root.path());
        let secrets = thread::scope(|scope| {
            let threads = [(); 8].map(|()| scope.spawn(|| namespace.fingerprint_secret()));
            threads.map(|thread| thread.join().unwrap())
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0] && **secret != [0; 32]));
        let mode = fs::metadata(namespace.directory().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        namespace.cookie += 1;
        assert_ne!(namespace.fingerprint_secret(), secrets[0]);
    }

    #[test]
    fn a_damaged_secret_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        let first = namespace.fingerprint_secret();
        let path = namespace.directory().join(FILE);
        for damage in ["", "1", "x y\n", &format!("{} {}\n", namespace.cookie, "é".repeat(32))] {
            fs::write(&path, damage).unwrap();
            let secret = namespace.fingerprint_secret();
            assert_ne!(secret, first, "{damage:?}");
            assert_eq!(namespace.fingerprint_secret(), secret, "{damage:?}");
        }
    }

    #[test]
    fn where_none_can_be_kept_each_is_another() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        namespace.make().unwrap();
        fs::create_dir(namespace.directory().join(FILE)).unwrap();
        assert_ne!(namespace.fingerprint_secret(), namespace.fingerprint_secret());
    }
}
