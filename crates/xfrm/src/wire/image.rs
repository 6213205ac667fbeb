//! The whole of an SA: `xfrm_usersa_info` and its attributes, as they came and as they are sent back.

use model::SaFlags;
use netlink_packet_core::{DecodeError, Emitable};
use netlink_packet_xfrm::{
    UserSaInfo, XFRM_MSG_NEWSA, XFRM_STATE_ESN, XFRM_USER_SA_INFO_LEN, XfrmAttrs, XfrmMessage,
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
    fn a_key_of_zeros_is_none() {
        assert!(Image::read(&object(&[0; 16])).unwrap().is_redacted());
        assert!(!Image::read(&object(b"\x00123456789012345")).unwrap().is_redacted());
        assert!(!Image::read(&object(b"")).unwrap().is_redacted());
    }
}
