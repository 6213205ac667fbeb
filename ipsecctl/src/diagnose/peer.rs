//! The tables of the peer: a file, or the output of ipsecctl(8) there. What is read was written by others.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    str::FromStr,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use ::diagnose::{EndPolicy, EndSa, PeerTables};
use cli::{
    json::{ReadError, ReadKeys, read_entries},
    print_error,
};
use grammar::Script;
use model::{Described, Dialect, Names, Operation};
use sys::SystemNames;

use super::numbers::Numbers;
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

/// How long ssh(1) may take with all of it.
const MOST_TIME: Duration = Duration::from_secs(120);

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
                tables(file, &path.display().to_string(), dialect, &SystemNames)
            }
            Self::Ssh(host) => {
                let name = format!("ssh:{host}");
                let wrong = |reason: String| Error::Read { name: name.clone(), reason };
                let mut ssh = Command::new("ssh");
                ssh.args(SSH).arg("--").arg(host).arg(REMOTE);
                ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let child = ssh.spawn().map_err(|error| wrong(format!("ssh: {error}")))?;
                let (read, status) =
                    receive(child, MOST_TIME, |out| tables(out, &name, dialect, &Numbers));
                let status = status.map_err(|error| wrong(error.to_string()))?;
                match read {
                    Some(Ok(_)) if !status.success() => Err(wrong(format!("ssh: {status}"))),
                    Some(read) => read,
                    None => Err(wrong(format!("ssh: {status}"))),
                }
            }
        }
    }
}

/// Reads the output of ssh(1), and its exit status. After `most` it is killed: the peer decides when its output ends, and
/// when ssh(1) does.
fn receive<T>(
    mut child: Child,
    most: Duration,
    read: impl FnOnce(ChildStdout) -> Result<T, Error>,
) -> (Option<Result<T, Error>>, io::Result<ExitStatus>) {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (has_ended, ends) = mpsc::channel::<()>();
    let waiting = thread::spawn(move || {
        if ends.recv_timeout(most) == Err(RecvTimeoutError::Timeout) {
            let reason = format!("ssh is ended: it has taken more than {} s", most.as_secs());
            print_error("ipsecctl", &reason);
        }
        // It may have more, without end, or have ended.
        let _ = child.kill();
        child.wait()
    });
    let messages = stderr.map(|messages| thread::spawn(|| print_messages(messages)));
    let read = stdout.map(read);
    // What it has printed was read; when it ends, its messages do.
    if matches!(read, Some(Err(_)) | None) {
        let _ = has_ended.send(());
    }
    let _ = messages.map(thread::JoinHandle::join);
    drop(has_ended);
    let status = waiting.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
    (read, status)
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
fn tables(
    input: impl Read,
    name: &str,
    dialect: Dialect,
    names: &dyn Names,
) -> Result<PeerTables, Error> {
    let wrong = |reason: String| Error::Read { name: name.to_owned(), reason };
    let bytes = import::read_all(name, BufReader::new(input))?;
    let text = str::from_utf8(&bytes).map_err(|error| wrong(error.to_string()))?;
    if text.trim_start().starts_with('{') {
        of_json(text).map_err(|error| wrong(error.to_string()))
    } else {
        of_script(text, dialect, names).map_err(wrong)
    }
}

/// The SAs and policies of JSON, which has keys or not.
fn of_json(text: &str) -> Result<PeerTables, ReadError> {
    let read = read_entries(text.as_bytes(), ReadKeys::Optional)?;
    Ok(PeerTables::of(&read.sas, &read.policies))
}

/// The SAs and policies that a script adds, as `setkey -D --script` prints them.
fn of_script(text: &str, dialect: Dialect, names: &dyn Names) -> Result<PeerTables, String> {
    let mut tables = PeerTables::default();
    let mut script = Script::new(text.as_bytes(), dialect);
    while let Some(next) = script.next_lowered(names) {
        let (_, lowered) = next.map_err(|error| format!("line {}: {error}", error.line()))?;
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
        let script = of_script(SCRIPT, Dialect::Linux, &Numbers).unwrap();
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
        assert!(
            of_script("add nonsense;", Dialect::Linux, &Numbers)
                .unwrap_err()
                .starts_with("line 1: ")
        );
        assert!(of_json("{\"schema_version\": 1, \"sas\": 7}").is_err() && of_json("{").is_err());
    }

    /// Runs a shell in the place of ssh(1).
    fn received(script: &str, most: Duration) -> (Option<Result<Vec<u8>, Error>>, ExitStatus) {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let read = |mut out: ChildStdout| {
            let mut bytes = Vec::new();
            let read = out.read_to_end(&mut bytes);
            read.map(|_| bytes).map_err(|error| Error::unreadable("ssh", &error))
        };
        let (read, status) = receive(shell.spawn().unwrap(), most, read);
        (read, status.unwrap())
    }

    #[test]
    fn output_without_an_end_has_a_time() {
        let (read, status) = received("echo x; exit 7", Duration::from_secs(60));
        assert_eq!((read.unwrap().unwrap(), status.code()), (b"x\n".to_vec(), Some(7)));
        // Output that goes on slowly, and a process that goes on without output.
        for script in ["while :; do echo x; sleep 0.1; done", "exec >&-; exec sleep 100"] {
            let begun = std::time::Instant::now();
            let (_, status) = received(script, Duration::from_secs(1));
            assert_eq!(status.code(), None, "{script}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{script}");
        }
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
