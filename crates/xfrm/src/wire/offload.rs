//! `xfrm_user_offload`: the device that does the work of an SA or policy.

use model::{DeviceName, Offload, SaDirection};
use netlink_packet_xfrm::{UserOffloadDev, XFRM_OFFLOAD_INBOUND, XfrmAttrs};

use crate::{KernelRefusal, device::Devices};

/// The whole packet, not only the cipher (linux/xfrm.h).
const XFRM_OFFLOAD_PACKET: u8 = 4;

/// Refused with ENODEV if there is no device of this name.
pub(super) fn attribute(offload: &Offload, devices: &Devices) -> Result<XfrmAttrs, KernelRefusal> {
    let inbound = match offload.direction {
        SaDirection::In => XFRM_OFFLOAD_INBOUND,
        SaDirection::Out => 0,
    };
    let packet = if offload.packet { XFRM_OFFLOAD_PACKET } else { 0 };
    let ifindex = devices.index(offload.device)?;
    Ok(XfrmAttrs::OffloadDevice(UserOffloadDev { ifindex, flags: inbound | packet }))
}

/// That of a policy. The kernel takes no flag but this one (`xfrm_dev_policy_add`), and shows the policy's
/// direction with it.
pub(super) fn of_policy(device: DeviceName, devices: &Devices) -> Result<XfrmAttrs, KernelRefusal> {
    let ifindex = devices.index(device)?;
    Ok(XfrmAttrs::OffloadDevice(UserOffloadDev { ifindex, flags: XFRM_OFFLOAD_PACKET }))
}

pub(super) fn read(wire: UserOffloadDev, devices: &Devices) -> Offload {
    let inbound = wire.flags & XFRM_OFFLOAD_INBOUND != 0;
    Offload {
        device: devices.name(wire.ifindex),
        direction: if inbound { SaDirection::In } else { SaDirection::Out },
        packet: wire.flags & XFRM_OFFLOAD_PACKET != 0,
    }
}
