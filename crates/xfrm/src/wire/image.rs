//! The whole of an SA: `xfrm_usersa_info` and its attributes, as they came and as they are sent back.

use std::ops::Range;

use model::SaFlags;
use netlink_packet_core::{DecodeError, Emitable};
use netlink_packet_xfrm::{
    UserSaInfo, XFRM_MSG_NEWSA, XFRM_STATE_ESN, XFRM_USER_SA_INFO_LEN, XFRMA_LASTUSED,
    XFRMA_OFFLOAD_DEV, XFRMA_REPLAY_ESN_VAL, XFRMA_REPLAY_VAL, XfrmAttrs, XfrmMessage,
};
use zeroize::Zeroizing;

use super::{algorithm, attributes};

/// An SA as the kernel writes it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Image {
    info: UserSaInfo,
    attributes: Zeroizing<Vec<u8>>,
}

impl Image {
    pub(crate) fn read(object: &[u8]) -> Result<Self, DecodeError> {
        let attributes = object.get(XFRM_USER_SA_INFO_LEN..).unwrap_or_default();
        Ok(Self {
            info: UserSaInfo::parse(object)?,
            attributes: Zeroizing::new(attributes.to_vec()),
        })
    }

    pub(crate) fn info(&self) -> &UserSaInfo {
        &self.info
    }

    /// Whether one of the keys is not shown.
    pub(crate) fn is_redacted(&self) -> bool {
        attributes(&self.attributes, 0).map_while(Result::ok).any(|mut attribute| {
            let is_redacted = algorithm::is_redacted(&attribute);
            algorithm::wipe_key(&mut attribute);
            is_redacted
        })
    }

    /// ESN, which is not among the model's flags, stays.
    pub(crate) fn set_state_flags(&mut self, flags: SaFlags) {
        self.info.flags = self.info.flags & XFRM_STATE_ESN | flags.state_bits();
    }

    /// Removes `XFRMA_OFFLOAD_DEV`.
    pub(crate) fn remove_offload(&mut self) {
        self.attributes = Zeroizing::new(without_offload(&self.attributes));
    }

    /// Whether it is the same SA but for counters, sequence numbers and times.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.lasting() == other.lasting()
    }

    /// What packets do not change.
    fn lasting(&self) -> (UserSaInfo, Vec<&[u8]>) {
        let (lifetime_cur, stats) = Default::default();
        let info = UserSaInfo { lifetime_cur, stats, ..self.info };
        let changing = [XFRMA_REPLAY_VAL, XFRMA_REPLAY_ESN_VAL, XFRMA_LASTUSED];
        let parts = places(&self.attributes).filter(|(kind, _)| !changing.contains(kind));
        (info, parts.map(|(_, place)| &self.attributes[place]).collect())
    }

    /// Goes on with higher sequence numbers, if packets were sent: `oseq` of `xfrm_replay_state`, or of
    /// `xfrm_replay_state_esn` with its high half. At the end of the numbers it sends no more.
    pub(crate) fn skip_sequence_numbers(&mut self, count: u32) {
        self.advance(count, |sent| sent != 0);
    }

    /// Goes on with higher sequence numbers, also if no packet was sent.
    pub(crate) fn go_on(&mut self, count: u32) {
        self.advance(count, |_| true);
    }

    fn advance(&mut self, count: u32, is_advanced: impl Fn(u64) -> bool) {
        for (kind, place) in places(&self.attributes).collect::<Vec<_>>() {
            let (low, high) = match kind {
                // bmp_len, oseq, seq, oseq_hi, after the header of the attribute.
                XFRMA_REPLAY_ESN_VAL => (place.start + 8, Some(place.start + 16)),
                XFRMA_REPLAY_VAL => (place.start + 4, None),
                _ => continue,
            };
            let high = high.filter(|_| self.info.flags & XFRM_STATE_ESN != 0);
            let number = |at| self.attributes.get(at..at + 4)?.try_into().ok();
            let read = |at| number(at).map_or(0, u32::from_ne_bytes);
            let sent = u64::from(high.map_or(0, read)) << 32 | u64::from(read(low));
            if !is_advanced(sent) || place.end < high.unwrap_or(low) + 4 {
                continue;
            }
            let most = if high.is_some() { u64::MAX } else { u32::MAX.into() };
            let next = sent.saturating_add(count.into()).min(most).to_le_bytes();
            let half = |from: usize| [next[from], next[from + 1], next[from + 2], next[from + 3]];
            let halves = [(Some(low), half(0)), (high, half(4))];
            for (at, bytes) in halves.into_iter().filter_map(|(at, bytes)| Some((at?, bytes))) {
                let number = u32::from_le_bytes(bytes).to_ne_bytes();
                self.attributes[at..at + 4].copy_from_slice(&number);
            }
        }
    }

    /// `xfrm_usersa_info` and the attributes.
    pub(crate) fn object(&self) -> Zeroizing<Vec<u8>> {
        let mut object = Zeroizing::new(vec![0; XFRM_USER_SA_INFO_LEN + self.attributes.len()]);
        self.info.emit(&mut object[..]);
        object[XFRM_USER_SA_INFO_LEN..].copy_from_slice(&self.attributes);
        object
    }

    /// The message that makes the SA again. The kernel takes replay state and sequence numbers from
    /// the attributes that it shows them in, but counters and times from `XFRMA_LTIME_VAL`, where it
    /// does not show them (`xfrm_update_ae_params`, net/xfrm/xfrm_user.c).
    pub(crate) fn message(&self) -> XfrmMessage {
        let current = XfrmAttrs::LifetimeBytes(self.info.lifetime_cur);
        let start = XFRM_USER_SA_INFO_LEN + self.attributes.len().next_multiple_of(4);
        let mut object = vec![0; start + Emitable::buffer_len(&current)];
        self.info.emit(&mut object);
        object[XFRM_USER_SA_INFO_LEN..][..self.attributes.len()].copy_from_slice(&self.attributes);
        current.emit(&mut object[start..]);
        XfrmMessage::Other((XFRM_MSG_NEWSA, object))
    }
}

/// The attributes without `XFRMA_OFFLOAD_DEV`.
pub(super) fn without_offload(attributes: &[u8]) -> Vec<u8> {
    // Not grown, so that no key is left behind.
    let mut others = Vec::with_capacity(attributes.len().next_multiple_of(4));
    for (_, place) in places(attributes).filter(|(kind, _)| *kind != XFRMA_OFFLOAD_DEV) {
        others.extend_from_slice(&attributes[place]);
        others.resize(others.len().next_multiple_of(4), 0);
    }
    others
}

/// The number of each attribute, and where it is, with its header.
fn places(attributes: &[u8]) -> impl Iterator<Item = (u16, Range<usize>)> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        let header: [u8; 4] = attributes.get(start..start + 4)?.try_into().ok()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]);
        let place = start..start.checked_add(length.max(4))?;
        attributes.get(place.clone())?;
        start = place.end.next_multiple_of(4);
        Some((kind, place))
    })
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Algorithm, AlgorithmKind, Key, Keyed, Proto, Sa, Spi};
    use netlink_packet_xfrm::Lifetime;

    use super::*;
    use crate::{
        device::testing::devices,
        wire::{
            sa,
            testing::{bytes, hex},
        },
    };

    /// An SA with ESN as the kernel would report it after a packet.
    fn object(key: &[u8]) -> Vec<u8> {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let cipher = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let sa = Sa {
            flags: SaFlags::DECAP_DSCP,
            crypt: Some(Keyed::new(cipher, Key::new(key.to_vec()))),
            esn: true,
            ..Sa::bare(ends, Proto::Esp, Spi(0x1000))
        };
        let mut message = sa::message(&sa, &devices()).unwrap();
        message.user_sa_info.lifetime_cur =
            Lifetime { bytes: 84, packets: 1, add_time: 0x6b05_e52e, use_time: 0x6b05_e530 };
        bytes(&message)
    }

    #[test]
    fn the_counters_are_in_two_places_and_the_rest_is_unchanged() {
        let object = object(b"0123456789012345");
        let mut image = Image::read(&object).unwrap();
        let ltime_val = hex("24000900 54000000 00000000 01000000 00000000
            2ee5056b 00000000 30e5056b 00000000");
        let restoring = bytes(&image.message());
        assert_eq!(restoring, [&object[..], &ltime_val].concat());

        image.set_state_flags(SaFlags::NO_ECN | SaFlags::NO_PMTU_DISC);
        let with_flags = bytes(&image.message());
        let differ = |(old, new): (&u8, &u8)| old != new;
        assert_eq!(restoring.iter().zip(&with_flags).filter(|pair| differ(*pair)).count(), 1);
        // XFRM_STATE_NOECN, XFRM_STATE_NOPMTUDISC, XFRM_STATE_ESN
        assert_eq!(UserSaInfo::parse(&with_flags).unwrap().flags, 1 | 4 | 128);
    }

    #[test]
    fn packets_change_counters_and_no_more() {
        let image = Image::read(&object(b"0123456789012345")).unwrap();
        let mut sent = image.clone();
        sent.info.lifetime_cur.packets += 1;
        // XFRMA_REPLAY_ESN_VAL: oseq 0xffffffff, and the same a million later.
        let esn = hex("1c001700 00000000 ffffffff 00000000 01000000 00000000 20000000");
        sent.attributes.extend_from_slice(&esn);
        assert!(sent.is_same(&image) && sent != image);
        let mut later = sent.clone();
        later.skip_sequence_numbers(1);
        let skipped = hex("1c001700 00000000 00000000 00000000 02000000 00000000 20000000");
        assert!(later.attributes.ends_with(&skipped), "{:02x?}", &later.attributes[..]);
        assert!(!Image::read(&object(b"0123456789012346")).unwrap().is_same(&image));
        // XFRMA_REPLAY_VAL, near its end, and of an SA that has sent nothing.
        let mut plain = image.clone();
        plain.attributes.extend_from_slice(&hex("10000a00 feffffff 00000000 00000000"));
        plain.skip_sequence_numbers(9);
        let end = hex("10000a00 ffffffff 00000000 00000000");
        assert!(plain.attributes.ends_with(&end));
        let mut unused = image.clone();
        unused.attributes.extend_from_slice(&hex("10000a00 00000000 07000000 00000000"));
        let before = unused.attributes.clone();
        unused.skip_sequence_numbers(9);
        assert!(unused.attributes == before);
        unused.go_on(9);
        let gone_on = hex("10000a00 09000000 07000000 00000000");
        assert!(unused.attributes.ends_with(&gone_on));
        let read_back = Image::read(&unused.object()).unwrap();
        assert!(read_back == unused);
    }

    #[test]
    fn offload_is_removed_and_nothing_else() {
        let plain = Image::read(&object(b"0123456789012345")).unwrap();
        let mut offloaded = plain.clone();
        offloaded.attributes.extend_from_slice(&hex("0c001c00 02000000 00000000"));
        // XFRMA_SA_DIR, whose length is no multiple of 4.
        let direction = hex("05002100 02000000");
        for image in [&mut offloaded.clone(), &mut plain.clone()] {
            image.attributes.extend_from_slice(&direction);
            image.remove_offload();
            let expected = [&plain.attributes[..], &direction].concat();
            assert!(*image.attributes == expected);
        }
    }

    #[test]
    fn a_key_of_zeros_is_none() {
        assert!(Image::read(&object(&[0; 16])).unwrap().is_redacted());
        assert!(!Image::read(&object(b"\x00123456789012345")).unwrap().is_redacted());
        assert!(!Image::read(&object(b"")).unwrap().is_redacted());
    }
}
