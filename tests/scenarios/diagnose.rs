//! `ipsecctl diagnose`: real packets between hosts, a fault that is planted, and the first cause that is named.

mod faults;
mod healthy;
mod modes;
mod peers;
mod routes;
mod surroundings;
mod tunnels;

use scenarios::{Background, Host, Outcome, ipsecctl};
use serde_json::Value;

/// The keys of every SA.
const KEYS: &str = r#"-E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!""#;

/// Pings that go on, whether they are answered or not.
fn pings(host: &Host, words: &str) -> Background {
    let mut ping = host.command("ping");
    Background::start(ping.args(["-n", "-i0.2"]).args(words.split_whitespace()))
}

/// What `ipsecctl diagnose` has printed as JSON.
struct Diagnosis {
    causes: Vec<Value>,
    text: String,
}

impl Diagnosis {
    fn of(host: &Host, words: &str) -> Self {
        Self::during(2, host, words)
    }

    /// What is diagnosed in so many seconds.
    fn during(seconds: u32, host: &Host, words: &str) -> Self {
        let mut command = host.command(ipsecctl());
        let seconds = format!("--seconds={seconds}");
        command.args(["diagnose", "--json", &seconds]).args(words.split_whitespace());
        let outcome = Outcome::of(&mut command);
        assert_eq!(outcome.stderr, "", "{outcome:?}");
        let document: Value = serde_json::from_str(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
        let diagnosis = &document["diagnosis"];
        let causes = diagnosis["causes"].as_array().expect("causes").clone();
        assert_eq!(outcome.status, i32::from(!causes.is_empty()), "{outcome:?}");
        Self { causes, text: outcome.stdout }
    }

    /// The first cause is of this kind, and its line and remedy have these words.
    #[track_caller]
    fn names(&self, code: &str, words: &[&str]) {
        let first = self.causes.first().unwrap_or_else(|| panic!("no {code}: {}", self.text));
        println!("{code}: {}\n    {}", first["message"], first["remedy"]);
        assert_eq!(first["code"], code, "{}", self.text);
        let line = format!("{} {}", first["message"], first["remedy"]);
        for word in words {
            assert!(line.contains(word), "{word}: {line}\n{}", self.text);
        }
    }

    #[track_caller]
    fn is_silent(&self) {
        assert!(self.causes.is_empty(), "{}", self.text);
    }
}
