//! Programs as they are, whose sockets have policies of their own: `ipsecctl exec` and `ipsecctl
//! socket`, with real packets.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use scenarios::{
    Host, Outcome, Wire, ipsecctl, link,
    protocol::{ESP, ICMP, TCP, UDP},
};

const ESP_BOTH_WAYS: &[&str] =
    &["out ipsec esp/transport//require", "in ipsec esp/transport//require"];
const BYPASS: &[&str] = &["out bypass", "in bypass"];

/// Two hosts that have SAs for one another, once they are loaded, and no policies.
struct Hosts {
    a: Host,
    b: Host,
    wire: Wire,
}

impl Hosts {
    fn without_sas() -> Self {
        let [a, b] = ["a", "b"].map(Host::new);
        link(&a, "192.0.2.1/24", &b, "192.0.2.2/24");
        a.ip("addr add 2001:db8::1/64 dev b");
        b.ip("addr add 2001:db8::2/64 dev a");
        let wire = Wire::tap(&a, "b");
        Self { a, b, wire }
    }

    fn new() -> Self {
        let hosts = Self::without_sas();
        hosts.load_sas();
        hosts
    }

    fn load_sas(&self) {
        let keys =
            r#"-m transport -E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;
        let sas = format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 {keys};
            add 192.0.2.2 192.0.2.1 esp 0x1002 {keys};
            add 2001:db8::1 2001:db8::2 esp 0x1003 {keys};
            add 2001:db8::2 2001:db8::1 esp 0x1004 {keys};"
        );
        for host in [&self.a, &self.b] {
            host.load(&sas);
        }
    }

    /// The protocols that have passed since it was last asked.
    fn passed(&self) -> BTreeSet<u8> {
        // tcpdump is a little behind.
        sleep(Duration::from_millis(300));
        self.wire.heard().iter().map(|packet| packet.protocols[0]).collect()
    }

    fn serve(&self, policies: &[&str], words: &str) -> Program {
        Program::start(&mut echo(&self.b, policies, &format!("serve {words}")))
    }

    /// Whether a client on the other host gets its words back.
    fn ask(&self, policies: &[&str], words: &str) -> bool {
        Outcome::of(&mut echo(&self.a, policies, &format!("ask {words}"))).status == 0
    }
}

/// `echo.py`, with policies if there are any.
fn echo(host: &Host, policies: &[&str], words: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/socket_policies/echo.py");
    let mut command = exec(host, policies, &["/usr/bin/python3", "-B"]);
    command.arg(script).args(words.split_whitespace());
    command
}

/// A program with policies on its sockets, or as it is if there are none.
fn exec(host: &Host, policies: &[&str], program: &[&str]) -> Command {
    let (first, rest) = program.split_first().expect("a program");
    if policies.is_empty() {
        let mut command = host.command(first);
        command.args(rest);
        return command;
    }
    let mut command = host.command(ipsecctl());
    command.arg("exec").args(policies.iter().map(|policy| format!("--policy={policy}")));
    command.arg("--").args(program);
    command
}

/// A program that goes on until it is dropped.
struct Program {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pid: u32,
    fd: u32,
}

impl Program {
    fn start(command: &mut Command) -> Self {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let input = process.stdin.take().expect("it is piped");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut started = Self { process, input, output, pid: 0, fd: 0 };
        (started.pid, started.fd) = started.next_socket();
        started
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it prints text");
        line
    }

    /// The process and the descriptor that it says next.
    fn next_socket(&mut self) -> (u32, u32) {
        let line = self.line();
        let mut numbers =
            line.split_whitespace().skip(1).map(|word| word.parse().expect("a number"));
        let mut number = || numbers.next().unwrap_or_else(|| panic!("{line:?}"));
        (number(), number())
    }

    /// Says something to the other end, which must come back.
    fn talk(&mut self, word: &str) {
        writeln!(self.input, "{word}").expect("it listens");
        assert_eq!(self.line(), format!("heard {word}\n"));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

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

#[test]
fn with_sas_there_is_only_esp_and_without_nothing() {
    for (family, address) in [("AF_INET", "192.0.2.2"), ("AF_INET6", "2001:db8::2")] {
        let hosts = Hosts::without_sas();
        let tcp = format!("{family} SOCK_STREAM {address}");
        let _server = hosts.serve(ESP_BOTH_WAYS, &format!("{tcp} 7"));
        let _other_server = hosts.serve(&[], &format!("{tcp} 8"));
        assert!(!hosts.ask(ESP_BOTH_WAYS, &format!("{tcp} 7")));
        assert_eq!(hosts.passed(), BTreeSet::new(), "{family}");
        // Other programs of the same hosts.
        assert!(hosts.ask(&[], &format!("{tcp} 8")));
        assert_eq!(hosts.passed(), [TCP].into(), "{family}");
        // A client in clear, whom the server does not hear.
        assert!(!hosts.ask(&[], &format!("{tcp} 7")));
        hosts.passed();
        hosts.load_sas();
        assert!(hosts.ask(ESP_BOTH_WAYS, &format!("{tcp} 7")));
        assert_eq!(hosts.passed(), [ESP].into(), "{family}");
        assert!(hosts.ask(&[], &format!("{tcp} 8")));
        assert_eq!(hosts.passed(), [TCP].into(), "{family}");
    }
}

/// Once a connection is closed, the kernel answers for it without a socket, and so without its
/// policies. It has nothing of the program's to say.
#[test]
fn the_last_acknowledgement_is_left_to_the_spd() {
    let hosts = Hosts::new();
    let tcp = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let _server = hosts.serve(ESP_BOTH_WAYS, &format!("{tcp} late"));
    let after_close = || {
        assert!(hosts.ask(ESP_BOTH_WAYS, &format!("{tcp} abrupt")));
        sleep(Duration::from_secs(1));
        let heard = hosts.wire.heard();
        heard.iter().filter(|packet| packet.protocols != [ESP]).map(|it| it.length).collect()
    };
    let in_clear: Vec<usize> = after_close();
    // IPv4, TCP and its timestamps.
    assert!(!in_clear.is_empty() && in_clear.iter().all(|length| *length == 52), "{in_clear:?}");
    hosts.a.load("spdadd 192.0.2.1 192.0.2.2 tcp -P out ipsec esp/transport//require;");
    // Those of the first connection, which the other end has not taken in clear.
    hosts.passed();
    assert_eq!(after_close(), Vec::<usize>::new());
}

#[test]
fn datagrams_of_connected_and_other_sockets() {
    let hosts = Hosts::new();
    for (family, address) in [("AF_INET", "192.0.2.2"), ("AF_INET6", "2001:db8::2")] {
        let udp = format!("{family} SOCK_DGRAM {address} 7");
        let _server = hosts.serve(ESP_BOTH_WAYS, &udp);
        for option in ["", "unconnected"] {
            assert!(hosts.ask(ESP_BOTH_WAYS, &format!("{udp} {option}")), "{family} {option}");
            assert_eq!(hosts.passed(), [ESP].into(), "{family} {option}");
        }
        assert!(!hosts.ask(&[], &udp));
        assert_eq!(hosts.passed(), [UDP].into());
    }
}

/// As NetBSD's tests of `ping -E` and `-P` have it: the other host answers in clear.
#[test]
fn a_ping_is_protected_one_way_or_both() {
    let hosts = Hosts::new();
    let ping = |policies: &[&str]| {
        let mut ping = exec(&hosts.a, policies, &["ping", "-nqc1", "-W1", "192.0.2.2"]);
        Outcome::of(&mut ping).status == 0
    };
    assert!(ping(&["out ipsec esp/transport//require"]));
    assert_eq!(hosts.passed(), [ESP, ICMP].into());
    assert!(!ping(ESP_BOTH_WAYS));
    assert_eq!(hosts.passed(), [ESP, ICMP].into());
    // The same with a raw socket, whatever ping(8) takes.
    let raw = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n\
        s.settimeout(2); s.sendto(bytes.fromhex('0800f7fe00010000'), ('192.0.2.2', 0))\n\
        assert s.recv(99)[20:28].hex() == '0000fffe00010000'";
    let python = |policies: &[&str]| {
        Outcome::of(&mut exec(&hosts.a, policies, &["/usr/bin/python3", "-c", raw])).status
    };
    assert_eq!(python(&["out ipsec esp/transport//require"]), 0);
    assert_eq!(hosts.passed(), [ESP, ICMP].into());
    assert_eq!(python(ESP_BOTH_WAYS), 1);
}

#[test]
fn bypass_passes_what_the_spd_discards() {
    let hosts = Hosts::new();
    let tcp = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let _server = hosts.serve(&[], tcp);
    hosts.a.load(
        "spdadd 192.0.2.1 192.0.2.2 any -P out discard;
        spdadd 192.0.2.2 192.0.2.1 any -P in discard;",
    );
    assert!(!hosts.ask(&[], tcp));
    assert_eq!(hosts.passed(), BTreeSet::new());
    assert!(hosts.ask(BYPASS, tcp));
    assert_eq!(hosts.passed(), [TCP].into());
    // `none` is the same, as with AF_KEY.
    assert!(hosts.ask(&["out none", "in none"], tcp));
    assert!(!hosts.ask(&["out bypass"], tcp));
}

#[test]
fn discard_stops_what_the_spd_lets_pass() {
    let hosts = Hosts::new();
    let udp = "AF_INET SOCK_DGRAM 192.0.2.2 7";
    let _server = hosts.serve(&[], udp);
    assert!(hosts.ask(&["in bypass"], udp));
    hosts.passed();
    assert!(!hosts.ask(&["out discard"], udp));
    assert_eq!(hosts.passed(), BTreeSet::new());
    assert!(!hosts.ask(&["in discard"], udp));
}

/// For one direction or for both, from the beginning or later, while the other one's policy stays.
#[test]
fn entrust_is_what_the_spd_says() {
    let hosts = Hosts::new();
    let tcp = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let mut server = hosts.serve(&[], tcp);
    let spd = "
        spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;
        spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//require;";
    hosts.a.load(spd);
    let mut client = Program::start(&mut echo(&hosts.a, BYPASS, &format!("ask {tcp} talk")));
    let (here, there) = ((client.pid, client.fd), server.next_socket());
    client.talk("in clear");
    assert_eq!(hosts.passed(), [TCP].into());
    set(&hosts.a, here, &["out entrust"]);
    client.talk("out as the SPD says");
    assert_eq!(hosts.passed(), [ESP, TCP].into());
    set(&hosts.b, there, &["out ipsec esp/transport//require"]);
    set(&hosts.a, here, &["in entrust", "out entrust"]);
    client.talk("both ways as the SPD says");
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
    for (family, address) in [("AF_INET", "192.0.2.2"), ("AF_INET6", "2001:db8::2")] {
        let hosts = Hosts::new();
        let tcp = format!("{family} SOCK_STREAM {address} 7");
        let mut server = hosts.serve(&[], &tcp);
        let mut client = Program::start(&mut echo(&hosts.a, &[], &format!("ask {tcp} talk")));
        let (here, there) = ((client.pid, client.fd), server.next_socket());
        client.talk("in clear");
        assert_eq!(hosts.passed(), [TCP].into());
        for round in 0..3 {
            // Out first: what the other end does not take meanwhile, TCP sends again.
            set(&hosts.a, here, ESP_BOTH_WAYS);
            set(&hosts.b, there, ESP_BOTH_WAYS);
            client.talk(&format!("protected {round}"));
            sleep(Duration::from_millis(100));
            hosts.passed();
            client.talk("nothing else");
            assert_eq!(hosts.passed(), [ESP].into(), "{family} {round}");
            clear(&hosts.a, here);
            clear(&hosts.b, there);
            client.talk(&format!("in clear {round}"));
            hosts.passed();
            client.talk("nothing else");
            assert_eq!(hosts.passed(), [TCP].into(), "{family} {round}");
        }
    }
}

#[test]
fn accepted_sockets_have_their_listeners_policies() {
    let hosts = Hosts::new();
    let tcp = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let mut server = hosts.serve(ESP_BOTH_WAYS, tcp);
    let (pid, fd) = (server.pid, server.fd);
    let list = || socket(&hosts.b, &["list"]);
    let shown = |rest: &str| {
        format!(
            "{pid} python3 {fd} tcp 192.0.2.2:7\n\
             \tin ipsec esp/transport//require{rest}\n\tout ipsec esp/transport//require{rest}\n"
        )
    };
    assert_eq!(list(), shown(""));
    let mut client = Program::start(&mut echo(&hosts.a, ESP_BOTH_WAYS, &format!("ask {tcp} talk")));
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
    let hosts = Hosts::new();
    let any = "AF_INET6 SOCK_STREAM :: 7 dual";
    let v4 = "AF_INET SOCK_STREAM 192.0.2.2 7";
    let v6 = "AF_INET6 SOCK_STREAM 2001:db8::2 7";
    {
        let _server = hosts.serve(ESP_BOTH_WAYS, any);
        assert!(hosts.ask(ESP_BOTH_WAYS, v6));
        assert_eq!(hosts.passed(), [ESP].into());
        assert!(!hosts.ask(ESP_BOTH_WAYS, v4));
        assert!(!hosts.ask(&[], v4));
    }
    let policies = [ESP_BOTH_WAYS, &["in entrust"]].concat();
    let refused = Outcome::of(&mut exec(&hosts.b, &policies, &["true"]));
    assert_eq!(
        (refused.status, refused.stderr.as_str()),
        (125, "ipsecctl: two policies for direction in\n")
    );
    // Who wants both has IPv4 as the SPD says.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/socket_policies/echo.py");
    let mut command = hosts.b.command(ipsecctl());
    command.args(["exec", "--dual-stack"]);
    command.args(ESP_BOTH_WAYS.iter().map(|policy| format!("--policy={policy}")));
    command.args(["--", "/usr/bin/python3", "-B"]).arg(script).arg("serve").args(any.split(' '));
    let server = Program::start(&mut command);
    hosts.passed();
    assert!(hosts.ask(&[], v4));
    assert_eq!(hosts.passed(), [TCP].into());
    assert!(hosts.ask(ESP_BOTH_WAYS, v6));
    assert_eq!(hosts.passed(), [ESP].into());
    // A socket that is there is told apart by what it carries.
    let numbers = [server.pid.to_string(), server.fd.to_string()];
    let mut command = hosts.b.command(ipsecctl());
    let outcome =
        Outcome::of(command.args(["socket", "set", &numbers[0], &numbers[1], "in bypass"]));
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
    let hosts = Hosts::new();
    // AF_KEY's own: out bypass (linux/pfkeyv2.h, linux/ipsec.h).
    let foreign = "import socket, struct, sys; s = socket.socket(2, 2)\n\
        s.setsockopt(0, 16, struct.pack('=HHHBBII', 2, 18, 4, 2, 0, 0, 0))\n\
        print('ready', 0, 0, flush=True); sys.stdin.read()";
    let _other = Program::start(hosts.a.command("/usr/bin/python3").args(["-c", foreign]));
    assert_eq!(
        socket(&hosts.a, &["list"]),
        "1 policies that xfrm-tools has not set: nothing says of which sockets\n"
    );
}
