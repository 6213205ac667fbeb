//! What the kernel reports of its tables as a whole (`xfrm_get_default`, `build_sadinfo`, `build_spdinfo`,
//! net/xfrm/xfrm_user.c). All numbers are in host order.

use model::{Direction, HashTable, HashThreshold, KernelDefault, SadInfo, SpdInfo};
use netlink_packet_core::{DecodeError, NlasIterator, parse_u32};
use netlink_packet_xfrm::{
    UserPolicyDefault, XFRMA_SAD_CNT, XFRMA_SAD_HINFO, XFRMA_SPD_HINFO, XFRMA_SPD_INFO,
    XFRMA_SPD_IPV4_HTHRESH, XFRMA_SPD_IPV6_HTHRESH,
    policy::{SpdHInfo, SpdHThresh},
    state::SadHInfo,
};

use crate::Error;

/// `XFRM_USERPOLICY_BLOCK` (linux/xfrm.h); the other verdict is `XFRM_USERPOLICY_ACCEPT`.
const XFRM_USERPOLICY_BLOCK: u8 = 1;

/// Bytes of the flags before the attributes, which nothing uses.
const FLAGS_LEN: usize = 4;

/// Reads the kernel's default policy.
pub(crate) fn default(object: &[u8]) -> Result<KernelDefault, Error> {
    let UserPolicyDefault { input, forward, output } = UserPolicyDefault::parse(object)?;
    Ok(KernelDefault::of(|direction| {
        let verdict = match direction {
            Direction::In => input,
            Direction::Out => output,
            Direction::Fwd => forward,
        };
        verdict == XFRM_USERPOLICY_BLOCK
    }))
}

/// Reads the size of the SAD.
pub(crate) fn sad(object: &[u8]) -> Result<SadInfo, Error> {
    let mut info = SadInfo::default();
    for_each(object, |kind, value| {
        match kind {
            XFRMA_SAD_CNT => info.sas = parse_u32(value)?,
            XFRMA_SAD_HINFO => {
                let wire = SadHInfo::parse(value)?;
                info.table = HashTable { buckets: wire.sadhcnt, max_buckets: wire.sadhmcnt };
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(info)
}

/// Reads the size of the SPD.
pub(crate) fn spd(object: &[u8]) -> Result<SpdInfo, Error> {
    let mut info = SpdInfo::default();
    for_each(object, |kind, value| {
        match kind {
            XFRMA_SPD_INFO => {
                let wire = netlink_packet_xfrm::policy::SpdInfo::parse(value)?;
                info.policies = [wire.incnt, wire.outcnt, wire.fwdcnt];
                info.socket_policies = [wire.inscnt, wire.outscnt, wire.fwdscnt];
            }
            XFRMA_SPD_HINFO => {
                let wire = SpdHInfo::parse(value)?;
                // The kernel reports the mask, one less than the number (`xfrm_spd_getinfo`).
                let buckets = wire.spdhcnt.saturating_add(1);
                info.table = HashTable { buckets, max_buckets: wire.spdhmcnt };
            }
            XFRMA_SPD_IPV4_HTHRESH => info.thresholds[0] = Some(threshold(value)?),
            XFRMA_SPD_IPV6_HTHRESH => info.thresholds[1] = Some(threshold(value)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(info)
}

fn threshold(value: &[u8]) -> Result<HashThreshold, DecodeError> {
    let SpdHThresh { lbits, rbits } = SpdHThresh::parse(value)?;
    Ok(HashThreshold { local: lbits, remote: rbits })
}

fn for_each(
    object: &[u8],
    mut take: impl FnMut(u16, &[u8]) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    for attribute in NlasIterator::new(object.get(FLAGS_LEN..).unwrap_or_default()) {
        let attribute = attribute?;
        take(attribute.kind(), attribute.value())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::IpVersion;
    use netlink_packet_xfrm::{policy::GetSpdInfoMessage, state::GetSadInfoMessage};

    use super::*;
    use crate::wire::testing::{bytes, hex};

    #[test]
    fn the_default_policy_is_read() {
        // Linux 6.18, after ip xfrm policy setdefault in block fwd accept out accept
        let default = default(&hex("01020200")).unwrap();
        let of = [Direction::In, Direction::Out, Direction::Fwd].map(|it| default.discards(it));
        assert_eq!(of, [true, false, false]);
        // The same, after ip xfrm policy setdefault in accept fwd accept out block
        assert!(super::default(&hex("02020100")).unwrap().discards(Direction::Out));
        assert!(super::default(&hex("0102")).is_err());
    }

    #[test]
    fn the_size_of_the_sad_is_read() {
        // Linux 6.18: ip -s xfrm state count
        let reply = "ffffffff 08000100 00000000 0c000200 08000000 00001000";
        let table = HashTable { buckets: 8, max_buckets: 1 << 20 };
        assert_eq!(sad(&hex(reply)).unwrap(), SadInfo { sas: 0, table });
        assert_eq!(bytes(&GetSadInfoMessage::default()), hex("00000000"));
        assert!(sad(&hex("ffffffff 06000100 0000")).is_err());
    }

    #[test]
    fn the_size_of_the_spd_is_read() {
        // Linux 6.18, with a policy in and one out, after
        // ip xfrm policy set hthresh4 24 16 hthresh6 64 48: ip -s xfrm policy count
        let reply = "ffffffff 1c000100 01000000 01000000 00000000 00000000 00000000 00000000
            0c000200 07000000 00001000 06000300 18100000 06000400 40300000";
        let info = spd(&hex(reply)).unwrap();
        assert_eq!((info.policies, info.socket_policies), ([1, 1, 0], [0; 3]));
        assert_eq!(info.table, HashTable { buckets: 8, max_buckets: 1 << 20 });
        let threshold = |version| info.threshold(version).unwrap();
        assert_eq!(threshold(IpVersion::V4), HashThreshold { local: 24, remote: 16 });
        assert_eq!(threshold(IpVersion::V6), HashThreshold { local: 64, remote: 48 });
        assert_eq!(bytes(&GetSpdInfoMessage::default()), hex("00000000"));
    }
}
