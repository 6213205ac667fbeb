//! `xfrm_algo`, `xfrm_algo_auth` and `xfrm_algo_aead`: kernel name, key length in bits (salt
//! included), ICV length in bits, key.

use model::{Algorithm, AlgorithmKind, Attribute, Key, Keyed};
use netlink_packet_xfrm::{Alg, AlgAead, AlgAuth, XFRM_ALG_NAME_LEN, XfrmAttrs, XfrmMessage};
use zeroize::Zeroize;

use super::{cut, raw};

pub(super) fn auth(keyed: &Keyed) -> XfrmAttrs {
    XfrmAttrs::AuthenticationAlgTrunc(AlgAuth {
        alg_name: name_field(keyed.algorithm),
        alg_key_len: bits(keyed),
        alg_trunc_len: keyed.icv_bits.into(),
        alg_key: cut(keyed.key.bytes()),
    })
}

pub(super) fn crypt(keyed: &Keyed) -> XfrmAttrs {
    XfrmAttrs::EncryptionAlg(Alg {
        alg_name: name_field(keyed.algorithm),
        alg_key_len: bits(keyed),
        alg_key: cut(keyed.key.bytes()),
    })
}

pub(super) fn aead(keyed: &Keyed) -> XfrmAttrs {
    XfrmAttrs::EncryptionAlgAead(AlgAead {
        alg_name: name_field(keyed.algorithm),
        alg_key_len: bits(keyed),
        alg_icv_len: keyed.icv_bits.into(),
        alg_key: cut(keyed.key.bytes()),
    })
}

pub(super) fn comp(algorithm: &Algorithm) -> XfrmAttrs {
    XfrmAttrs::CompressionAlg(Alg {
        alg_name: name_field(algorithm),
        alg_key_len: 0,
        alg_key: Vec::new(),
    })
}

/// Wipes the keys of a message that adds or updates an SA.
pub(crate) fn wipe(message: &mut XfrmMessage) {
    match message {
        XfrmMessage::AddSa(sa) | XfrmMessage::UpdateSa(sa) => sa.nlas.iter_mut().for_each(wipe_key),
        XfrmMessage::Other((_, object)) => object.zeroize(),
        _ => {}
    }
}

/// Wipes the key of an attribute that holds one.
pub(super) fn wipe_key(attribute: &mut XfrmAttrs) {
    match attribute {
        XfrmAttrs::AuthenticationAlg(auth) => auth.alg_key.zeroize(),
        XfrmAttrs::AuthenticationAlgTrunc(auth) => auth.alg_key.zeroize(),
        XfrmAttrs::EncryptionAlg(crypt) => crypt.alg_key.zeroize(),
        XfrmAttrs::EncryptionAlgAead(aead) => aead.alg_key.zeroize(),
        _ => {}
    }
}

/// Whether an attribute holds a key of nothing but zeros, which a kernel in lockdown shows instead of
/// the key (`xfrm_redact`, net/xfrm/xfrm_user.c).
pub(super) fn is_redacted(attribute: &XfrmAttrs) -> bool {
    let key = match attribute {
        XfrmAttrs::AuthenticationAlg(auth) => &auth.alg_key,
        XfrmAttrs::AuthenticationAlgTrunc(auth) => &auth.alg_key,
        XfrmAttrs::EncryptionAlg(crypt) => &crypt.alg_key,
        XfrmAttrs::EncryptionAlgAead(aead) => &aead.alg_key,
        _ => return false,
    };
    !key.is_empty() && key.iter().all(|&byte| byte == 0)
}

/// The algorithms of an SA, gathered from its attributes.
#[derive(Debug, Default)]
pub(super) struct Algorithms {
    /// Whether it has any.
    pub(super) any: bool,
    pub(super) auth: Option<Keyed>,
    pub(super) crypt: Option<Keyed>,
    pub(super) aead: Option<Keyed>,
    pub(super) comp: Option<&'static Algorithm>,
    /// Those of them that the model has not exactly, such as a key that is no whole number of bytes.
    pub(super) raw: Vec<Attribute>,
}

impl Algorithms {
    /// Takes an attribute that holds an algorithm, and gives back any other. Every key becomes a
    /// [`Key`], so that it is wiped.
    pub(super) fn take(&mut self, attribute: XfrmAttrs) -> Option<XfrmAttrs> {
        let Some(is_exact) = is_exact(&attribute) else { return Some(attribute) };
        let whole = raw(&attribute);
        let is_read = match attribute {
            XfrmAttrs::AuthenticationAlgTrunc(auth) => {
                let key = key(auth.alg_key, auth.alg_key_len);
                self.auth = with_icv(AlgorithmKind::Auth, &auth.alg_name, auth.alg_trunc_len, key);
                self.auth.is_some()
            }
            // Dumps have it as well, for readers that know nothing of ICV lengths.
            XfrmAttrs::AuthenticationAlg(auth) => {
                let key = key(auth.alg_key, auth.alg_key_len);
                let row = name(&auth.alg_name)
                    .and_then(|name| Algorithm::by_kernel(AlgorithmKind::Auth, name, 0));
                let icv_bits = row.map_or(0, |row| row.icv_bits.into());
                let read = with_icv(AlgorithmKind::Auth, &auth.alg_name, icv_bits, key);
                self.auth = self.auth.take().or(read);
                true
            }
            XfrmAttrs::EncryptionAlg(crypt) => {
                let key = key(crypt.alg_key, crypt.alg_key_len);
                self.crypt = with_icv(AlgorithmKind::Crypt, &crypt.alg_name, 0, key);
                self.crypt.is_some()
            }
            XfrmAttrs::EncryptionAlgAead(aead) => {
                let key = key(aead.alg_key, aead.alg_key_len);
                self.aead = with_icv(AlgorithmKind::Aead, &aead.alg_name, aead.alg_icv_len, key);
                self.aead.is_some()
            }
            XfrmAttrs::CompressionAlg(comp) => {
                self.comp = name(&comp.alg_name).and_then(|name| {
                    let row = Algorithm::by_kernel(AlgorithmKind::Comp, name, 0);
                    row.or_else(|| Algorithm::of_kernel(AlgorithmKind::Comp, name))
                });
                self.comp.is_some()
            }
            other => return Some(other),
        };
        if !(is_exact && is_read) {
            self.raw.push(whole);
        }
        self.any = true;
        None
    }
}

fn bits(keyed: &Keyed) -> u32 {
    keyed.key.bits().try_into().unwrap_or(u32::MAX)
}

fn name_field(algorithm: &Algorithm) -> [u8; XFRM_ALG_NAME_LEN] {
    let mut field = [0; XFRM_ALG_NAME_LEN];
    for (to, from) in field.iter_mut().zip(algorithm.kernel.bytes()) {
        *to = from;
    }
    field
}

/// The name of an algorithm, if it is text.
fn name(field: &[u8]) -> Option<&str> {
    str::from_utf8(field.split(|&byte| byte == 0).next()?).ok()
}

/// Whether the model has all that this attribute of an algorithm contains, if it is one.
fn is_exact(attribute: &XfrmAttrs) -> Option<bool> {
    let (name, bits): (&[u8], u32) = match attribute {
        XfrmAttrs::AuthenticationAlgTrunc(auth) => (&auth.alg_name, auth.alg_key_len),
        XfrmAttrs::AuthenticationAlg(_) => return Some(true),
        XfrmAttrs::EncryptionAlg(crypt) => (&crypt.alg_name, crypt.alg_key_len),
        XfrmAttrs::EncryptionAlgAead(aead) => (&aead.alg_name, aead.alg_key_len),
        // No compression has a key.
        XfrmAttrs::CompressionAlg(comp) if comp.alg_key_len != 0 => return Some(false),
        XfrmAttrs::CompressionAlg(comp) => (&comp.alg_name, 0),
        _ => return None,
    };
    Some(str::from_utf8(name).is_ok() && bits.is_multiple_of(u8::BITS))
}

/// An algorithm with the ICV that the kernel states; none where the model has no name or number for it.
fn with_icv(kind: AlgorithmKind, field: &[u8], icv_bits: u32, key: Key) -> Option<Keyed> {
    Keyed::of_kernel(kind, name(field)?, icv_bits.try_into().ok()?, key)
}

fn key(mut bytes: Vec<u8>, bits: u32) -> Key {
    bytes.truncate(usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX));
    Key::new(bytes)
}
