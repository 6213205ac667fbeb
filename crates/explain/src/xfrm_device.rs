//! Devices that look policies up themselves: vti (`vti_xmit`, net/ipv4/ip_vti.c) and xfrm interfaces (`xfrmi_xmit2`,
//! net/xfrm/xfrm_interface_core.c).

use std::{net::IpAddr, num::NonZeroU32};

use model::{Direction, IpVersion, Mode, PolicyEntry, SaEntry};

use crate::{
    Doubt, Flow, FlowDevice, OutputResult, PolicyCheck, Reason, Surroundings, Tables, Verdict,
    check, output,
};

/// A device that packets leave by protected, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XfrmDevice {
    /// A vti device: it looks up with its key as the mark, and takes the SA of its ends alone.
    Vti {
        /// The key of packets that leave.
        mark: u32,
        /// This end.
        local: IpAddr,
        /// The other end; the unspecified address: any.
        remote: IpAddr,
    },
    /// An xfrm interface: it looks up with its number.
    Xfrm {
        /// The number; none: each packet brings its own (`external`).
        if_id: Option<NonZeroU32>,
        /// The device below it.
        link: FlowDevice,
    },
    /// One that looks up in the tables of another network namespace.
    Elsewhere,
}

impl XfrmDevice {
    /// The packet that the device looks up; none: that is not known.
    #[must_use]
    pub fn inner(&self, flow: &Flow) -> Option<Flow> {
        match *self {
            XfrmDevice::Vti { mark, .. } => Some(flow.marked(mark)),
            XfrmDevice::Xfrm { if_id, link } => {
                let mut inner = *flow;
                (inner.if_id, inner.device) = (Some(if_id.or(flow.if_id)?), link);
                Some(inner)
            }
            XfrmDevice::Elsewhere => None,
        }
    }

    /// Whether it takes an SA (`vti_state_check`).
    fn takes(&self, entry: &SaEntry) -> bool {
        let XfrmDevice::Vti { local, remote, .. } = *self else { return true };
        let sa = &entry.sa;
        let (src, dst) = (sa.ends.src(), sa.ends.dst());
        let is_tunnel =
            sa.mode.installed() == Mode::Tunnel && IpVersion::of(dst) == IpVersion::of(local);
        let is_from_here = if remote.is_unspecified() {
            src == local
        } else {
            dst == remote && (src == local || local.is_unspecified() || src.is_unspecified())
        };
        is_tunnel && is_from_here
    }
}

/// The way out of a packet, and the packet that was looked up: if its own policies let it pass in clear to such a device,
/// the device looks up once more.
pub(crate) fn leave<'a>(
    tables: &'a Tables,
    flow: Flow,
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> (Flow, OutputResult<'a>) {
    let Some(interface) = surroundings.interface else {
        let mut output = output(tables, &flow, socket, surroundings);
        // Its device was not found, and drops it as well.
        if flow.if_id.is_some() && output.verdict == Verdict::Clear {
            output.verdict = dropped();
        }
        return (flow, output);
    };
    let mut own = flow;
    own.if_id = None;
    let before = output(tables, &own, socket, surroundings);
    if before.verdict != Verdict::Clear {
        return (own, before);
    }
    let Some(inner) = interface.inner(&flow) else {
        let verdict = Verdict::Unknown(match interface {
            XfrmDevice::Elsewhere => Doubt::OtherNamespace,
            XfrmDevice::Vti { .. } | XfrmDevice::Xfrm { .. } => Doubt::Interface,
        });
        return (flow, OutputResult { verdict, ..before });
    };
    // It does not wait (`xfrm_lookup_with_ifid` without `XFRM_LOOKUP_QUEUE`).
    let waits_for_sa = surroundings.waits_for_sa && !matches!(interface, XfrmDevice::Xfrm { .. });
    let surroundings = &Surroundings { waits_for_sa, ..*surroundings };
    let mut output = output(tables, &inner, None, surroundings);
    match &output.verdict {
        Verdict::Clear => output.verdict = dropped(),
        Verdict::Protected(sas) if !sas.first().is_some_and(|entry| interface.takes(entry)) => {
            output.verdict = Verdict::dropped(Reason::InterfaceEnds, Direction::Out);
        }
        Verdict::Protected(_) | Verdict::Dropped { .. } | Verdict::Unknown(_) => {}
    }
    (inner, output)
}

/// The check of a packet that has come through SAs, outermost first. One that comes out of a vti device is checked with
/// its key for `in`, unless the protected packet has arrived at a device with `disable_policy` (`vti_rcv_cb`; `IPSKB_NOPOLICY`),
/// and then, unless the vti device has that, as one in clear, whose SAs are forgotten (`skb_scrub_packet`). The result is the
/// first that refuses the packet.
pub(crate) fn arrive<'a>(
    tables: &'a Tables,
    direction: Direction,
    flow: &Flow,
    path: &[&'a SaEntry],
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> PolicyCheck<'a> {
    let Some(key) = surroundings.vti_key else {
        return check(tables, direction, flow, path, socket, surroundings);
    };
    let has_no_policy = surroundings.outer_has_no_policy;
    let of_device = Surroundings { has_no_policy, ..*surroundings };
    let keyed = check(tables, Direction::In, &flow.marked(key), path, None, &of_device);
    let again = check(tables, direction, flow, &[], socket, surroundings);
    if keyed.verdict.passes() && !again.verdict.passes() {
        return again;
    }
    if keyed.is_exempt {
        return PolicyCheck { verdict: keyed.verdict, ..again };
    }
    PolicyCheck { vti_key: Some(key), ..keyed }
}

/// Nothing but the device counts it (`tx_carrier_errors`).
fn dropped<'a>() -> Verdict<'a> {
    Verdict::dropped(Reason::InterfaceWithoutSa, Direction::Out)
}

#[cfg(test)]
mod tests {
    use model::{Level, Mark, Proto, Template, TemplateMode};

    use super::*;
    use crate::{
        explain_out,
        testing::{addr, ends, flow, ipsec, sa, tables},
    };

    #[test]
    fn the_device_looks_up_with_its_own_key() {
        let template = Template::new(Proto::Esp, TemplateMode::Tunnel(ends(1, 2)), Level::Require);
        let mut policy = ipsec(Direction::Out, &[template]);
        policy.policy.id.mark = Mark { value: 5, mask: u32::MAX };
        let mut entry = sa(0x1001, Mode::Tunnel, ends(1, 2));
        entry.sa.mark = policy.policy.id.mark;
        let tables = tables(vec![policy], vec![entry]);
        let verdict = |interface| {
            let surroundings = Surroundings { interface, ..Surroundings::default() };
            explain_out(&tables, flow(), None, &surroundings).verdict
        };
        let vti = |mark, remote| Some(XfrmDevice::Vti { mark, local: addr(1), remote });
        assert_eq!(verdict(None), Verdict::Clear);
        assert!(matches!(verdict(vti(5, addr(2))), Verdict::Protected(_)));
        assert!(matches!(verdict(vti(5, [0; 4].into())), Verdict::Protected(_)));
        assert_eq!(verdict(vti(6, addr(2))), dropped());
        let of_ends = Verdict::dropped(Reason::InterfaceEnds, Direction::Out);
        assert_eq!(verdict(vti(5, addr(3))), of_ends);
        let (if_id, link) = (None, FlowDevice::None);
        let external = verdict(Some(XfrmDevice::Xfrm { if_id, link }));
        assert_eq!(external, Verdict::Unknown(Doubt::Interface));
        let elsewhere = verdict(Some(XfrmDevice::Elsewhere));
        assert_eq!(elsewhere, Verdict::Unknown(Doubt::OtherNamespace));
    }
}
