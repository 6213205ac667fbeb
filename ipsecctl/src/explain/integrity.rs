//! Whether the integrity check value of a captured packet is that of its SA. The kernel computes it (AF_ALG).

use explain::Integrity;
use model::{Keyed, Sa};
use sys::kernel_crypto::{Sealed, authenticate, is_authentic};

/// Bits of the integrity check values of RFC 2404, 4106, 4868 and 7634, and of Linux before those.
const LENGTHS: [u16; 5] = [64, 96, 128, 192, 256];

/// Bytes of SPI and sequence number, before the initialization vector.
const HEADER: usize = 8;

/// Algorithms of encryption and authentication in one whose initialization vector has eight bytes in the packet.
const COUNTER_MODES: [&str; 4] = ["rfc4106(", "rfc4309(", "rfc4543(", "rfc7539esp("];
const IV: usize = 8;

/// Looks at ESP, from its header on; none: the SA does not authenticate, its device has undone what was captured, or the
/// kernel computes nothing for programs.
pub fn of(esp: &[u8], sa: &Sa) -> Option<Integrity> {
    let keyed = sa.aead.as_ref().or(sa.auth.as_ref()).filter(|_| sa.offload.is_none())?;
    let fits = |bits: u16, upper: Option<u32>| match sa.aead {
        Some(_) => fits_aead(esp, keyed, bits, upper),
        None => fits_auth(esp, keyed, bits, upper),
    };
    let own = keyed.icv_bits;
    let esn = |upper| fits(own, Some(upper));
    let [next, now] = upper_halves(sa, esp)?;
    let is_right = if sa.esn { esn(next)? || esn(now)? } else { fits(own, None)? };
    if is_right {
        return Some(Integrity::Right);
    }
    let is_otherwise = if sa.esn { fits(own, None)? } else { esn(0)? };
    if is_otherwise {
        return Some(Integrity::OtherEsn);
    }
    let upper = sa.esn.then_some(next);
    let mut others = LENGTHS.into_iter().filter(|bits| *bits != own);
    let other = others.find(|bits| fits(*bits, upper) == Some(true));
    Some(other.map_or(Integrity::Wrong, Integrity::OtherLength))
}

/// `upper`: the upper half of an extended sequence number.
fn fits_auth(esp: &[u8], keyed: &Keyed, bits: u16, upper: Option<u32>) -> Option<bool> {
    let (bytes, icv) = parted(esp, bits)?;
    let mut authenticated = bytes.to_vec();
    authenticated.extend(upper.into_iter().flat_map(u32::to_be_bytes));
    let code = authenticate(keyed.algorithm.kernel, keyed.key.bytes(), &authenticated).ok()?;
    Some(!icv.is_empty() && code.get(..icv.len()) == Some(icv))
}

fn fits_aead(esp: &[u8], keyed: &Keyed, bits: u16, upper: Option<u32>) -> Option<bool> {
    let kernel = keyed.algorithm.kernel;
    if !COUNTER_MODES.iter().any(|name| kernel.starts_with(name)) {
        return None;
    }
    let (_, icv) = parted(esp, bits)?;
    let (spi, sequence) = (esp.get(..4)?, esp.get(4..HEADER)?);
    let iv = esp.get(HEADER..HEADER + IV)?;
    let mut associated = spi.to_vec();
    associated.extend(upper.into_iter().flat_map(u32::to_be_bytes));
    associated.extend(sequence);
    associated.extend(iv);
    let bytes = esp.get(HEADER + IV..)?;
    let sealed = Sealed { iv, associated: &associated, bytes, icv: icv.len() };
    is_authentic(kernel, keyed.key.bytes(), sealed).ok()
}

/// The packet without its integrity check value of so many bits, and that.
fn parted(esp: &[u8], bits: u16) -> Option<(&[u8], &[u8])> {
    let length = esp.len().checked_sub(usize::from(bits) / 8)?;
    Some(esp.split_at(length)).filter(|_| length >= HEADER)
}

/// The upper half of an extended sequence number, which is not sent: as the kernel guesses it (`xfrm_replay_seqhi`), and that of
/// the last packet, since a capture may be older.
fn upper_halves(sa: &Sa, esp: &[u8]) -> Option<[u32; 2]> {
    let sequence = u32::from_be_bytes(esp.get(4..HEADER)?.try_into().ok()?);
    let received = sa.replay_state.received;
    let halves = [received & u64::from(u32::MAX), received >> 32];
    let [top, now] = halves.map(|half| u32::try_from(half).unwrap_or_default());
    let bottom = top.wrapping_sub(sa.replay_window).wrapping_add(1);
    let next = if top >= sa.replay_window.wrapping_sub(1) {
        now.wrapping_add(u32::from(sequence < bottom))
    } else {
        now.wrapping_sub(u32::from(sequence >= bottom))
    };
    Some([next, now])
}
