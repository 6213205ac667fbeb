//! What of the way of a packet is not followed, where a look at its devices shows that it is there.

use explain::Explanation;
use model::{Direction, Mode, SaEntry, Visible};

use super::routing::Routing;

/// A sentence for each. What netfilter and tc do is never known.
pub fn sentences(explanation: &Explanation<'_>, routing: &Routing) -> Vec<String> {
    let mut sentences = Vec::new();
    let arrives_by = routing.arrives_by.filter(|_| explanation.direction != Direction::Out);
    if let Some(device) = arrives_by.filter(|device| device.link.has_xdp) {
        let name = Visible(device.name.as_str());
        sentences
            .push(format!("an XDP program at {name} has the packet first: it is not followed"));
    }
    let is_interface = routing.through().is_some_and(|through| through.vti_key.is_none());
    if is_interface && comes_in_tunnels(explanation.path()) {
        sentences.push(
            "the xfrm interface of each tunnel checks the headers inside it: that of the last SA is followed alone"
                .to_owned(),
        );
    }
    sentences
}

/// Whether other headers are inside a tunnel.
fn comes_in_tunnels(path: &[&SaEntry]) -> bool {
    let before = path.split_last().map_or(&[][..], |(_, before)| before);
    before.iter().any(|entry| entry.sa.mode.installed() != Mode::Transport)
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Current, Proto, Sa, SaState, Spi};

    use super::*;

    #[test]
    fn headers_inside_a_tunnel_are_seen() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let [tunnel, transport] = [Mode::Tunnel, Mode::Transport].map(|mode| {
            let sa = Sa { mode: mode.into(), ..Sa::bare(ends, Proto::Esp, Spi(0x1001)) };
            SaEntry::new(sa, SaState::Mature, Current::default())
        });
        assert!(comes_in_tunnels(&[&tunnel, &transport]));
        assert!(comes_in_tunnels(&[&transport, &tunnel, &tunnel]));
        for path in [&[][..], &[&tunnel], &[&transport, &tunnel]] {
            assert!(!comes_in_tunnels(path));
        }
    }
}
