use hmac::{Hmac, KeyInit, Mac};
use model::Key;
use sha2::Sha256;
use sys::memory::wipe_stack;
use zeroize::Zeroizing;

/// How many bytes of a MAC are printed: enough that two keys of a host have not the same by chance.
const BYTES: usize = 8;

/// Makes the fingerprints of keys: MACs with a secret that only root can read, so that they do not help
/// to guess a key.
#[derive(Clone)]
pub struct Fingerprints {
    mac: Hmac<Sha256>,
}

impl Fingerprints {
    /// Fingerprints by this secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        // A block of SHA-256: HMAC appends zeros to a shorter secret.
        let mut block = Zeroizing::new([0; 64]);
        block[..secret.len()].copy_from_slice(secret);
        Self { mac: Hmac::new((&*block).into()) }
    }

    /// Names the secret: fingerprints can be compared if their scopes are the same.
    #[must_use]
    pub fn scope(&self) -> String {
        self.digits(b"scope", &[])
    }

    /// The fingerprint of a key; none for an empty one.
    #[must_use]
    pub fn of(&self, key: &Key) -> Option<String> {
        (!key.bytes().is_empty()).then(|| self.digits(b"key", key.bytes()))
    }

    fn digits(&self, purpose: &[u8], bytes: &[u8]) -> String {
        let begin = self.begin(purpose, bytes);
        wipe_stack();
        begin.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }

    /// The first bytes of the MAC. The block that is hashed has the key: it is in this frame, which the caller wipes.
    #[inline(never)]
    fn begin(&self, purpose: &[u8], bytes: &[u8]) -> [u8; BYTES] {
        let mac = self.mac.clone().chain_update(purpose).chain_update([0]).chain_update(bytes);
        let mac = mac.finalize().into_bytes();
        std::array::from_fn(|place| mac[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(byte: u8) -> Fingerprints {
        Fingerprints::new(&[byte; 32])
    }

    #[test]
    fn a_fingerprint_is_that_of_the_key_and_the_secret() {
        let key = |text: &[u8]| Key::new(text.to_vec());
        let of = |secret, text| by(secret).of(&key(text)).unwrap();
        assert_eq!(of(1, b"sixteen byte key"), of(1, b"sixteen byte key"));
        assert_ne!(of(1, b"sixteen byte key"), of(1, b"sixteen byte kez"));
        assert_ne!(of(1, b"sixteen byte key"), of(2, b"sixteen byte key"));
        assert_eq!(by(1).of(&key(b"")), None);
        assert_eq!(by(1).scope(), by(1).scope());
        assert_ne!(by(1).scope(), by(2).scope());
        // printf 'key\0sixteen byte key' | openssl mac -digest SHA256 -macopt hexkey:0101... HMAC
        assert_eq!(of(1, b"sixteen byte key"), "8d2d4fe6e8a36c98");
    }
}
