//! A message that no kernel carries out, and that is refused for one reason by a kernel that knows an
//! attribute and for another by one that does not.

use model::{IpVersion, Proto};
use netlink_packet_core::DefaultNla;
use netlink_packet_xfrm::{
    Alg, Id, UserSaInfo, XFRM_ALG_NAME_LEN, XfrmAttrs, state::ModifyMessage,
};

use super::{
    AddressFamily,
    recent::{Recent, XFRMA_IPTFS_DONT_FRAG, XFRMA_SA_DIR},
};
use crate::optional_attribute::OptionalAttribute;

/// An IPComp SA with an algorithm without a name, which no kernel has: ENOSYS (`attach_one_algo`,
/// net/xfrm/xfrm_user.c), unless the attribute, which is wrong, is refused before. No module is
/// loaded for it. An attribute that is too short would do for any number, but the kernel logs those.
///
/// None if the kernel looks at the attribute only when the SA is complete.
pub(crate) fn message(attribute: OptionalAttribute) -> Option<ModifyMessage> {
    let wrong = match attribute {
        // No direction (`xfrma_policy`): ERANGE.
        OptionalAttribute::Direction => XfrmAttrs::Other(DefaultNla::new(XFRMA_SA_DIR, vec![255])),
        // Without a direction (`verify_newsa_info`): EINVAL.
        OptionalAttribute::Cpu => Recent::SaPerCpu(0).into(),
        // Without encapsulation (`verify_newsa_info`): EINVAL.
        OptionalAttribute::MappingInterval => XfrmAttrs::MappingTimeThreshold(1),
        // A flag with a value (`validate_nla`, lib/nlattr.c): ERANGE.
        OptionalAttribute::IpTfs => {
            XfrmAttrs::Other(DefaultNla::new(XFRMA_IPTFS_DONT_FRAG, vec![1]))
        }
        OptionalAttribute::KeepAlive => return None,
    };
    let nameless = Alg { alg_name: [0; XFRM_ALG_NAME_LEN], alg_key_len: 0, alg_key: Vec::new() };
    let user_sa_info = UserSaInfo {
        id: Id { spi: 1, proto: Proto::IpComp.number(), ..Id::default() },
        family: IpVersion::V4.family(),
        ..UserSaInfo::default()
    };
    Some(ModifyMessage { user_sa_info, nlas: vec![XfrmAttrs::CompressionAlg(nameless), wrong] })
}
