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

/// The SA whose peer may have another mode: the only one that has received packets. What is counted or captured does not name
/// the SA that it has come by, nor whether it has come by one.
fn suspected<'a>(context: &Context<'a>) -> Option<&'a SaEntry> {
    match context.receiving()[..] {
        [sa] => Some(sa),
        _ => None,
    }
}

/// Mode BEET takes a tunnel's packet for the data of its own, and passes on IP in IP, which is captured. Transport mode does
/// so without a trace but the ICMP message with which it is refused.
fn packets_in_packets(context: &mut Context<'_>) {
    let Some(sa) = suspected(context).filter(|sa| mode(sa) == Mode::Beet) else { return };
    let arrived = context.arrived_in_clear().filter(|(_, flow)| {
        flow.upper.is_some_and(|it| IP_IN_IP.contains(&it))
            && context.observation.is_local(flow.dst())
    });
    let packets = arrived.map(|(seen, _)| seen.count).sum();
    if packets > 0 {
        let there = Some(Mode::Tunnel);
        context.add(Conclusion::observed(Cause::Mode { sa, there }, packets));
    }
}

/// The checksums of TCP and UDP are for the addresses inside. Mode BEET leaves these out as transport mode does, and both have
/// the same form, so that the other addresses are noticed there.
fn checksums(context: &mut Context<'_>) {
    let packets = context.network.checksums;
    let Some(sa) = suspected(context).filter(|_| packets > 0) else { return };
    let there = match mode(sa) {
        Mode::Beet => Mode::Transport,
        Mode::Transport => Mode::Beet,
        _ => return,
    };
    context.add(Conclusion::observed(Cause::Mode { sa, there: Some(there) }, packets));
}
