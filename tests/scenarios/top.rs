//! `ipsecctl top` counts what SAs transform and what is dropped.

use std::fmt::Write;

use scenarios::{Host, Outcome, Pair, time_and_memory};
use serde_json::Value;

const SAS: usize = 10_000;

/// Milliseconds of one look by a program that is optimised; one that is not takes many times as long.
const MOST_MILLISECONDS: u64 = if cfg!(debug_assertions) { 10_000 } else { 200 };

/// KiB: the names and numbers of two samples, and the table that is printed.
const MOST_MEMORY: u64 = 48 << 10;

fn document(host: &Host, words: &str) -> Value {
    let outcome = host.ipsecctl(&format!("top --once --json {words}"));
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

#[test]
fn pings_are_counted_by_sa_and_policy() {
    let pair = Pair::without_sas();
    let key = "-E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty bytes of key!\"";
    let sas = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -bh 1000000 -bs 900000 {key};
        add 192.0.2.2 192.0.2.1 esp 0x1002 {key};"
    );
    for (host, outward, inward) in [(&pair.a, "1", "2"), (&pair.b, "2", "1")] {
        host.load(&format!(
            "{sas}
            spdadd 192.0.2.{outward} 192.0.2.{inward} any -P out ipsec esp/transport//require;
            spdadd 192.0.2.{inward} 192.0.2.{outward} any -P in ipsec esp/transport//require;"
        ));
    }
    let mut ping = pair.a.command("ping");
    let mut ping = ping.args(["-q", "-i", "0.1", "192.0.2.2"]).spawn().expect("ping");
    let document = document(&pair.a, "--interval 2 --sort name");
    ping.kill().expect("it runs");
    ping.wait().expect("it ends");

    let rates = &document["rates"];
    assert!(rates["milliseconds"].as_u64() >= Some(2000), "{rates}");
    for spi in [0x1001, 0x1002] {
        let sas = rates["sas"].as_array().expect("a list");
        let sa = sas.iter().find(|it| it["spi"] == spi).expect("the SA");
        let packets = sa["packets_per_second"].as_u64().expect("a number");
        assert!((2..=12).contains(&packets), "{sa}");
        assert!(sa["bytes_per_second"].as_u64() > Some(packets * 50), "{sa}");
        assert_eq!(sa["limit"]["of"].as_str(), (spi == 0x1001).then_some("bytes"), "{sa}");
    }
    let policies = rates["policies"].as_array().expect("a list");
    let of = |direction: &str| {
        let is_of =
            |it: &&Value| it["name"].as_str().is_some_and(|name| name.starts_with(direction));
        policies.iter().find(is_of).unwrap_or_else(|| panic!("{direction}: {rates}"))
    };
    for direction in ["in ", "out "] {
        assert!(of(direction)["packets_per_second"].as_u64() >= Some(2), "{rates}");
        assert_eq!(of(direction)["sas"], 1, "{rates}");
    }
    // The SA serves the forward copy, too, but nothing was forwarded.
    assert_eq!(of("fwd ")["sas"], 1, "{rates}");
    assert_eq!(of("fwd ")["packets_per_second"], 0, "{rates}");
    assert!(!document.to_string().contains("73697874"), "a key: {document}");
}

#[test]
fn drops_and_filters() {
    let pair = Pair::without_sas();
    pair.b.load("spdadd 192.0.2.1 192.0.2.2 any -P in discard;");
    let mut ping = pair.a.command("ping");
    let mut ping = ping.args(["-q", "-i", "0.2", "192.0.2.2"]).spawn().expect("ping");
    let dropped = document(&pair.b, "--interval 2");
    ping.kill().expect("it runs");
    ping.wait().expect("it ends");
    let counter = &dropped["counters"][0];
    assert_eq!(counter["name"], "XfrmInPolBlock", "{dropped}");
    assert!(counter["change"].as_u64() >= Some(2), "{counter}");

    pair.a.load(
        "add 192.0.2.1 192.0.2.2 ah 0x1001 -A hmac-sha1 \"twenty bytes of key!\";
        add 192.0.2.1 192.0.2.3 ah 0x1002 -A hmac-sha1 \"twenty bytes of key!\";",
    );
    let filtered = document(&pair.a, "--interval 0.1 --dst 192.0.2.3");
    let sas = filtered["rates"]["sas"].as_array().expect("a list");
    assert_eq!(sas.iter().map(|it| &it["spi"]).collect::<Vec<_>>(), [0x1002]);
    let table = pair.a.ipsecctl("top --once --interval 0.1");
    assert!(table.stdout.contains("ah 0x1001 192.0.2.1 > 192.0.2.2\n"), "{table:?}");
    let wrong = pair.a.ipsecctl("top --once --interval 0");
    assert!(matches!(wrong, Outcome { status: 2, .. }));
}

#[test]
fn ten_thousand_sas() {
    let host = Host::new("host");
    let script = (0..SAS).fold(String::new(), |mut script, number| {
        let (peer, spi) = (number % 250 + 1, 0x1000 + number);
        let key = "-A hmac-sha1 \"twenty bytes of key!\"";
        writeln!(script, "add 192.0.2.1 198.51.100.{peer} ah {spi} {key};").expect("a string");
        script
    });
    host.load(&script);
    host.load("spdadd 192.0.2.1 198.51.100.0/24 any -P out ipsec ah/transport//require;");
    // The first run reads the program from the disk, which is not what is measured.
    let found = document(&host, "--interval 0.1");
    assert_eq!(found["rates"]["sas"].as_array().map(Vec::len), Some(SAS));
    assert_eq!(found["rates"]["policies"][0]["sas"], SAS);
    let [milliseconds, kibibytes] = time_and_memory(&host, &["top", "--once", "--interval", "0.1"]);
    // It looks twice, an interval apart.
    let look = milliseconds.saturating_sub(100) / 2;
    println!("10,000 SAs: {look} ms a look, {kibibytes} KiB");
    assert!(kibibytes <= MOST_MEMORY, "{kibibytes} KiB");
    assert!(look <= MOST_MILLISECONDS, "{look} ms");
}
