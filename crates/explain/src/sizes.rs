//! The length of a packet after an SA has transformed it (net/ipv4/esp4.c, net/ipv4/ah4.c and their
//! counterparts for IPv6).

use model::{Cipher, EncapKind, IpVersion, Mode, Proto, Sa, SaFlags};

use crate::Authenticated;

/// SPI and sequence number of ESP, before the initialization vector, bytes.
pub const ESP_HEADER: usize = 8;
/// The trailer of ESP without padding, bytes.
const ESP_TRAILER: usize = 2;

/// The length of an IP header without options, bytes.
pub fn ip_header(version: IpVersion) -> usize {
    match version {
        IpVersion::V4 => 20,
        IpVersion::V6 => 40,
    }
}

/// The length of a packet of `length` bytes, IP header included, after this SA; none if the kernel's cipher is
/// not known here, or packets are of no length of their own (`iptfs`). Of IPComp: if the packet is not compressed.
pub fn wrapped(sa: &Sa, inner: IpVersion, length: usize) -> Option<usize> {
    let outer = ip_header(IpVersion::of(sa.ends.dst()));
    // What is inside the new headers: the packet, or what follows its IP header.
    let (before, payload) = match sa.mode.installed() {
        Mode::Tunnel => (outer, length),
        Mode::Transport | Mode::Beet => (outer, length.saturating_sub(ip_header(inner))),
        Mode::RouteOptimization | Mode::InTrigger | Mode::IpTfs => return None,
    };
    let after = match sa.proto {
        Proto::Esp => esp(sa, payload)?,
        Proto::Ah => payload.checked_add(ah_header(sa))?,
        Proto::IpComp => payload,
        Proto::Routing | Proto::DestOpts | Proto::Any => return None,
    };
    before.checked_add(after)
}

fn esp(sa: &Sa, payload: usize) -> Option<usize> {
    let cipher = cipher(sa)?;
    let padded = sa.tfc_padding.filter(|_| sa.mode.installed() == Mode::Tunnel);
    let padded = padded.map_or(0, |bytes| usize::try_from(bytes.get()).unwrap_or(usize::MAX));
    let clear = payload.max(padded).checked_add(ESP_TRAILER)?;
    let clear = clear.checked_next_multiple_of(cipher.padded_to())?;
    clear.checked_add(encapsulation(sa) + ESP_HEADER + cipher.iv + icv(sa))
}

fn cipher(sa: &Sa) -> Option<Cipher> {
    sa.aead.as_ref().or(sa.crypt.as_ref())?.algorithm.cipher
}

/// The bytes of the initialization vector in each packet; none: the kernel's cipher is not known here.
#[must_use]
pub fn iv_length(sa: &Sa) -> Option<usize> {
    cipher(sa).map(|cipher| cipher.iv)
}

/// Whether ESP of an SA may have this length, with its header; none: the kernel's cipher is not known here. `esp_input` refuses what
/// has no room for a trailer, and a cipher what is no whole blocks.
#[must_use]
pub fn may_have_length(sa: &Sa, length: usize) -> Option<bool> {
    let cipher = cipher(sa)?;
    let clear = length.saturating_sub(ESP_HEADER + cipher.iv + icv(sa));
    Some(clear > ESP_TRAILER && clear.is_multiple_of(cipher.block))
}

/// The integrity check value, bytes.
fn icv(sa: &Sa) -> usize {
    let keyed = sa.aead.as_ref().or(sa.auth.as_ref());
    keyed.map_or(0, |keyed| usize::from(keyed.icv_bits) / 8)
}

/// The AH header (`ah_init_state`): a multiple of 8 bytes, or of 4 in IPv4 with the flag `align4`.
fn ah_header(sa: &Sa) -> usize {
    let is_v4 = sa.ends.dst().is_ipv4();
    let multiple = if is_v4 && sa.flags.contains(SaFlags::ALIGN_4) { 4 } else { 8 };
    (Authenticated::HEADER + icv(sa)).next_multiple_of(multiple)
}

/// What is between IP header and ESP. Of TCP the length field alone: the stream has its own headers.
fn encapsulation(sa: &Sa) -> usize {
    match sa.encap.map(|encap| encap.kind) {
        None => 0,
        Some(EncapKind::EspInUdp) => 8,
        Some(EncapKind::EspInUdpNonIke) => 16,
        Some(EncapKind::EspInTcp) => 2,
    }
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Algorithm, AlgorithmKind, Encap, Key, Keyed, Spi};

    use super::*;

    fn sa(mode: Mode, proto: Proto, cipher: Option<&str>, auth: Option<&str>) -> Sa {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let keyed =
            |kind, name| Keyed::new(Algorithm::by_name(kind, name).unwrap(), Key::new(Vec::new()));
        Sa {
            mode: mode.into(),
            crypt: cipher.map(|name| keyed(AlgorithmKind::Crypt, name)),
            auth: auth.map(|name| keyed(AlgorithmKind::Auth, name)),
            ..Sa::bare(ends, proto, Spi(0x1000))
        }
    }

    /// Lengths as tcpdump has shown them.
    #[test]
    fn lengths_are_those_on_the_wire() {
        let esp = sa(Mode::Transport, Proto::Esp, Some("aes-cbc"), Some("hmac-sha1"));
        // A ping of 84 bytes: 20 + 8 + 16 + 80 + 12.
        assert_eq!(wrapped(&esp, IpVersion::V4, 84), Some(136));
        let tunnel = Sa { mode: Mode::Tunnel.into(), ..esp.clone() };
        assert_eq!(wrapped(&tunnel, IpVersion::V4, 84), Some(152));
        let encap =
            Encap { kind: EncapKind::EspInUdp, src_port: None, dst_port: None, original: None };
        assert_eq!(
            wrapped(&Sa { encap: Some(encap), ..tunnel.clone() }, IpVersion::V4, 84),
            Some(160)
        );
        let padded = Sa { tfc_padding: std::num::NonZeroU32::new(200), ..tunnel };
        assert_eq!(wrapped(&padded, IpVersion::V4, 84), Some(20 + 8 + 16 + 208 + 12));
        let ah = sa(Mode::Transport, Proto::Ah, None, Some("hmac-sha1"));
        assert_eq!(wrapped(&ah, IpVersion::V4, 84), Some(108));
        let null = sa(Mode::Transport, Proto::Esp, Some("null"), None);
        assert_eq!(wrapped(&null, IpVersion::V4, 28), Some(20 + 8 + 12));
    }

    #[test]
    fn esp_has_room_for_its_trailer() {
        let esp = |cipher| sa(Mode::Transport, Proto::Esp, Some(cipher), Some("hmac-sha1"));
        let may = |cipher, lengths: [usize; 4]| {
            lengths.map(|length| may_have_length(&esp(cipher), length))
        };
        // 8 of the header, 16 of the IV, 12 of the ICV.
        let found = may("aes-cbc", [0, 36, 52, 56]);
        assert_eq!(found, [Some(false), Some(false), Some(true), Some(false)]);
        let found = may("null", [20, 22, 23, 24]);
        assert_eq!(found, [Some(false), Some(false), Some(true), Some(true)]);
        let unknown = sa(Mode::Transport, Proto::Esp, None, Some("hmac-sha1"));
        assert_eq!(may_have_length(&unknown, 0), None);
    }

    #[test]
    fn no_packet_is_longer_than_numbers_are() {
        for proto in [Proto::Esp, Proto::Ah, Proto::IpComp] {
            let sa = sa(Mode::Tunnel, proto, Some("aes-cbc"), Some("hmac-sha1"));
            for less in 0..20 {
                assert_eq!(wrapped(&sa, IpVersion::V4, usize::MAX - less), None, "{less}");
            }
        }
    }
}
