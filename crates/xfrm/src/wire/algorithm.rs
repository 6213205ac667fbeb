//! `xfrm_algo`, `xfrm_algo_auth` and `xfrm_algo_aead`: kernel name, key length in bits (salt
//! included), ICV length in bits, key.

use model::{Algorithm, AlgorithmKind, Key, Keyed};
use netlink_packet_xfrm::{Alg, AlgAead, AlgAuth, XFRM_ALG_NAME_LEN, XfrmAttrs, XfrmMessage};
use zeroize::Zeroize;

use super::cut;

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
    /// Whether it has any, known to the table or not.
    pub(super) any: bool,
    pub(super) auth: Option<Keyed>,
    pub(super) crypt: Option<Keyed>,
    pub(super) aead: Option<Keyed>,
    pub(super) comp: Option<&'static Algorithm>,
}

impl Algorithms {
    /// Takes an attribute that holds an algorithm, and gives back any other. Every key becomes a
    /// [`Key`], known algorithm or not, so that it is wiped.
    pub(super) fn take(&mut self, attribute: XfrmAttrs) -> Option<XfrmAttrs> {
        match attribute {
            XfrmAttrs::AuthenticationAlgTrunc(auth) => {
                let key = key(auth.alg_key, auth.alg_key_len);
                self.auth = with_icv(AlgorithmKind::Auth, &auth.alg_name, auth.alg_trunc_len, key);
            }
            // Dumps hold XFRMA_ALG_AUTH as well, for readers that know nothing of ICV lengths.
            XfrmAttrs::AuthenticationAlg(auth) => {
                let key = key(auth.alg_key, auth.alg_key_len);
                let algorithm = known(AlgorithmKind::Auth, &auth.alg_name, 0);
                self.auth = self.auth.take().or(algorithm.map(|found| Keyed::new(found, key)));
            }
            XfrmAttrs::EncryptionAlg(crypt) => {
                let key = key(crypt.alg_key, crypt.alg_key_len);
                self.crypt = with_icv(AlgorithmKind::Crypt, &crypt.alg_name, 0, key);
            }
            XfrmAttrs::EncryptionAlgAead(aead) => {
                let key = key(aead.alg_key, aead.alg_key_len);
                self.aead = with_icv(AlgorithmKind::Aead, &aead.alg_name, aead.alg_icv_len, key);
            }
            XfrmAttrs::CompressionAlg(comp) => {
                self.comp = known(AlgorithmKind::Comp, &comp.alg_name, 0);
            }
            other => return Some(other),
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

fn known(kind: AlgorithmKind, field: &[u8], icv_bits: u16) -> Option<&'static Algorithm> {
    let name = field.split(|&byte| byte == 0).next()?;
    Algorithm::by_kernel(kind, std::str::from_utf8(name).ok()?, icv_bits)
}

/// An algorithm with the ICV that the kernel states, which need not be one of the table's.
fn with_icv(kind: AlgorithmKind, field: &[u8], icv_bits: u32, key: Key) -> Option<Keyed> {
    let icv_bits = icv_bits.try_into().unwrap_or(u16::MAX);
    known(kind, field, icv_bits).map(|algorithm| Keyed { algorithm, key, icv_bits })
}

fn key(mut bytes: Vec<u8>, bits: u32) -> Key {
    bytes.truncate(usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX));
    Key::new(bytes)
}
