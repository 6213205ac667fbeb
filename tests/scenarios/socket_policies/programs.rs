//! Other programs as they are.

use std::{collections::BTreeSet, process::Stdio};

use scenarios::{
    ESP_BOTH_DIRECTIONS, Host, Outcome, Packet, Pair, Program, example, exec,
    protocol::{ESP, TCP},
};

use super::BYPASS;

/// The words of nc(1), a server and a client, never pass in clear; those of another program on the
/// same hosts go as they did.
#[test]
fn netcat_as_it_is() {
    for (there, other) in [("192.0.2.2", "192.0.2.2 8"), ("2001:db8::2", "2001:db8::2 8")] {
        let hosts = Pair::without_sas();
        let listen = |policies: &[&str], place: &str| {
            let script = format!("exec nc -nlkv {place} 2>&1");
            Program::start(&mut exec(&hosts.b, policies, &["sh", "-c", &script]))
        };
        let say = |policies: &[&str], place: &str| {
            let script = format!("echo hello | nc -nNw2 {place}");
            Outcome::of(&mut exec(&hosts.a, policies, &["sh", "-c", &script])).status == 0
        };
        let receive = |server: &mut Program| {
            assert!(server.line().starts_with("Connection received on "));
            assert_eq!(server.line(), "hello\n");
        };
        let place = format!("{there} 7");
        let mut server = listen(ESP_BOTH_DIRECTIONS, &place);
        let mut other_server = listen(&[], other);
        assert!(!say(ESP_BOTH_DIRECTIONS, &place));
        assert_eq!(hosts.passed(), BTreeSet::new(), "{there}");
        assert!(!say(&[], &place));
        assert_eq!(hosts.passed(), [TCP].into(), "{there}");
        assert!(say(&[], other));
        receive(&mut other_server);
        assert_eq!(hosts.passed(), [TCP].into(), "{there}");
        hosts.load_sas();
        assert!(say(ESP_BOTH_DIRECTIONS, &place));
        receive(&mut server);
        assert_eq!(hosts.passed(), [ESP].into(), "{there}");
    }
}

/// The example program of the crate `sockpolicy`, which gives its own socket policies.
#[test]
fn the_example_of_the_crate_works() {
    let hosts = Pair::new();
    let web = ["/usr/bin/python3", "-um", "http.server", "-b", "192.0.2.2", "-d", "/run", "80"];
    // It logs on standard error.
    let mut web = exec(&hosts.b, ESP_BOTH_DIRECTIONS, &web);
    let _server = Program::start(web.stderr(Stdio::null()));
    let page = Outcome::success(hosts.a.command(example("protected")).arg("192.0.2.2:80"));
    assert!(page.starts_with("HTTP/1.0 200 OK"), "{page}");
    let packets = hosts.packets();
    let (protected, clear): (Vec<_>, Vec<_>) =
        packets.iter().partition(|packet| packet.protocols[0] == ESP);
    assert!(!protected.is_empty());
    // Acknowledgements of a connection in TIME-WAIT, which has no socket (ipsec(4)): no data.
    let is_bare = |packet: &&Packet| packet.protocols[0] == TCP && packet.length <= 52;
    assert!(clear.iter().all(is_bare), "{clear:?}");
}

/// Sockets that would carry on without the policies are not to be had, although the kernel has them.
#[test]
fn what_has_no_policies_is_not_there() {
    let host = Host::new("a");
    let attempts = "import errno, socket\n\
        def attempt(*a):\n    \
        try: socket.socket(*a); return 'made'\n    \
        except OSError as error: return errno.errorcode[error.errno]\n\
        print(attempt(2, 1, 132), attempt(10, 5, 132), attempt(33, 2, 2))";
    let attempts = ["/usr/bin/python3", "-c", attempts];
    let received = |policies| Outcome::success(&mut exec(&host, policies, &attempts));
    assert_eq!(received(&[]), "made made made\n");
    assert_eq!(received(BYPASS), "EPROTONOSUPPORT EPROTONOSUPPORT EAFNOSUPPORT\n");
    let sctp = "import os, socket, sys; s = socket.socket(2, 1, 132)\n\
        print('ready', os.getpid(), s.fileno(), flush=True); sys.stdin.read()";
    let program = Program::start(host.command("/usr/bin/python3").args(["-c", sctp]));
    let (pid, fd) = program.socket();
    let outcome = host.ipsecctl(&format!("socket clear {pid} {fd}"));
    let reason =
        "ipsecctl: a socket of SCTP has no policy: those that it accepts would be without\n";
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, reason));
}
