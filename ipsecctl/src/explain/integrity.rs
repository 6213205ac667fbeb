//! Whether the integrity check value of a captured packet is that of its SA, and what ESP is decrypted to. The kernel computes
//! it (AF_ALG).

use std::collections::BTreeSet;

use explain::{Authenticated, ESP_HEADER, Integrity, iv_length};
use model::{ALGORITHMS, Cipher, Keyed, Sa, SaFlags};
use sys::kernel_crypto::{Decrypted, Sealed, authenticate, decrypt, open};
use zeroize::Zeroizing;

/// Looks at ESP, from its header on; none: the SA does not authenticate, its device has undone what was captured, or the
/// kernel computes nothing for programs.
pub fn of_esp(esp: &[u8], sa: &Sa) -> Option<Integrity> {
    let keyed = sa.aead.as_ref().or(sa.auth.as_ref()).filter(|_| sa.offload.is_none())?;
    let fits = |bits: u16, upper: Option<u32>| match sa.aead {
        Some(_) => Some(opened(esp, (keyed, iv_length(sa)?), bits, upper)?.is_some()),
        None => fits_auth(esp, keyed, bits, upper),
    };
    judged(sa, sequence(esp)?, keyed.icv_bits, fits)
}

/// Looks at AH; none: as of ESP.
pub fn of_ah(ah: &Authenticated, sa: &Sa) -> Option<Integrity> {
    let keyed = sa.auth.as_ref().filter(|_| sa.offload.is_none())?;
    let is_by_4 = sa.flags.contains(SaFlags::ALIGN_4) && sa.ends.dst().is_ipv4();
    let multiple = if is_by_4 { 4 } else { 8 };
    let fits = |bits: u16, upper: Option<u32>, src| {
        let icv = usize::from(bits) / 8;
        let Some((mut bytes, code)) = ah.parted(icv, src) else { return Some(false) };
        bytes.extend(upper.into_iter().flat_map(u32::to_be_bytes));
        let computed = authenticate(keyed.algorithm.kernel, keyed.key.bytes(), &bytes).ok()?;
        // The header has room for the whole code, or for what is sent of it.
        let mut lengths = [computed.len(), icv].into_iter().map(|it| Authenticated::HEADER + it);
        let has_length = lengths.any(|it| it.next_multiple_of(multiple) == ah.header_length());
        Some(has_length && icv > 0 && computed.get(..icv) == Some(&code[..]))
    };
    let (sequence, own) = (ah.sequence()?, keyed.icv_bits);
    let judged = judged(sa, sequence, own, |bits, upper| fits(bits, upper, None))?;
    let upper = sa.esn.then(|| inferred(sa, sequence));
    let is_readdressed =
        judged == Integrity::Wrong && fits(own, upper, Some(sa.ends.src())) == Some(true);
    Some(if is_readdressed { Integrity::OtherSource } else { judged })
}

/// What ESP is decrypted to, by an SA whose integrity check it has passed; none: as of [`of_esp`], or the algorithm has an
/// initialization vector that is not known here.
pub fn decrypted(esp: &[u8], sa: &Sa) -> Option<Decrypted> {
    if sa.offload.is_some() {
        return None;
    }
    if let Some(keyed) = &sa.aead {
        let upper = if sa.esn { Some(inferred(sa, sequence(esp)?)) } else { None };
        return opened(esp, (keyed, iv_length(sa)?), keyed.icv_bits, upper)?;
    }
    let Keyed { algorithm, key, .. } = sa.crypt.as_ref()?;
    let (bytes, _) = parted(esp, sa.auth.as_ref().map_or(0, |auth| auth.icv_bits))?;
    if algorithm.cipher.is_some_and(Cipher::is_null) {
        return Some(Decrypted::unchanged(&bytes[ESP_HEADER..]));
    }
    let (iv, bytes) = bytes[ESP_HEADER..].split_at_checked(iv_length(sa)?)?;
    decrypt(algorithm.kernel, key.bytes(), iv, bytes).ok()
}

/// Whether a right integrity check value, or the lack of a key, shows that what is decrypted is what was sent.
pub fn is_key_proven(sa: &Sa) -> bool {
    let cipher = sa.crypt.as_ref().and_then(|keyed| keyed.algorithm.cipher);
    let is_null = cipher.is_some_and(Cipher::is_null);
    sa.aead.is_some() || is_null
}

/// What an integrity check value shows; `fits`: whether it has so many bits, with this upper half of an extended sequence
/// number.
fn judged(
    sa: &Sa,
    sequence: u32,
    own: u16,
    fits: impl Fn(u16, Option<u32>) -> Option<bool>,
) -> Option<Integrity> {
    let inferred = inferred(sa, sequence);
    let upper = sa.esn.then_some(inferred);
    if fits(own, upper)? {
        return Some(Integrity::Right);
    }
    if sa.esn {
        let now = upper_half(sa.replay_state.received);
        let uppers = [now, now.wrapping_sub(1), now.wrapping_add(1), 0, 1];
        let mut others = uppers.into_iter().filter(|upper| *upper != inferred);
        if let Some(sent) = others.find(|upper| fits(own, Some(*upper)) == Some(true)) {
            return Some(Integrity::OtherUpper { inferred, sent });
        }
    }
    if fits(own, if sa.esn { None } else { Some(0) })? {
        return Some(Integrity::OtherEsn);
    }
    let mut others = lengths().into_iter().filter(|bits| *bits != own);
    let other = others.find(|bits| fits(*bits, upper) == Some(true));
    Some(other.map_or(Integrity::Wrong, Integrity::OtherLength))
}

/// Bits of the integrity check values that algorithms have, the shortest first.
fn lengths() -> BTreeSet<u16> {
    ALGORITHMS.iter().map(|row| row.icv_bits).filter(|bits| *bits > 0).collect()
}

/// `upper`: the upper half of an extended sequence number.
fn fits_auth(esp: &[u8], keyed: &Keyed, bits: u16, upper: Option<u32>) -> Option<bool> {
    let (bytes, icv) = parted(esp, bits)?;
    // The packet may be inside of another one that was decrypted.
    let mut authenticated = Zeroizing::new(bytes.to_vec());
    authenticated.extend(upper.into_iter().flat_map(u32::to_be_bytes));
    let code = authenticate(keyed.algorithm.kernel, keyed.key.bytes(), &authenticated).ok()?;
    Some(!icv.is_empty() && code.get(..icv.len()) == Some(icv))
}

/// What an algorithm that encrypts and authenticates in one decrypts, with an initialization vector of so many bytes; none inside: its
/// integrity check value is not right.
fn opened(
    esp: &[u8],
    (keyed, iv_length): (&Keyed, usize),
    bits: u16,
    upper: Option<u32>,
) -> Option<Option<Decrypted>> {
    let kernel = keyed.algorithm.kernel;
    let (_, icv) = parted(esp, bits)?;
    let (spi, sequence) = (esp.get(..4)?, esp.get(4..ESP_HEADER)?);
    let iv = esp.get(ESP_HEADER..ESP_HEADER + iv_length)?;
    let mut associated = spi.to_vec();
    associated.extend(upper.into_iter().flat_map(u32::to_be_bytes));
    associated.extend(sequence);
    associated.extend(iv);
    let bytes = esp.get(ESP_HEADER + iv_length..)?;
    let sealed = Sealed { iv, associated: &associated, bytes, icv: icv.len() };
    open(kernel, keyed.key.bytes(), sealed).ok()
}

/// The packet without its integrity check value of so many bits, and that.
fn parted(esp: &[u8], bits: u16) -> Option<(&[u8], &[u8])> {
    let length = esp.len().checked_sub(usize::from(bits) / 8)?;
    Some(esp.split_at(length)).filter(|_| length >= ESP_HEADER)
}

fn sequence(esp: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(esp.get(4..ESP_HEADER)?.try_into().ok()?))
}

/// The upper half of an extended sequence number, which is not sent, as the kernel infers it (`xfrm_replay_seqhi`).
fn inferred(sa: &Sa, sequence: u32) -> u32 {
    let received = sa.replay_state.received;
    let now = upper_half(received);
    let top = u32::try_from(received & u64::from(u32::MAX)).unwrap_or_default();
    let bottom = top.wrapping_sub(sa.replay_window).wrapping_add(1);
    if top >= sa.replay_window.wrapping_sub(1) {
        now.wrapping_add(u32::from(sequence < bottom))
    } else {
        now.wrapping_sub(u32::from(sequence >= bottom))
    }
}

fn upper_half(number: u64) -> u32 {
    u32::try_from(number >> 32).unwrap_or_default()
}
