//! Any bytes as a captured packet, and what it has inside where no key is needed: read or refused, never a panic.

#![no_main]

use explain::{Captured, Contained, ESP_HEADER, ReceivingHost};
use libfuzzer_sys::fuzz_target;

/// One more than the kernel undoes.
const MOST_HEADERS: usize = 7;

fuzz_target!(|bytes: &[u8]| {
    for takes in [true, false] {
        let host = ReceivingHost { takes: &|_| takes, ..ReceivingHost::default() };
        let Ok(mut captured) = Captured::read_by(bytes, host) else { continue };
        assert!(captured.arrivals.len() <= MOST_HEADERS);
        for ah in &captured.ah {
            assert!(ah.place < captured.arrivals.len());
            for icv in [0, 12, 32, 1024] {
                let parted = ah.parted(icv, None);
                // The code is taken out of what it is for.
                assert!(parted.is_none_or(|(bytes, code)| code.len() == icv && bytes.len() > icv));
            }
        }
        open(&mut captured, host);
        if let Some(inside) = captured.inside {
            assert!(inside.undone > 0 && inside.undone <= captured.arrivals.len());
        }
    }
});

/// As ESP with the cipher null, which leaves all as it is.
fn open(captured: &mut Captured, host: ReceivingHost<'_>) {
    while let Some(esp) = captured.esp.take() {
        let decrypted = &esp[ESP_HEADER..];
        let unproven = Contained::of(decrypted, false);
        let (inside, packet) = Contained::of(decrypted, true);
        assert!(packet.len() < decrypted.len().max(1) && unproven.1.len() == packet.len());
        let Contained::Packet(next) = inside else { break };
        let before = captured.arrivals.len();
        let read = captured.read_on(next, packet, inside.is_ip(), host);
        assert!(captured.arrivals.len() >= before);
        if read.is_err() || captured.arrivals.len() >= MOST_HEADERS {
            break;
        }
    }
}
