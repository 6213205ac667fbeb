//! A setkey that waits for its input meanwhile sees what other programs change.

use std::{thread, time::Duration};

use scenarios::{Host, Session, setkey};

/// A tunnel in IPv6 that carries IPv4: its SAs need the flag `af-unspec`.
const POLICY: &str = "spdadd 10.0.1.0/24 10.0.2.0/24 any -P out ipsec \
                      esp/tunnel/2001:db8::1-2001:db8::2/require;";

#[test]
fn policies_of_other_programs_decide() {
    let host = Host::new("session");
    let mut session = Session::open(&mut host.command(setkey()));
    let flag_of_next = |session: &mut Session, spi: u32| {
        // setkey takes the SPD as it has read it for a second.
        thread::sleep(Duration::from_millis(1200));
        session.run(&format!("add 2001:db8::1 2001:db8::2 esp {spi} -m tunnel -E null;"));
        let state = host.show(&format!("xfrm state list spi {spi}"));
        assert!(state.contains("mode tunnel"), "{state}");
        state.contains("af-unspec")
    };
    assert!(!flag_of_next(&mut session, 0x1000));
    host.load(POLICY);
    assert!(flag_of_next(&mut session, 0x1001));
    host.load("spdflush;");
    assert!(!flag_of_next(&mut session, 0x1002));
}
