//! Another mode at the other end. What is inside a packet of ESP shows it only when it is decrypted.

use model::{Counter, Mode, SaEntry};

use crate::{Cause, Conclusion, context::Context};

/// The numbers of IPv4 and IPv6 as upper-layer protocols.
const IP_IN_IP: [u8; 2] = [4, 41];

pub fn findings(context: &mut Context<'_>) {
    not_of_mode(context);
    packets_in_packets(context);
    checksums(context);
}

fn mode(sa: &SaEntry) -> Mode {
    sa.sa.mode.installed()
}

/// A tunnel that receives what is no packet.
fn not_of_mode(context: &mut Context<'_>) {
    let counter = Counter::InStateModeError;
    if context.left(counter) == 0 {
        return;
    }
    let sa = context.receiving().into_iter().find(|sa| mode(sa) != Mode::Transport);
    if let Some(sa) = sa {
        context.explain_all(Cause::Mode { sa, there: None }, counter);
    }
}

/// Mode BEET takes a tunnel's packet for the data of its own, and passes on IP in IP, which is captured. Transport mode does
/// so without a trace but the ICMP message with which it is refused.
fn packets_in_packets(context: &mut Context<'_>) {
    let (receiving, there) = (context.receiving(), Some(Mode::Tunnel));
    if let Some(&sa) = receiving.iter().find(|sa| mode(sa) == Mode::Beet) {
        let arrived = context.arrived_in_clear().filter(|(_, flow)| {
            flow.upper.is_some_and(|it| IP_IN_IP.contains(&it))
                && context.observation.is_local(flow.dst())
        });
        let packets = arrived.map(|(seen, _)| seen.count).sum();
        if packets > 0 {
            context.add(Conclusion::observed(Cause::Mode { sa, there }, packets));
        }
    }
}

/// The checksums of TCP and UDP are for the addresses inside. Mode BEET leaves these out as transport mode does, and both have
/// the same form, so that the other addresses are noticed there.
fn checksums(context: &mut Context<'_>) {
    let packets = context.network.checksums;
    let receiving = context.receiving();
    let other = |sa: &SaEntry| match mode(sa) {
        Mode::Beet => Some(Mode::Transport),
        Mode::Transport => Some(Mode::Beet),
        _ => None,
    };
    let sa = receiving.iter().find_map(|sa| Some((*sa, other(sa)?)));
    if let (Some((sa, there)), true) = (sa, packets > 0) {
        context.add(Conclusion::observed(Cause::Mode { sa, there: Some(there) }, packets));
    }
}
