//! Sockets that are there: switched from the shell, inherited, listed.

use std::{path::Path, thread::sleep, time::Duration};

use scenarios::{
    ESP_BOTH_DIRECTIONS, Host, Outcome, Pair, Program, echo, exec, ipsecctl,
    protocol::{ESP, TCP},
};

use super::{BYPASS, FAMILIES};

/// `ipsecctl socket` with these words, which must succeed.
fn socket(host: &Host, words: &[&str]) -> String {
    Outcome::success(host.command(ipsecctl()).arg("socket").args(words))
}

fn set(host: &Host, (pid, fd): (u32, u32), policies: &[&str]) {
    let numbers = [pid.to_string(), fd.to_string()];
    let words = [&["set", &numbers[0], &numbers[1]], policies].concat();
    socket(host, &words);
}

fn clear(host: &Host, (pid, fd): (u32, u32)) {
    socket(host, &["clear", &pid.to_string(), &fd.to_string()]);
}

/// For one direction or for both, from the beginning or later, while the other one's policy stays.
#[test]
fn entrust_leaves_packets_to_the_spd() {
    let hosts = Pair::new();
    let tcp = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let mut server = hosts.serve(&[], tcp);
    let spd = "
        spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;
        spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//require;";
    hosts.a.load(spd);
    let mut client = Program::start(&mut echo(&hosts.a, BYPASS, &format!("ask {tcp} talk")));
    let (here, there) = (client.socket(), server.next_socket());
    client.talk("in clear");
    assert_eq!(hosts.passed(), [TCP].into());
    set(&hosts.a, here, &["out entrust"]);
    client.talk("out by the SPD");
    assert_eq!(hosts.passed(), [ESP, TCP].into());
    set(&hosts.b, there, &["out ipsec esp/transport//require"]);
    set(&hosts.a, here, &["in entrust", "out entrust"]);
    client.talk("both by the SPD");
    assert_eq!(hosts.passed(), [ESP].into());
    // What takes the place of a policy is not shown as one.
    assert!(!socket(&hosts.a, &["list"]).contains(&here.0.to_string()));
    set(&hosts.a, here, &["out entrust"]);
    client.talk("again");
    assert_eq!(hosts.passed(), [ESP].into());
    let dump = hosts.a.setkey("-DP").stdout;
    assert!(!dump.contains("per-socket"), "{dump}");
}

#[test]
fn a_connection_is_switched_to_esp_and_back() {
    for (family, _, address) in FAMILIES {
        let hosts = Pair::new();
        let tcp = format!("{family} SOCK_STREAM {address} 7");
        let mut server = hosts.serve(&[], &tcp);
        let mut client = Program::start(&mut echo(&hosts.a, &[], &format!("ask {tcp} talk")));
        let (here, there) = (client.socket(), server.next_socket());
        client.talk("in clear");
        assert_eq!(hosts.passed(), [TCP].into());
        for round in 0..3 {
            // Out first: what the other end does not take meanwhile, TCP sends again.
            set(&hosts.a, here, ESP_BOTH_DIRECTIONS);
            set(&hosts.b, there, ESP_BOTH_DIRECTIONS);
            client.talk(&format!("protected {round}"));
            sleep(Duration::from_millis(100));
            hosts.forget();
            client.talk("nothing else");
            assert_eq!(hosts.passed(), [ESP].into(), "{family} {round}");
            clear(&hosts.a, here);
            clear(&hosts.b, there);
            client.talk(&format!("in clear {round}"));
            hosts.forget();
            client.talk("nothing else");
            assert_eq!(hosts.passed(), [TCP].into(), "{family} {round}");
        }
    }
}

#[test]
fn accepted_sockets_have_their_listeners_policies() {
    let hosts = Pair::new();
    let tcp = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let mut server = hosts.serve(ESP_BOTH_DIRECTIONS, tcp);
    let (pid, fd) = server.socket();
    let list = || socket(&hosts.b, &["list"]);
    let shown = |rest: &str| {
        format!(
            "{pid} python3 {fd} tcp 192.0.2.2:7\n\
             \tin ipsec esp/transport//require{rest}\n\tout ipsec esp/transport//require{rest}\n"
        )
    };
    assert_eq!(list(), shown(""));
    let mut client =
        Program::start(&mut echo(&hosts.a, ESP_BOTH_DIRECTIONS, &format!("ask {tcp} talk")));
    let child = server.next_socket();
    assert_ne!(child.0, pid);
    client.talk("to the child");
    assert_eq!(hosts.passed(), [ESP].into());
    assert_eq!(list(), shown(" (2 sockets: this one and those it has accepted)"));
    // They are the child's own.
    clear(&hosts.b, child);
    assert_eq!(list(), shown(""));
}

#[test]
fn a_dual_stack_server_is_one_of_ipv6() {
    let hosts = Pair::new();
    let any = "AF_INET6 SOCK_STREAM :: 7 dual";
    let v4 = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let v6 = "AF_INET6 SOCK_STREAM 2001:db8::2 7";
    {
        let _server = hosts.serve(ESP_BOTH_DIRECTIONS, any);
        assert!(hosts.ask(ESP_BOTH_DIRECTIONS, v6));
        assert_eq!(hosts.passed(), [ESP].into());
        assert!(!hosts.ask(ESP_BOTH_DIRECTIONS, v4));
        assert!(!hosts.ask(&[], v4));
    }
    let policies = [ESP_BOTH_DIRECTIONS, &["in entrust"]].concat();
    let refused = Outcome::of(&mut exec(&hosts.b, &policies, &["true"]));
    assert_eq!(
        (refused.status, refused.stderr.as_str()),
        (125, "ipsecctl: two policies for direction in\n")
    );
    // With both, IPv4 is left to the SPD.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/socket_policies/echo.py");
    let mut command = hosts.b.command(ipsecctl());
    command.args(["exec", "--dual-stack"]);
    command.args(ESP_BOTH_DIRECTIONS.iter().map(|policy| format!("--policy={policy}")));
    command.args(["--", "/usr/bin/python3", "-B"]).arg(script).arg("serve").args(any.split(' '));
    let server = Program::start(&mut command);
    hosts.forget();
    assert!(hosts.ask(&[], v4));
    assert_eq!(hosts.passed(), [TCP].into());
    assert!(hosts.ask(ESP_BOTH_DIRECTIONS, v6));
    assert_eq!(hosts.passed(), [ESP].into());
    // A socket that is there is classified by what it carries.
    let (pid, fd) = server.socket();
    let mut command = hosts.b.command(ipsecctl());
    command.args(["socket", "set", &pid.to_string(), &fd.to_string(), "in bypass"]);
    let outcome = Outcome::of(&mut command);
    assert_eq!(
        (outcome.status, outcome.stderr.as_str()),
        (
            0,
            "ipsecctl: IPv4 on this socket is left to the SPD: the kernel keeps policies of one IP \
             version for a socket, here IPv6\n"
        )
    );
}

#[test]
fn an_optional_outbound_tunnel_is_refused_with_the_reason() {
    let host = Host::new("a");
    let policy = ["out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use"];
    let outcome = Outcome::of(&mut exec(&host, &policy, &["true"]));
    let reason = "ipsecctl: use on an outbound tunnel: packets may pass without the tunnel, which \
        the kernel cannot do; say require\n";
    assert_eq!((outcome.status, outcome.stderr.as_str()), (125, reason));
}

#[test]
fn policies_of_others_are_counted() {
    let hosts = Pair::new();
    // AF_KEY's own: out bypass (linux/pfkeyv2.h, linux/ipsec.h).
    let foreign = "import socket, struct, sys; s = socket.socket(2, 2)\n\
        s.setsockopt(0, 16, struct.pack('=HHHBBII', 2, 18, 4, 2, 0, 0, 0))\n\
        print('ready', 0, 0, flush=True); sys.stdin.read()";
    let _other = Program::start(hosts.a.command("/usr/bin/python3").args(["-c", foreign]));
    assert_eq!(
        socket(&hosts.a, &["list"]),
        "1 policies that xfrm-tools has not set: their sockets are unknown\n"
    );
}
