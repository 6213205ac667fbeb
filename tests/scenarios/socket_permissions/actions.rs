//! What a line allows, action by action.

use scenarios::{
    Daemon, ESP_BOTH_DIRECTIONS, Outcome, Program,
    protocol::{ESP, UDP},
};

use super::{Hosts, audit, open};

const DISCARD: &[&str] = &["out discard"];
const BYPASS: &[&str] = &["out bypass"];

/// Who may have his packets pass in clear may not therefore drop them, nor the other way round.
#[test]
fn bypass_and_discard_are_allowed_separately() {
    let hosts = Hosts::new();
    hosts.a.load("spdadd 192.0.2.1 192.0.2.2 udp -P out discard;");
    let refused = |policies: &[&str], action: &str| {
        let outcome = hosts.exec(policies);
        let reason = format!("no line of ipsecd.conf permits `{action}` to user 1000");
        assert!(outcome.status == 125 && outcome.stderr.contains(&reason), "{outcome:?}");
    };
    {
        let daemon = hosts.serve("sockets user 1000 bypass\n");
        refused(DISCARD, "discard");
        refused(ESP_BOTH_DIRECTIONS, "ipsec");
        refused(&["in entrust"], "entrust");
        audit(&daemon, r#"policy="out discard""#);
        // The server does not receive it, but it passes, whatever the SPD is.
        assert_eq!(hosts.exec(BYPASS).status, 1);
        assert_eq!(hosts.wire.packets(1)[0].protocols, [UDP]);
        assert_eq!(hosts.exec(&["out none"]).status, 1);
        assert_eq!(hosts.wire.packets(1)[0].protocols, [UDP]);
    }
    hosts.a.flush();
    let sas = r#"add 192.0.2.1 192.0.2.2 esp 0x1001 -E aes-cbc "sixteen byte key"
        -A hmac-sha1 "twenty bytes of key!";"#;
    hosts.a.load(sas);
    let daemon = hosts.serve("sockets user 1000 discard\n");
    refused(BYPASS, "bypass");
    refused(&["out ipsec"], "bypass");
    let dropped = hosts.exec(DISCARD);
    assert!(dropped.stderr.contains("Operation not permitted"), "{dropped:?}");
    assert!(audit(&daemon, "socket policy set").contains(r#"policy="out discard""#));
    assert!(hosts.wire.received().is_empty());
}

/// Tunnels, level `use` and the numbers of `unique` are SAs and packets of others.
#[test]
fn what_extends_ipsec_is_permitted_word_by_word() {
    let hosts = Hosts::new();
    let tunnel = "out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require";
    let cases = [
        ("tunnel", tunnel),
        ("use", "in ipsec esp/transport//use"),
        ("unique:77", "out ipsec esp/transport//unique:77"),
        ("unique:any", "out ipsec esp/transport//unique:77"),
        ("bypass", "out ipsec ipcomp/transport//require"),
    ];
    let audit_word =
        |daemon: &Daemon, word: &str| audit(daemon, &format!("permits `{word}` to user"));
    {
        let daemon = hosts.serve("sockets user 1000 ipsec\n");
        for (word, policy) in cases {
            let refused = hosts.exec(&[policy]);
            assert_eq!(refused.status, 125, "{policy}: {refused:?}");
            audit_word(&daemon, if word == "unique:any" { "unique:77" } else { word });
        }
        for level in ["require", "unique", "default"] {
            let policy = format!("out ipsec esp/transport//{level}");
            assert_ne!(hosts.exec(&[&policy]).status, 125, "{policy}");
        }
    }
    for (word, policy) in cases {
        let _daemon = hosts.serve(&format!("sockets user 1000 ipsec {word}\n"));
        let permitted = hosts.exec(&[policy]);
        assert_ne!(permitted.status, 125, "{policy}: {permitted:?}");
    }
}

/// The socket of a program that runs, by its user, who may give it a policy and not take it away.
#[test]
fn a_running_program_of_ones_own() {
    let hosts = Hosts::new();
    let script = hosts.file("udp.py");
    let text = "import os, socket, sys; s = socket.socket(2, 2); s.settimeout(2)\n\
        print('ready', os.getpid(), s.fileno(), flush=True)\n\
        for line in sys.stdin:\n    \
        s.sendto(line.encode(), ('192.0.2.2', 7)); print('received', s.recv(99).decode().strip(), flush=True)";
    std::fs::write(&script, text).expect("a script");
    open(&script, 0o644);
    let mut program = Program::start(hosts.unprivileged("/usr/bin/python3").arg("-B").arg(&script));
    let (pid, fd) = program.socket();
    let numbers = [pid.to_string(), fd.to_string()];
    let socket = |words: &[&str]| {
        let mut command = hosts.unprivileged(hosts.file("ipsecctl"));
        Outcome::of(command.args(["socket", words[0]]).args(&numbers).args(&words[1..]))
    };
    let daemon = hosts.serve("sockets user 1000 ipsec\n");
    let set = socket(&[&["set"], ESP_BOTH_DIRECTIONS].concat());
    assert_eq!(set.status, 0, "{set:?}");
    program.talk("protected");
    assert!(hosts.wire.packets(2).iter().all(|packet| packet.protocols == [ESP]));
    let clear = socket(&["clear"]);
    let reason = "no line of ipsecd.conf permits `entrust`";
    assert!(clear.status == 1 && clear.stderr.contains(reason), "{clear:?}");
    audit(&daemon, reason);
    program.talk("still protected");
    assert!(hosts.wire.packets(2).iter().all(|packet| packet.protocols == [ESP]));
    // The socket of another user is out of reach.
    let own = std::process::id().to_string();
    let other = Outcome::of(
        hosts.unprivileged(hosts.file("ipsecctl")).args(["socket", "clear", &own, "0"]),
    );
    let reason = "CAP_SYS_PTRACE is missing";
    assert!(other.status == 1 && other.stderr.contains(reason), "{other:?}");
}
