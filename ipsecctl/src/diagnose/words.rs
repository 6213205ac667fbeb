//! What a cause is, in a sentence without a full stop.

mod host;
mod peer;
mod policies;
mod sas;

use ::diagnose::Cause;
use explain::Flow;
use model::PolicyEntry;

use crate::explain::words;
use host::{
    no_answer, no_route, no_route_of, no_udp_socket, not_forwarding, not_received, not_sent,
    reverse_path, too_big, unreachable, without_xfrm, wrong_source,
};
pub use peer::templates;
use policies::{
    catches_encapsulation, default_drops, discards, in_clear, leaves_in_clear, no_forward,
    no_inbound, passes_in_clear,
};
use sas::{decryption, integrity, mismatch, mode, no_sa, refused, replay, unknown_spi};

/// `policy 9 (out 192.0.2.1/32 > 192.0.2.2/32 any)`.
pub fn policy(entry: &PolicyEntry) -> String {
    let id = &entry.policy.id;
    format!("policy {} ({} {})", entry.index, id.direction.word(), words::packets(&id.selector))
}

fn of_flow(flow: Option<&Flow>) -> String {
    flow.map_or(String::new(), |flow| format!(", such as {}", words::flow(flow)))
}

/// The cause.
pub fn cause(cause: &Cause<'_>) -> String {
    match cause {
        Cause::NoSa { policy, template, near, is_requested, have_expired } => {
            no_sa(policy, template, *near, *is_requested, *have_expired)
        }
        Cause::Expired(sa) => format!("an SA has expired and was not replaced: {}", words::sa(sa)),
        Cause::UnknownSpi { arrival, ends, near } => unknown_spi(*arrival, *ends, *near),
        Cause::Integrity(sa) => integrity(sa),
        Cause::Decryption(sa) => decryption(*sa),
        Cause::Mode { sa, there } => mode(sa, *there),
        Cause::Replay { sa, are_old } => replay(sa, *are_old),
        Cause::Refused(sa, reason) => refused(sa, *reason),
        Cause::Sequence(sa) => {
            format!("the sequence numbers are used up: {}", words::sa(sa))
        }
        Cause::InClear { policy, flow } => in_clear(policy, flow.as_ref()),
        Cause::CatchesEncapsulation { policy, ends } => catches_encapsulation(policy, *ends),
        Cause::Mismatch { policy, sa, field } => mismatch(policy, sa, *field),
        Cause::NoInbound { sa, flow } => no_inbound(sa, flow.as_ref()),
        Cause::NoForward { policy, flow } => no_forward(policy, flow.as_ref()),
        Cause::Discards { policy, flow } => discards(policy, flow.as_ref()),
        Cause::DefaultDrops { direction, flow, is_kernels } => {
            default_drops(*direction, flow.as_ref(), *is_kernels)
        }
        Cause::LeavesInClear { policy, flow, near } => leaves_in_clear(policy, flow, *near),
        Cause::PassesInClear { by, policy, flow } => passes_in_clear(by, policy, flow),
        Cause::WithoutXfrm { device, policy, flow } => without_xfrm(*device, policy, flow),
        Cause::ReversePath { device, peer, route } => reverse_path(*device, *peer, *route),
        Cause::TooBig { policy, flow, mtu, router } => {
            too_big(*policy, flow.as_ref(), *mtu, *router)
        }
        Cause::NoRoute(addr) => no_route(*addr),
        Cause::NoRouteOf { policy, flow, .. } => no_route_of(policy, flow.as_ref()),
        Cause::NoAnswer { policy, flow, .. } => no_answer(policy, flow),
        Cause::WrongSource { policy, template, .. } => wrong_source(policy, template),
        Cause::NotForwarding(policy) => not_forwarding(policy),
        Cause::NotReceived(sa) => not_received(sa),
        Cause::NotSent(sa) => not_sent(sa),
        Cause::Unreachable { by, dst, kind } => unreachable(*by, *dst, *kind),
        Cause::NoUdpSocket(sa) => no_udp_socket(sa),
        Cause::Peer(difference) => peer::difference(difference),
        Cause::Counted(counter) => format!("{}; {}", counter.meaning(), counter.cause()),
    }
}
