//! `setkey -x` shows what happens in the SAD and SPD, as the PF_KEY messages that AF_KEY would have sent.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use regex::Regex;
use scenarios::{Host, linked_hosts, setkey};

/// RFC 2367, section 3.1, and linux/pfkeyv2.h.
mod message_type {
    pub const ADD: u8 = 3;
    pub const DELETE: u8 = 4;
    pub const ACQUIRE: u8 = 6;
    pub const EXPIRE: u8 = 8;
    pub const FLUSH: u8 = 9;
    pub const SPD_UPDATE: u8 = 13;
    pub const SPD_ADD: u8 = 14;
    pub const SPD_DELETE: u8 = 15;
    pub const SPD_FLUSH: u8 = 19;
}
use message_type::*;

#[test]
fn what_another_setkey_does() {
    let host = Host::new("host");
    let monitor = Monitor::start(&host, "-x");
    host.load(
        r#"
        add 192.0.2.1 192.0.2.2 ah 0x1000 -A hmac-md5 "sixteen byte key";
        delete 192.0.2.1 192.0.2.2 ah 0x1000;
        add 192.0.2.1 192.0.2.2 esp 0x1001 -E null;
        spdadd 192.0.2.1 192.0.2.2 any -P out none;
        spdupdate 192.0.2.1 192.0.2.2 any -P out discard;
        spddelete 192.0.2.1 192.0.2.2 any -P out;
        spdadd 192.0.2.2 192.0.2.1 any -P in none;
        "#,
    );
    host.flush();
    let types = monitor.messages(10).iter().map(Message::message_type).collect::<Vec<_>>();
    let (in_and_fwd, flushes) = ([SPD_ADD, SPD_ADD], [FLUSH, SPD_FLUSH]);
    let one_by_one = [ADD, DELETE, ADD, SPD_ADD, SPD_UPDATE, SPD_DELETE];
    assert_eq!(types, [&one_by_one[..], &in_and_fwd, &flushes].concat());
}

/// What becomes of packets that no policy matches is no policy, though the kernel has it as some.
#[test]
fn def_policy_is_not_reported() {
    let host = Host::new("host");
    let monitor = Monitor::start(&host, "-x");
    for value in [0, 1] {
        for name in ["net.inet.ipsec.def_policy", "net.inet6.ipsec6.def_policy"] {
            host.set(&format!("{name}={value}"));
        }
        host.flush();
    }
    host.load("spdadd 192.0.2.1 192.0.2.2 any -P out none;");
    let types = monitor.messages(2).iter().map(Message::message_type).collect::<Vec<_>>();
    assert_eq!(types, [SPD_FLUSH, SPD_ADD]);
}

/// One message with the time of day or the seconds since 1970, its bytes, its words.
#[test]
fn bytes_and_words() {
    for (words, stamp) in [("-xH", r"^\d\d:\d\d:\d\d\.\d{6} $"), ("-xxH", r"^\d{10}\.\d{6} $")] {
        let host = Host::new("host");
        host.load("add 192.0.2.1 192.0.2.2 esp 0x1001 -E null;");
        let monitor = Monitor::start(&host, words);
        host.load("flush esp;");

        let message = &monitor.messages(1)[0];
        let stamp = Regex::new(stamp).expect("a pattern");
        assert!(stamp.is_match(&message.0[0]), "{message:?}");
        // Version 2, SADB_FLUSH, no errno, SADB_SATYPE_ESP, two words of eight bytes; number and process differ.
        assert!(message.0[1].starts_with("00000000: 02 09 00 03 02 00 00 00 "), "{message:?}");
        let words = "sadb_msg{ version=2 type=9 errno=0 satype=3\n  len=2 reserved=0 seq=";
        assert!(message.words().starts_with(words), "{message:?}");
    }
}

/// An SA reaches its soft limit, then the hard one.
#[test]
fn an_sa_expires() {
    let host = Host::new("host");
    let monitor = Monitor::start(&host, "-x");
    host.load(r#"add 192.0.2.1 192.0.2.2 ah 0x1000 -ls 1 -lh 3 -A hmac-md5 "sixteen byte key";"#);
    let [added, soft, hard] = &monitor.messages(3)[..] else { unreachable!("three messages") };
    assert_eq!(added.message_type(), ADD);
    for (message, extension, limit) in [(soft, 4, 1), (hard, 3, 3)] {
        assert_eq!(message.message_type(), EXPIRE);
        let words = message.words();
        assert!(words.contains("sadb_sa{ spi=4096 "), "{words}");
        let lifetime = format!(
            "sadb_ext{{ len=4 type={extension} }}\n\
             sadb_lifetime{{ alloc=0, bytes=0\n  addtime={limit}, usetime=0 }}\n"
        );
        assert!(words.contains(&lifetime), "{words}");
    }
    assert_eq!(host.setkey("-D").stdout, "No SAD entries.\n");
}

/// A packet needs an SA that is not there.
#[test]
fn an_sa_is_wanted() {
    let [a, _b] = linked_hosts();
    a.load("spdadd 192.0.2.1 192.0.2.2 icmp -P out ipsec ah/transport//require;");
    let monitor = Monitor::start(&a, "-x");
    assert!(!a.ping("192.0.2.2"));

    let acquire = &monitor.messages(1)[0];
    let words = acquire.words();
    assert!(words.starts_with("sadb_msg{ version=2 type=6 errno=0 satype=2\n"), "{words}");
    for (extension, address) in [(5, "c0000201"), (6, "c0000202")] {
        let address = format!(
            "sadb_ext{{ len=3 type={extension} }}\n\
             sadb_address{{ proto=0 prefixlen=32 reserved=0x0000 }}\n\
             sockaddr{{ len=16 family=2 port=0\n {address}  }}\n"
        );
        assert!(words.contains(&address), "{words}");
    }
    assert!(words.contains("sadb_x_policy{ type=2 dir=2 id=1 priority=2147483648 }\n"), "{words}");
    assert_eq!(acquire.message_type(), ACQUIRE);
}

/// A message that must come soon: longer than any of these takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A setkey that shows what happens on a host, until it is dropped.
struct Monitor {
    setkey: Child,
    messages: Receiver<Message>,
}

impl Monitor {
    /// Starts it, and waits until it receives.
    fn start(host: &Host, words: &str) -> Self {
        let mut command = host.command(setkey());
        command.args(words.split_whitespace()).stdout(Stdio::piped());
        let mut setkey = command.spawn().expect("setkey runs");
        let mut output = BufReader::new(setkey.stdout.take().expect("its output is piped"));
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            while let Some(message) = Message::read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let monitor = Self { setkey, messages };
        monitor.wait_until_it_receives(host);
        monitor
    }

    /// Makes changes until one is received, and waits until the last one is.
    fn wait_until_it_receives(&self, host: &Host) {
        let knock = "spdadd 203.0.113.1 203.0.113.2 any -P out none; \
                     spddelete 203.0.113.1 203.0.113.2 any -P out;";
        for _ in 0..50 {
            host.load(knock);
            if self.messages.recv_timeout(Duration::from_millis(200)).is_ok() {
                while self.messages.recv_timeout(Duration::from_millis(500)).is_ok() {}
                return;
            }
        }
        panic!("setkey -x receives nothing");
    }

    /// The next messages.
    fn messages(&self, count: usize) -> Vec<Message> {
        let next = || self.messages.recv_timeout(PATIENCE).expect("a message");
        (0..count).map(|_| next()).collect()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.setkey.kill();
        let _ = self.setkey.wait();
    }
}

/// The lines of a message, the time first.
#[derive(Debug)]
struct Message(Vec<String>);

impl Message {
    /// Up to the blank line behind it; none at the end of the output.
    fn read(output: &mut impl BufRead) -> Option<Self> {
        let lines = output.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let lines = lines.collect::<Vec<_>>();
        (!lines.is_empty()).then_some(Self(lines))
    }

    /// What it prints, without time and bytes.
    fn words(&self) -> String {
        let words = self.0.iter().skip_while(|line| !line.starts_with("sadb_msg{"));
        words.flat_map(|line| [line, "\n"]).collect()
    }

    fn message_type(&self) -> u8 {
        let pattern = Regex::new(r"^sadb_msg\{ version=2 type=(\d+) ").expect("a pattern");
        let words = self.words();
        let found = pattern.captures(&words).unwrap_or_else(|| panic!("no message: {self:?}"));
        found[1].parse().expect("a number")
    }
}
