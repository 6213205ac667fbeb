//! Mode BEET at one end of a tunnel and another mode at the other end.

use scenarios::{Background, Host, link};

use super::{Diagnosis, KEYS, pings};

struct End {
    mode: &'static str,
    /// Its addresses inside, or outside in transport mode.
    inner: [&'static str; 2],
}

const BEET: End = End { mode: "beet", inner: ["10.1.0.1", "10.2.0.1"] };
const TUNNEL: End = End { mode: "tunnel", ..BEET };
const TRANSPORT: End = End { mode: "transport", inner: ["192.0.2.1", "192.0.2.2"] };

/// Two hosts of these modes.
fn hosts(of_a: &End, of_b: &End) -> [Host; 2] {
    let hosts = ["a", "b"].map(Host::new);
    link(&hosts[0], "192.0.2.1/24", &hosts[1], "192.0.2.2/24");
    for (host, end, [own, other, via], [out, into]) in [
        (&hosts[0], of_a, ["10.1.0.1", "10.2.0.1", "192.0.2.2"], ["out", "in"]),
        (&hosts[1], of_b, ["10.2.0.1", "10.1.0.1", "192.0.2.1"], ["in", "out"]),
    ] {
        host.ip(&format!("addr add {own}/32 dev lo\nroute add {other} via {via} src {own}"));
        let End { mode, inner: [one, two] } = end;
        // The addresses inside, which packets of mode BEET do not have, are those of the selector.
        let [there, back] = [(one, two), (two, one)].map(|(src, dst)| match *mode {
            "beet" => format!("-sel {src} {dst} any"),
            _ => String::new(),
        });
        let [tunnel, reverse] = match *mode {
            "transport" => ["", ""],
            _ => ["192.0.2.1-192.0.2.2", "192.0.2.2-192.0.2.1"],
        };
        host.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 -m {mode} {there} {KEYS};
            add 192.0.2.2 192.0.2.1 esp 0x1002 -m {mode} {back} {KEYS};
            spdadd {one} {two} any -P {out} ipsec esp/{mode}/{tunnel}/require;
            spdadd {two} {one} any -P {into} ipsec esp/{mode}/{reverse}/require;"
        ));
    }
    hosts
}

/// UDP to a port that a program has, which goes on once it has begun.
fn datagrams(from: &Host, to: &Host, dst: &str) -> [Background; 2] {
    let receiver = "import socket,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
s.bind(('0.0.0.0',7000))
print('bound',flush=True)
time.sleep(1000)";
    let sender = format!(
        "import socket,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
while True:
    s.sendto(b'datagram',('{dst}',7000))
    print('sent',flush=True)
    time.sleep(0.2)"
    );
    let receiver = Background::start(to.command("python3").args(["-c", receiver]));
    receiver.lines.recv().expect("it is bound");
    let sender = Background::start(from.command("python3").args(["-c", &sender]));
    sender.lines.recv().expect("it has sent");
    [receiver, sender]
}

#[test]
fn beet_at_both_ends() {
    let [a, b] = hosts(&BEET, &BEET);
    assert!(a.ping("10.2.0.1") && b.ping("10.1.0.1"), "it works");
    let _datagrams = datagrams(&a, &b, "10.2.0.1");
    let _pings = [pings(&a, "10.2.0.1"), pings(&b, "10.1.0.1")];
    for host in [&a, &b] {
        Diagnosis::of(host, "").is_silent();
    }
}

#[test]
fn beet_and_a_tunnel() {
    let [a, b] = hosts(&BEET, &TUNNEL);
    let _pings = pings(&a, "10.2.0.1");
    Diagnosis::of(&b, "").names(
        "mode",
        &["esp 0x1001", "its mode tunnel: the peer has mode transport or beet", "delete 192.0.2.1"],
    );
}

#[test]
fn a_tunnel_and_beet() {
    let [a, b] = hosts(&TUNNEL, &BEET);
    let _pings = pings(&a, "10.2.0.1");
    Diagnosis::of(&b, "").names(
        "mode",
        &["esp 0x1001", "its mode beet: the peer may have mode tunnel", "esp 0x1001 -m tunnel"],
    );
}

/// Pings pass, since both modes have the same form. The checksums of UDP are for other addresses.
#[test]
fn beet_and_transport() {
    let [a, b] = hosts(&BEET, &TRANSPORT);
    let _datagrams = datagrams(&a, &b, "10.2.0.1");
    Diagnosis::of(&b, "")
        .names("mode", &["its mode transport: the peer may have mode beet", "esp 0x1001 -m beet"]);
}

#[test]
fn transport_and_beet() {
    let [a, b] = hosts(&TRANSPORT, &BEET);
    let _datagrams = datagrams(&a, &b, "192.0.2.2");
    Diagnosis::of(&b, "")
        .names("mode", &["its mode beet: the peer may have mode transport", "-m transport"]);
}
