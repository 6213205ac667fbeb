//! Two hosts with SAs for one another, and programs that talk to one another on them.

use std::{collections::BTreeSet, path::Path, process::Command, thread::sleep, time::Duration};

use crate::{Host, Outcome, Packet, Program, Wire, ipsecctl, linked_hosts};

/// Policies of a socket that lets nothing pass without ESP.
pub const ESP_BOTH_DIRECTIONS: &[&str] =
    &["out ipsec esp/transport//require", "in ipsec esp/transport//require"];

/// Two hosts that have SAs for one another, once they are loaded, and no policies: 192.0.2.1 and
/// 2001:db8::1, 192.0.2.2 and 2001:db8::2.
pub struct Pair {
    /// The first one.
    pub a: Host,
    /// The second one.
    pub b: Host,
    /// The link between them.
    pub wire: Wire,
}

impl Pair {
    /// Without SAs.
    #[must_use]
    pub fn without_sas() -> Self {
        let [a, b] = linked_hosts();
        a.ip("addr add 2001:db8::1/64 dev b");
        b.ip("addr add 2001:db8::2/64 dev a");
        let wire = Wire::tap(&a, "b");
        Self { a, b, wire }
    }

    /// With SAs.
    #[must_use]
    pub fn new() -> Self {
        let hosts = Self::without_sas();
        hosts.load_sas();
        hosts
    }

    /// ESP in transport mode, each way, each IP version.
    pub fn load_sas(&self) {
        let keys =
            r#"-m transport -E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;
        self.load(&format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 {keys};
            add 192.0.2.2 192.0.2.1 esp 0x1002 {keys};
            add 2001:db8::1 2001:db8::2 esp 0x1003 {keys};
            add 2001:db8::2 2001:db8::1 esp 0x1004 {keys};"
        ));
    }

    /// Loads a setkey script on both.
    pub fn load(&self, script: &str) {
        for host in [&self.a, &self.b] {
            host.load(script);
        }
    }

    /// The protocols that have passed since it was last asked.
    #[must_use]
    pub fn passed(&self) -> BTreeSet<u8> {
        self.packets().iter().map(|packet| packet.protocols[0]).collect()
    }

    /// The packets that have passed since the last call.
    #[must_use]
    pub fn packets(&self) -> Vec<Packet> {
        // tcpdump is a little behind.
        sleep(Duration::from_millis(300));
        self.wire.received()
    }

    /// Asks from now on.
    pub fn forget(&self) {
        let _ = self.passed();
    }

    /// A server of `echo.py` on the second host.
    #[must_use]
    pub fn serve(&self, policies: &[&str], words: &str) -> Program {
        Program::start(&mut echo(&self.b, policies, &format!("serve {words}")))
    }

    /// Whether a client on the first host gets its words back.
    #[must_use]
    pub fn ask(&self, policies: &[&str], words: &str) -> bool {
        Outcome::of(&mut echo(&self.a, policies, &format!("ask {words}"))).status == 0
    }
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

/// `echo.py`, with policies if there are any.
#[must_use]
pub fn echo(host: &Host, policies: &[&str], words: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/socket_policies/echo.py");
    let mut command = exec(host, policies, &["/usr/bin/python3", "-B"]);
    command.arg(script).args(words.split_whitespace());
    command
}

/// A program with policies on its sockets, or as it is if there are none.
#[must_use]
pub fn exec(host: &Host, policies: &[&str], program: &[&str]) -> Command {
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
