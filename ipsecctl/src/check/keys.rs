//! Keys that several SAs have, and keys that can be guessed.

use std::collections::{HashMap, hash_map::Entry};

use grammar::Part;
use model::{Key, Keyed, Sa};

use super::{
    code::Code,
    context::TablesInContext,
    entry::{PlacedFinding, SaAt},
};

/// Bytes. Shorter keys consist of printable characters by chance.
const LEAST_OF_TEXT: usize = 12;

/// The first bytes of the keys of the IPsec HOWTO, of setkey(8) and of KAME's examples, which many copy.
const PUBLISHED: [&[u8]; 4] = [
    &[
        0xc0, 0x29, 0x1f, 0xf0, 0x14, 0xdc, 0xcd, 0xd0, 0x38, 0x74, 0xd9, 0xe8, 0xe4, 0xcd, 0xf3,
        0xe6,
    ],
    &[
        0x96, 0x35, 0x8c, 0x90, 0x78, 0x3b, 0xbf, 0xa3, 0xd7, 0xb1, 0x96, 0xce, 0xab, 0xe0, 0x53,
        0x6b,
    ],
    &[
        0x7a, 0xea, 0xca, 0x3f, 0x87, 0xd0, 0x60, 0xa1, 0x2f, 0x4a, 0x44, 0x87, 0xd5, 0xa5, 0xc3,
        0x35,
    ],
    &[
        0xf6, 0xdd, 0xb5, 0x55, 0xac, 0xfd, 0x9d, 0x77, 0xb0, 0x3e, 0xa3, 0x84, 0x3f, 0x26, 0x53,
        0x25,
    ],
];

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let mut seen = Seen::default();
    let sas = context.tables.sas.iter();
    sas.flat_map(|at| seen.reused(at).into_iter().chain(guessable(at)).collect::<Vec<_>>())
        .collect()
}

fn parts(sa: &Sa) -> impl Iterator<Item = (Part, &Keyed)> {
    let crypt = sa.crypt.iter().chain(&sa.aead).map(|keyed| (Part::EncryptionKey, keyed));
    let all = crypt.chain(sa.auth.iter().map(|keyed| (Part::AuthenticationKey, keyed)));
    all.filter(|(_, keyed)| keyed.key.bits() > 0)
}

/// The SA that had a key first.
#[derive(Default)]
struct Seen<'a> {
    /// Keys with their salts.
    nonces: HashMap<&'a [u8], &'a SaAt>,
    /// Keys without salts.
    keys: HashMap<&'a [u8], &'a SaAt>,
}

impl<'a> Seen<'a> {
    /// The worst of what an SA's keys have in common with those before.
    fn reused(&mut self, at: &'a SaAt) -> Option<PlacedFinding> {
        let mut found: Option<(Code, Part, String)> = None;
        for (part, keyed) in parts(&at.entry.sa) {
            let (key, salted) = (without_salt(keyed), keyed.key.bytes());
            let counts = keyed.algorithm.is_counter_mode();
            let nonce = counts.then(|| first(&mut self.nonces, salted, at)).flatten();
            let reused = first(&mut self.keys, key, at);
            let new = match (nonce, reused) {
                (Some(other), _) => {
                    let other = other.name_for(&at.origin);
                    let message =
                        format!("the key and salt are those of {other}: nonces may repeat");
                    Some((Code::ReusedNonce, part, message))
                }
                (None, Some(other)) if std::ptr::eq(other, at) => {
                    let message = "the authentication key is the encryption key".to_owned();
                    Some((Code::ReusedKey, part, message))
                }
                (None, Some(other)) => {
                    let message = format!("the key is that of {}", other.name_for(&at.origin));
                    Some((Code::ReusedKey, part, message))
                }
                (None, None) => None,
            };
            found = found.or(new);
        }
        found.map(|(code, part, message)| at.finding(code, part, &message))
    }
}

/// The SA that had this first, if one had; otherwise it is `at` from now on.
fn first<'a>(
    seen: &mut HashMap<&'a [u8], &'a SaAt>,
    key: &'a [u8],
    at: &'a SaAt,
) -> Option<&'a SaAt> {
    match seen.entry(key) {
        Entry::Occupied(first) => Some(first.get()),
        Entry::Vacant(place) => {
            place.insert(at);
            None
        }
    }
}

fn without_salt(keyed: &Keyed) -> &[u8] {
    let key = keyed.key.bytes();
    let salt = usize::from(keyed.algorithm.key_bits.salt) / 8;
    &key[..key.len().saturating_sub(salt)]
}

/// The first key of an SA that can be guessed.
fn guessable(at: &SaAt) -> Option<PlacedFinding> {
    parts(&at.entry.sa).find_map(|(part, keyed)| {
        let (code, message) = weakness(&keyed.key)?;
        Some(at.finding(code, part, message))
    })
}

fn weakness(key: &Key) -> Option<(Code, &'static str)> {
    let bytes = key.bytes();
    if PUBLISHED.iter().any(|published| bytes.starts_with(published)) {
        return Some((Code::PublishedKey, "the key is that of a well-known example"));
    }
    let steps = |by: u8| bytes.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(by));
    let is_text =
        bytes.len() >= LEAST_OF_TEXT && bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    if is_text {
        return Some((Code::GuessableKey, "the key is a text"));
    }
    if bytes.len() > 1 && steps(0) {
        return Some((Code::GuessableKey, "all bytes of the key are equal"));
    }
    // Also `00112233...` of RFCs.
    (bytes.len() > 1 && (steps(1) || steps(0x11)))
        .then_some((Code::GuessableKey, "the bytes of the key are a count"))
}
