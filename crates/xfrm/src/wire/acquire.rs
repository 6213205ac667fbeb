//! The request to key managers for an SA (`xfrm_user_acquire`), as a program sends it.
//!
//! The kernel passes it on as one of its own, to netlink and to AF_KEY, and makes no larval SA
//! (`xfrm_add_acquire`, net/xfrm/xfrm_user.c).

use model::{Action, Installation, Policy, PolicyEntry, Template};
use netlink_packet_xfrm::{UserAcquire, XfrmAttrs, acquire::AcquireMessage};

use super::policy;
use crate::{InstalledPolicy, KernelRefusal, device::Devices};

/// The message that requests an SA for a template of a policy, which need not be installed. The
/// masks of algorithms are zero, as those of a policy that AF_KEY has added. For the packet, which is
/// not known, there is the policy's selector. Refused if its device is not there.
pub(crate) fn message(
    entry: &PolicyEntry,
    template: Template,
    devices: &Devices,
) -> Result<AcquireMessage, KernelRefusal> {
    let policy = Policy { action: Action::Ipsec(vec![template]), ..entry.policy.clone() };
    let installation = Installation::whole(&policy, |_| false);
    let installed = InstalledPolicy { policy: &policy, installation, index: entry.index };
    let message = policy::message(&installed, devices)?;
    let mut acquire = UserAcquire {
        selector: message.user_policy_info.selector,
        policy: message.user_policy_info,
        ..UserAcquire::default()
    };
    for attribute in &message.nlas {
        if let XfrmAttrs::Template(templates) = attribute {
            let [template] = &templates[..] else { continue };
            (acquire.id, acquire.saddr) = (template.id, template.saddr);
        }
    }
    Ok(AcquireMessage { acquire, nlas: message.nlas })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use model::{
        AddressPair, Current, Direction, Level, Mark, PolicyId, Prefix, Priority, Proto, Selector,
        TemplateMode,
    };

    use super::*;
    use crate::wire::testing::{bytes, hex};

    #[test]
    fn the_message_is_what_the_kernel_reads() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let prefix = Prefix::new([10, 2, 0, 0].into(), Some(16)).unwrap();
        let mode = TemplateMode::Tunnel(ends);
        let template = Template::new(Proto::Esp, mode, Level::Use);
        let mut id = PolicyId::new(Selector::new(prefix, prefix).unwrap(), Direction::Out);
        id.mark = Mark { value: 7, mask: 255 };
        id.if_id = NonZeroU32::new(9);
        let policy = Policy { priority: Priority(5), ..Policy::new(id, Action::None) };
        let installation = Installation::plain(&policy);
        let current = Current::default();
        let entry = PolicyEntry { policy, installation, index: 17, socket: false, current };
        // By the structures of linux/xfrm.h: xfrm_id, saddr, sel; xfrm_userpolicy_info (selector,
        // limits, counters, priority, index, direction out); masks and seq of zero; XFRMA_TMPL with a
        // template that is required, XFRMA_MARK, XFRMA_IF_ID.
        let selector = "
            0a020000 00000000 00000000 00000000 0a020000 00000000 00000000 00000000
            00000000 00000000 02001010 00000000 00000000 00000000";
        let expected = hex(&format!(
            "c0000202 00000000 00000000 00000000 00000000 32000000
            c0000201 00000000 00000000 00000000 {selector} {selector}
            ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000
            05000000 11000000 01000000 00000000 00000000 00000000 00000000 00000000
            44000500
            c0000202 00000000 00000000 00000000 00000000 32000000 02000000
            c0000201 00000000 00000000 00000000 00000000 01020000 ffffffff ffffffff ffffffff
            0c001500 07000000 ff000000 08001f00 09000000"
        ));
        assert_eq!(bytes(&message(&entry, template, &Devices::UNNAMED).unwrap()), expected);
    }
}
