//! ESP of each algorithm on a wire, captured and decrypted.
//!
//! tcpdump 4.99.3 takes all of a cipher's IV from the packet and knows ICVs of 96 bits, so that it decrypts CBC with these
//! (print-esp.c). Wireshark 4.0.17 has no ChaCha20-Poly1305 (packet-ipsec.c).

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use scenarios::{Outcome, Pair, report_skipped};
use tempfile::TempDir;

/// Algorithms of a script, and which programs decrypt them.
struct Cipher {
    words: &'static str,
    by_tcpdump: bool,
    by_tshark: bool,
}

const AUTH: &str = r#"-A hmac-sha1 "twenty bytes of key!""#;

const CIPHERS: [Cipher; 7] = [
    Cipher { words: r#"-E aes-cbc "sixteen byte key""#, by_tcpdump: true, by_tshark: true },
    Cipher {
        words: r#"-E aes-cbc "32 bytes, which are 256 bits key" -A hmac-sha256-128 "32 bytes of key for HMAC-SHA-256""#,
        by_tcpdump: false,
        by_tshark: true,
    },
    Cipher { words: r#"-E aes-ctr "sixteen byte keySALT""#, by_tcpdump: false, by_tshark: true },
    Cipher { words: r#"-E aes-gcm-16 "sixteen byte keySALT""#, by_tcpdump: false, by_tshark: true },
    Cipher { words: r#"-E aes-gcm-12 "sixteen byte keySALT""#, by_tcpdump: false, by_tshark: true },
    Cipher {
        words: r#"-E chacha20-poly1305 "32 bytes, which are 256 bits keySALT""#,
        by_tcpdump: false,
        by_tshark: false,
    },
    Cipher { words: "-E null", by_tcpdump: false, by_tshark: true },
];

/// How a packet is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path4 {
    V4,
    V6,
    NatT,
}

/// A packet of a cipher: its destination has an SA and a policy of its own.
struct Sending {
    cipher: &'static Cipher,
    path: Path4,
    number: usize,
}

impl Sending {
    fn all() -> impl Iterator<Item = Self> {
        let paths = [Path4::V4, Path4::V6, Path4::NatT];
        let all = CIPHERS.iter().flat_map(move |cipher| paths.map(|path| (cipher, path)));
        all.enumerate().map(|(place, (cipher, path))| Self { cipher, path, number: place + 1 })
    }

    fn ends(&self) -> (&'static str, String) {
        match self.path {
            Path4::V4 | Path4::NatT => ("192.0.2.1", format!("198.51.100.{}", self.number)),
            Path4::V6 => ("2001:db8::1", format!("2001:db8:1::{:x}", self.number)),
        }
    }

    fn spi(&self) -> String {
        format!("{:#x}", 0x1000 + self.number)
    }

    fn script(&self) -> String {
        let ((src, dst), spi, words) = (self.ends(), self.spi(), self.cipher.words);
        let auth = if words.contains("-A") || words.contains("gcm") || words.contains("poly") {
            ""
        } else {
            AUTH
        };
        let ports = if self.path == Path4::NatT { "[4500]" } else { "" };
        let proto = if self.path == Path4::NatT { "esp-udp" } else { "esp" };
        format!(
            "add {src}{ports} {dst}{ports} {proto} {spi} -m transport {words} {auth};
            spdadd {src} {dst} any -P out ipsec esp/transport//require;\n"
        )
    }
}

/// What tshark prints of each packet of ESP, with the SAs of the configuration in a home directory.
fn tshark(capture: &Path, home: &Path) -> Outcome {
    Outcome::of(
        Command::new("tshark")
            .args(["-n", "-o", "esp.enable_encryption_decode:TRUE"])
            .args([
                "-o",
                "esp.enable_authentication_check:TRUE",
                "-T",
                "fields",
                "-E",
                "separator=/s",
            ])
            .args(["-e", "esp.spi", "-e", "icmp.type", "-e", "icmpv6.type", "-e", "esp.icv_good"])
            .args(["-Y", "esp", "-r"])
            .arg(capture)
            .env("HOME", home)
            .env_remove("XDG_CONFIG_HOME"),
    )
}

#[test]
fn tcpdump_and_tshark_decrypt_a_capture() {
    let pair = Pair::without_sas();
    pair.a.ip("route add 198.51.100.0/24 via 192.0.2.2\nroute add 2001:db8:1::/64 via 2001:db8::2");
    let mut sendings: Vec<_> = Sending::all().collect();
    sendings.retain(|sending| {
        let outcome = pair.a.setkey_text(&sending.script());
        let is_there = outcome.stdout.is_empty();
        assert!(is_there || sending.cipher.words.contains("chacha20"), "{outcome:?}");
        if !is_there {
            report_skipped(&format!("{}, which this kernel does not have", sending.cipher.words));
        }
        is_there
    });
    let directory = TempDir::new().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name);
    let capture = file("capture");
    let mut tcpdump = start_capture(&pair, &capture);
    // The second host answers to none of them.
    let targets = sendings.iter().map(|sending| sending.ends().1).collect::<Vec<_>>().join(" ");
    let pings = format!("for to in {targets}; do ping -nqc1 -W0.1 $to; done; true");
    Outcome::success(pair.a.command("sh").args(["-c", &pings]));
    sleep(Duration::from_millis(500));
    let _ = tcpdump.kill();
    let _ = tcpdump.wait();

    let secrets = file("secrets");
    let exported = pair.a.ipsecctl(&format!("export --to tcpdump -o {}", secrets.display()));
    assert_eq!(exported.status, 2, "{exported:?}");
    let printed = Outcome::success(
        Command::new("tcpdump")
            .args(["-n", "-t", "-Z", "root", "-r"])
            .arg(&capture)
            .arg("-E")
            .arg(format!("file {}", secrets.display())),
    );
    let of_tcpdump = |sending: &Sending| {
        let (src, dst) = sending.ends();
        let mut lines = printed.lines().filter(|line| {
            line.contains(&format!("{src} > {dst}")) || line.contains(&format!("{dst}.4500"))
        });
        lines.any(|line| line.contains("ICMP echo request") || line.contains("ICMP6, echo request"))
    };
    let text = fs::read_to_string(&secrets).expect("the secrets");
    for sending in &sendings {
        let shown = format!("{} {:?}\n{text}{printed}", sending.cipher.words, sending.path);
        assert_eq!(of_tcpdump(sending), sending.cipher.by_tcpdump, "tcpdump: {shown}");
        assert_eq!(is_named(&text, sending), !sending.cipher.by_tcpdump, "tcpdump: {shown}");
    }

    let configuration = file("home/.config/wireshark");
    fs::create_dir_all(&configuration).expect("a directory");
    let esp_sa = configuration.join("esp_sa");
    let exported = pair.a.ipsecctl(&format!("export --to wireshark -o {}", esp_sa.display()));
    let text = fs::read_to_string(&esp_sa).expect("the SAs");
    assert_eq!(exported.status, 2, "{exported:?}");
    let tshark = tshark(&capture, &file("home"));
    assert_eq!(tshark.status, 0, "{tshark:?}");
    for sending in &sendings {
        let shown = format!("{} {:?}\n{text}{tshark:?}", sending.cipher.words, sending.path);
        let spi = format!("0x{:08x} ", 0x1000 + sending.number);
        let line = tshark.stdout.lines().find(|line| line.starts_with(&spi));
        let line = line.unwrap_or_else(|| panic!("no packet of {spi}: {shown}"));
        let request = if sending.path == Path4::V6 { "128" } else { "8" };
        let is_decrypted = line.split_whitespace().nth(1) == Some(request);
        assert_eq!(is_decrypted, sending.cipher.by_tshark, "tshark: {shown}");
        assert_eq!(is_named(&text, sending), !sending.cipher.by_tshark, "tshark: {shown}");
    }
}

/// Whether the file has a comment that it has not this SA.
fn is_named(text: &str, sending: &Sending) -> bool {
    text.contains(&format!("# not here: esp SA {} to ", sending.spi()))
}

fn start_capture(pair: &Pair, file: &Path) -> Child {
    let mut tcpdump = pair.a.command("tcpdump");
    tcpdump.args(["-i", "b", "-Q", "out", "--immediate-mode", "-U", "-Z", "root", "-w"]).arg(file);
    let tcpdump = tcpdump.stderr(Stdio::null()).spawn().expect("tcpdump runs");
    // It writes the header of the file once it listens.
    while fs::metadata(file).map_or(0, |file| file.len()) < 24 {
        sleep(Duration::from_millis(20));
    }
    tcpdump
}
