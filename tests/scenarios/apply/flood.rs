//! A flood of pings while thousands of policies are applied again, some of them changed, and all SAs are rekeyed: no
//! packet is lost, and none is in clear.

use std::{fmt::Write, thread, time::Duration};

use scenarios::{Host, Outcome, Wire, ipsecctl, link, protocol::ESP, times};

use super::tables::file;

/// Which SAs a state has: of each direction, those of these generations.
struct Generations {
    outbound: &'static [u32],
    inbound: &'static [u32],
}

/// The state of a host, `number` 1 or 2 of the network 192.0.2.0/24; every `changed` policies of 10,000 have another
/// action.
fn state(number: u8, sas: &Generations, policies: u32, changed: u32) -> String {
    let peer = 3 - number;
    let mut text = "flush; spdflush;\n".to_owned();
    let mut add = |from: u8, to: u8, generation: u32, direction: &str| {
        let spi = 0x1000 * generation + u32::from(from);
        let keys = format!(
            "-E aes-cbc \"sixteen byte k{generation:02}\" -A hmac-sha1 \"twenty bytes of ke{generation:02}\""
        );
        writeln!(text, "add 192.0.2.{from} 192.0.2.{to} esp {spi} {direction} -u {from} {keys};")
            .expect("a string");
    };
    for generation in sas.inbound {
        add(peer, number, *generation, "");
    }
    for generation in sas.outbound {
        add(number, peer, *generation, "");
    }
    for other in 0..policies {
        let (high, low) = (other / 200, other % 200);
        let action = if other < changed { "discard" } else { "none" };
        writeln!(text, "spdadd 10.{high}.{low}.0/24 10.200.0.0/16 any -P out {action};")
            .expect("a string");
    }
    // Last of all, behind a policy that would let them pass in clear.
    writeln!(
        text,
        "spdadd 192.0.2.{number} 192.0.2.{peer} any -P out ipsec esp/transport//unique:{number};
        spdadd 192.0.2.{peer} 192.0.2.{number} any -P in ipsec esp/transport//require;
        spdadd 192.0.2.0/24 192.0.2.0/24 any -P out none;"
    )
    .expect("a string");
    text
}

fn apply(host: &Host, text: &str) {
    let file = file(text);
    let outcome = Outcome::of(host.command(ipsecctl()).arg("apply").arg(file.path()));
    assert_eq!((outcome.status, &*outcome.stderr), (0, ""), "{outcome:?}");
}

#[test]
fn no_packet_is_lost_and_none_is_in_clear() {
    let policies = times(20_000, 4_000);
    let hosts = [Host::new("a"), Host::new("b")];
    link(&hosts[0], "192.0.2.1/24", &hosts[1], "192.0.2.2/24");
    // Neighbours are found before, once and for all.
    let first = Generations { outbound: &[1], inbound: &[1] };
    let each = |sas: &Generations, changed: u32| {
        for (number, host) in (1..).zip(&hosts) {
            apply(host, &state(number, sas, policies, changed));
        }
    };
    each(&first, 0);
    assert!(hosts[0].ping("192.0.2.2"));
    let wire = Wire::leaving(&hosts[0], "b");
    let mut flood = hosts[0].command("ping");
    flood.args(["-n", "-q", "-i", "0.003", "-W", "5", "-w", "600", "192.0.2.2"]);
    let flood = flood.stdout(std::process::Stdio::piped()).spawn().expect("it runs");
    thread::sleep(Duration::from_secs(1));
    // Both know the new SAs before one of them uses them, and the old ones until none does.
    each(&Generations { outbound: &[1], inbound: &[1, 2] }, 200);
    each(&Generations { outbound: &[2], inbound: &[1, 2] }, 200);
    thread::sleep(Duration::from_millis(500));
    each(&Generations { outbound: &[2], inbound: &[2] }, 0);
    thread::sleep(Duration::from_secs(1));
    let process = rustix::process::Pid::from_raw(flood.id().try_into().expect("a process"));
    rustix::process::kill_process(process.expect("a process"), rustix::process::Signal::INT)
        .expect("it runs");
    let output = flood.wait_with_output().expect("it ends");
    let report = String::from_utf8(output.stdout).expect("text");
    thread::sleep(Duration::from_millis(500));
    let packets = wire.received();
    let clear = packets.iter().filter(|packet| packet.version == 4 && packet.protocols[0] != ESP);
    let of = |generation: u32| {
        packets.iter().filter(|packet| packet.spi == Some(0x1000 * generation + 1)).count()
    };
    println!(
        "{policies} policies: {} {} packets with the old SA, {} with the new",
        report.lines().rev().nth(1).unwrap_or_default(),
        of(1),
        of(2)
    );
    assert_eq!(clear.count(), 0);
    assert!(of(1) > 100 && of(2) > 100, "{} {}", of(1), of(2));
    // The last one may have been on its way.
    let numbers: Vec<usize> =
        report.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[0] - numbers[1] <= 1, "{report}");
}
