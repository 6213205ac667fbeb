//! Two gateways with tunnels for one another, and a host behind the second. Drops are traced on the second.

use std::{
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use scenarios::{Background, Host, Outcome, eventually, ipsecctl, link, linked_hosts};
use serde_json::Value;

pub const KEYS: &str = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;

/// How long a drop may take to be printed: far longer than any does, also in a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// 10.1.0.5 on `a`, 192.0.2.1; 10.2.0.5 on `b`, 192.0.2.2; 10.2.1.9 on `c` behind it.
pub struct Lab {
    pub a: Host,
    pub b: Host,
    pub c: Host,
}

impl Lab {
    pub fn new() -> Self {
        let ([a, b], c) = (linked_hosts(), Host::new("c"));
        link(&b, "10.2.1.1/24", &c, "10.2.1.9/24");
        a.ip("addr add 10.1.0.5/32 dev lo\nroute add 10.2.0.0/16 via 192.0.2.2 src 10.1.0.5");
        b.ip("addr add 10.2.0.5/32 dev lo\nroute add 10.1.0.0/16 via 192.0.2.1 src 10.2.0.5");
        c.ip("route add default via 10.2.1.1");
        b.forward();
        let lab = Self { a, b, c };
        lab.heal();
        lab
    }

    /// The tunnels as they work.
    pub fn heal(&self) {
        for (host, [outward, inward]) in [(&self.a, ["out", "in"]), (&self.b, ["in", "out"])] {
            host.flush();
            host.load(&(sas() + &policies(outward, inward)));
        }
    }

    /// Replaces the SAs of the traced host.
    pub fn replace_sas(&self, sas: &str) {
        let _ = self.b.setkey("-F");
        self.b.load(sas);
    }

    /// Whether a ping from behind the first gateway is answered.
    pub fn ping(&self, to: &str) -> bool {
        self.a.ping(&format!("-I 10.1.0.5 {to}"))
    }
}

pub fn sas() -> String {
    format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -r 32 {KEYS};
        add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel -r 32 {KEYS};"
    )
}

pub fn policies(outward: &str, inward: &str) -> String {
    format!(
        "spdadd 10.1.0.0/16 10.2.0.0/16 any -P {outward} ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;
        spdadd 10.2.0.0/16 10.1.0.0/16 any -P {inward} ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;"
    )
}

/// A trace on a host, with these options, that receives what is dropped from now on.
pub fn trace(host: &Host, options: &str) -> Background {
    let traced = begin(host, options);
    if has_drop_monitor() {
        eventually("a trace has started the drop monitor", is_traced);
    }
    traced
}

/// The same, which perhaps does not receive yet.
pub fn begin(host: &Host, options: &str) -> Background {
    let mut command: Command = host.command(ipsecctl());
    Background::start(command.args(["trace", "--json"]).args(options.split_whitespace()))
}

/// The first drop that a trace prints while packets are sent.
pub fn first(trace: &Background, send: impl Fn()) -> Value {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        send();
        if let Ok(line) = trace.lines.recv_timeout(Duration::from_millis(500)) {
            let document: Value = serde_json::from_str(&line).expect("JSON");
            return document["drop"].clone();
        }
    }
    panic!("no drop is printed");
}

/// The kernel has one drop monitor: these scenarios run one at a time, also on two processors.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the kernel has a drop monitor.
pub fn has_drop_monitor() -> bool {
    let modprobe = ["-d", "/run/kernel", "drop_monitor"];
    Outcome::of(Command::new("modprobe").args(modprobe)).status == 0
}

/// Another program that uses the drop monitor.
pub fn net_dm(words: &str) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/trace/net_dm.py");
    let mut python = Command::new("python3");
    Outcome::success(python.arg("-B").arg(program).args(words.split_whitespace())).trim().to_owned()
}

/// Whether a trace has started it.
pub fn is_traced() -> bool {
    net_dm("get").starts_with("1 256 ")
}
