//! What AF_KEY offers: the algorithms of a REGISTER reply and of an ACQUIRE's proposal.

use model::Proto;

use crate::ext::{Algorithm, Comb, Lifetime, Proposal};

const fn row(id: u8, iv_len: u8, min_bits: u16, max_bits: u16) -> Algorithm {
    Algorithm { id, iv_len, min_bits, max_bits }
}

/// `aalg_list` of net/xfrm/xfrm_algo.c as far as AF_KEY knows it, in its order. A kernel without
/// the module of one does not have it.
pub const REGISTERED_AUTH: [Algorithm; 8] = [
    row(251, 0, 0, 0),
    row(2, 0, 128, 128),
    row(3, 0, 160, 160),
    row(5, 0, 256, 256),
    row(6, 0, 384, 384),
    row(7, 0, 512, 512),
    row(8, 0, 160, 160),
    row(9, 0, 128, 128),
];

/// `ealg_list` likewise.
pub const REGISTERED_ENCRYPT: [Algorithm; 10] = [
    row(11, 0, 0, 0),
    row(2, 8, 64, 64),
    row(3, 8, 192, 192),
    row(6, 8, 40, 128),
    row(7, 8, 40, 448),
    row(12, 8, 128, 256),
    row(252, 8, 128, 256),
    row(22, 8, 128, 256),
    row(253, 8, 128, 256),
    row(13, 8, 160, 288),
];

/// Seconds that AF_KEY proposes (`dump_ah_combs`): a day and eight hours, twenty hours and seven.
const HARD: Lifetime =
    Lifetime { allocations: 0, bytes: 0, add_time: 24 * 3600, use_time: 8 * 3600 };
const SOFT: Lifetime =
    Lifetime { allocations: 0, bytes: 0, add_time: 20 * 3600, use_time: 7 * 3600 };

/// The window that it proposes, packets.
const REPLAY: u8 = 32;

impl Proposal {
    /// What AF_KEY proposes for a policy's request: for ESP each cipher with each authentication,
    /// for AH each authentication, for others nothing. The masks are the template's
    /// (`xfrm_user_tmpl`, `aalgos` and `ealgos`): bit `id` allows the algorithm of that number, and
    /// those from 32 on are never allowed. They are 0 in a policy that came by PF_KEY or setkey.
    #[must_use]
    pub fn offered(proto: Proto, auth_mask: u32, encrypt_mask: u32) -> Option<Self> {
        let auth = allowed(&REGISTERED_AUTH, auth_mask);
        let encrypt = allowed(&REGISTERED_ENCRYPT, encrypt_mask);
        let combs = match proto {
            Proto::Ah => auth.map(|auth| comb(auth, None)).collect(),
            Proto::Esp => encrypt
                .flat_map(|encrypt| auth.clone().map(move |auth| comb(auth, Some(encrypt))))
                .collect(),
            _ => return None,
        };
        Some(Self { replay: REPLAY, combs })
    }
}

fn allowed(algorithms: &[Algorithm], mask: u32) -> impl Iterator<Item = Algorithm> + Clone {
    let bit = |id: u8| 1_u32.checked_shl(id.into()).unwrap_or(0);
    algorithms.iter().copied().filter(move |algorithm| mask & bit(algorithm.id) != 0)
}

fn comb(auth: Algorithm, encrypt: Option<Algorithm>) -> Comb {
    let encrypt = encrypt.unwrap_or(row(0, 0, 0, 0));
    Comb {
        auth: auth.id,
        encrypt: encrypt.id,
        flags: 0,
        auth_min_bits: auth.min_bits,
        auth_max_bits: auth.max_bits,
        encrypt_min_bits: encrypt.min_bits,
        encrypt_max_bits: encrypt.max_bits,
        soft: SOFT,
        hard: HARD,
    }
}
