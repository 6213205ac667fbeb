//! The tables of the peer: a file, or the output of ipsecctl(8) there. What is read was written by others.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::PathBuf,
    process::{Command, Stdio},
    str::FromStr,
    thread,
};

use ::diagnose::{EndPolicy, EndSa, PeerTables};
use cli::{
    json::{ReadError, ReadKeys, read_entries},
    print_error,
};
use grammar::Script;
use model::{Described, Dialect, Operation};
use sys::SystemNames;

use crate::{Error, import};

/// What runs at the peer.
const REMOTE: &str = "ipsecctl show sas --json && ipsecctl show policies --json";

/// The options of ssh(1): it asks nothing, gives up, and lets the peer use no agent, display, terminal or port of
/// this host. No process of it stays behind.
#[rustfmt::skip]
const SSH: [&str; 13] = [
    "-a", "-x", "-T", "-S", "none", "-o", "ClearAllForwardings=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
    "-o", "ServerAliveInterval=5",
];

/// Bytes of the standard error of ssh(1), and of the peer, that are printed at most.
const MOST_MESSAGES: u64 = 4 << 10;

/// Where the tables of the peer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerSource {
    /// A script of setkey, or JSON.
    File(PathBuf),
    /// A host that ssh(1) reaches.
    Ssh(String),
}

impl FromStr for PeerSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(host) = text.strip_prefix("ssh:") else { return Ok(Self::File(text.into())) };
        // ssh(1) takes what begins with a dash for an option.
        let is_host = !host.is_empty()
            && !host.starts_with('-')
            && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_@:[]%".contains(c));
        let host = is_host.then(|| Self::Ssh(host.to_owned()));
        host.ok_or_else(|| "expected a host, as ssh:gateway or ssh:root@192.0.2.2".to_owned())
    }
}

impl PeerSource {
    /// Reads the tables.
    pub fn read(&self, dialect: Dialect) -> Result<PeerTables, Error> {
        match self {
            Self::File(path) => {
                let wrong = |error| Error::File { path: path.clone(), error };
                let file = File::open(path).map_err(wrong)?;
                tables(file, &path.display().to_string(), dialect)
            }
            Self::Ssh(host) => {
                let name = format!("ssh:{host}");
                let wrong = |reason: String| Error::Read { name: name.clone(), reason };
                let mut ssh = Command::new("ssh");
                ssh.args(SSH).arg("--").arg(host).arg(REMOTE);
                ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = ssh.spawn().map_err(|error| wrong(format!("ssh: {error}")))?;
                let messages =
                    child.stderr.take().map(|messages| thread::spawn(|| print_messages(messages)));
                let read = child.stdout.take().map(|out| tables(out, &name, dialect));
                if let Some(Err(_)) = read {
                    // It may have more, without end.
                    let _ = child.kill();
                }
                // It ends with the process.
                let _ = messages.map(thread::JoinHandle::join);
                let status = child.wait().map_err(|error| wrong(error.to_string()))?;
                match read {
                    Some(Ok(_)) if !status.success() => Err(wrong(format!("ssh: {status}"))),
                    Some(read) => read,
                    None => Err(wrong(format!("ssh: {status}"))),
                }
            }
        }
    }
}

/// Prints the messages of ssh(1), and of the peer: with escapes, since the peer chooses them.
fn print_messages(mut messages: impl Read) {
    let mut text = Vec::new();
    // What follows is read, so that the peer is not waited for.
    let _ = messages.by_ref().take(MOST_MESSAGES).read_to_end(&mut text);
    for line in String::from_utf8_lossy(&text).lines() {
        print_error("ipsecctl", &line);
    }
    let _ = io::copy(&mut messages, &mut io::sink());
}

/// Reads JSON of ipsecctl(8) or setkey(8), or a script. `name` is the file's in messages.
fn tables(input: impl Read, name: &str, dialect: Dialect) -> Result<PeerTables, Error> {
    let wrong = |reason: String| Error::Read { name: name.to_owned(), reason };
    let bytes = import::read_all(name, BufReader::new(input))?;
    let text = str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
    if text.trim_start().starts_with('{') {
        of_json(text).map_err(|error| wrong(error.to_string()))
    } else {
        of_script(text, dialect).map_err(wrong)
    }
}

/// The SAs and policies of JSON, which has keys or not.
fn of_json(text: &str) -> Result<PeerTables, ReadError> {
    let read = read_entries(text.as_bytes(), ReadKeys::Optional)?;
    Ok(PeerTables::of(&read.sas, &read.policies))
}

/// The SAs and policies that a script adds, as `setkey -D --script` prints them.
fn of_script(text: &str, dialect: Dialect) -> Result<PeerTables, String> {
    let mut tables = PeerTables::default();
    let mut script = Script::new(text.as_bytes(), dialect);
    while let Some(statement) = script.next_statement() {
        let lowered = statement.and_then(|statement| grammar::lower(&statement, &SystemNames));
        let lowered = lowered.map_err(|error| format!("line {}: {error}", error.line()))?;
        for operation in lowered.operations.into_iter().flatten() {
            add(&mut tables, &operation);
        }
    }
    Ok(tables)
}

fn add(tables: &mut PeerTables, operation: &Operation) {
    match operation.described() {
        Some(Described::Sa { sa, .. }) => tables.sas.push(EndSa::of(sa)),
        Some(Described::Policy { policy, .. }) => tables.policies.extend(EndPolicy::of(policy)),
        Some(Described::WholeSad(_) | Described::WholeSpd(_)) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"
        flush;
        add 192.0.2.1 192.0.2.2 esp 0x1001 -m transport -E aes-cbc "sixteen byte key" -A hmac-sha1 "twenty bytes of key!";
        spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//require;
        spdadd 192.0.2.1 192.0.2.9 any -P out discard;"#;

    #[test]
    fn a_script_and_its_json_are_the_same_but_for_keys() {
        let script = of_script(SCRIPT, Dialect::Linux).unwrap();
        let text = r#"{"schema_version": 1, "sas": [{"src": "192.0.2.1", "dst": "192.0.2.2", "protocol": "esp",
            "spi": 4097, "mode": "transport", "replay_window": 0, "state": "mature", "packets": 1, "bytes": 2,
            "encryption": {"algorithm": "aes-cbc", "key_bits": 128, "icv_bits": 0},
            "authentication": {"algorithm": "hmac-sha1", "key_bits": 160, "icv_bits": 96}}]}
            {"schema_version": 1, "policies": [{"selector": {"src": "192.0.2.1/32", "dst": "192.0.2.2/32"},
            "direction": "out", "priority": 0, "action": "ipsec", "index": 9,
            "templates": [{"protocol": "esp", "mode": "transport", "level": "require"}]}]}"#;
        let mut json = of_json(text).unwrap();
        assert_eq!((script.sas[0].keys.len(), json.sas[0].keys.len()), (2, 2));
        json.sas[0].keys.clone_from(&script.sas[0].keys);
        assert_eq!((script.sas, script.policies), (json.sas, json.policies));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(of_script("add nonsense;", Dialect::Linux).unwrap_err().starts_with("line 1: "));
        assert!(of_json("{\"schema_version\": 1, \"sas\": 7}").is_err() && of_json("{").is_err());
    }

    #[test]
    fn only_a_host_is_given_to_ssh() {
        let source = |text: &str| text.parse::<PeerSource>();
        assert_eq!(
            source("ssh:root@gw-1.example"),
            Ok(PeerSource::Ssh("root@gw-1.example".into()))
        );
        assert_eq!(source("dump"), Ok(PeerSource::File("dump".into())));
        for wrong in ["ssh:", "ssh:-oProxyCommand=x", "ssh:a b", "ssh:a;b", "ssh:$(x)"] {
            assert!(source(wrong).is_err(), "{wrong}");
        }
    }
}
