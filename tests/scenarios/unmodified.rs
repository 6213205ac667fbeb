//! Programs that know nothing of xfrm-tools speak PF_KEY to the service, and receive what AF_KEY would have sent.

use std::{
    fmt::Write,
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    sync::LazyLock,
    thread,
    time::Duration,
};

use regex::Regex;
use scenarios::{
    Host, Outcome, assert_same, has_ripemd160, ipsecctl_with_library, masked,
    pfkey::RunningService, preload, scripts, setkey,
};

/// Registers for ESP, adds an SA, dumps and flushes the SAD, and prints what it receives: type, errno, SA type, length in
/// words of eight bytes and sequence number of each message, and the SPI where there is one. With `AT_ONCE` in its
/// environment it does not wait for an answer: AF_KEY's is there when send(2) returns.
const PROGRAM: &str = r#"
import os, socket, struct

REGISTER, ADD, DUMP, FLUSH, ESP = 7, 3, 10, 9, 3
SA, SRC, DST, KEY_AUTH, KEY_ENCRYPT = 1, 5, 6, 8, 9
HMAC_SHA1, AES_CBC, MATURE = 3, 12, 1

key_socket = socket.socket(15, socket.SOCK_RAW, 2)

def extension(number, body):
    body += bytes(-(4 + len(body)) % 8)
    return struct.pack("=HH", (4 + len(body)) // 8, number) + body

def ask(kind, satype, *extensions):
    body = b"".join(extensions)
    header = struct.pack("=BBBBHHII", 2, kind, 0, satype, 2 + len(body) // 8, 0, 77, os.getpid())
    key_socket.send(header + body)

def receive():
    message = key_socket.recv(1 << 16, socket.MSG_DONTWAIT if "AT_ONCE" in os.environ else 0)
    _, kind, errno, satype, length, _, seq, pid = struct.unpack("=BBBBHHII", message[:16])
    assert pid == os.getpid() and length * 8 == len(message)
    spi = ""
    while (body := message[16:]):
        words, number = struct.unpack("=HH", body[:4])
        spi += " spi " + body[4:8].hex() if number == SA else ""
        message = message[words * 8:]
    print(f"type {kind} errno {errno} satype {satype} length {length} seq {seq}{spi}")

def address(number, text):
    sockaddr = struct.pack("=HH", socket.AF_INET, 0) + socket.inet_aton(text) + bytes(8)
    return extension(number, struct.pack("=BBH", 0, 32, 0) + sockaddr)

def key(number, text):
    return extension(number, struct.pack("=HH", len(text) * 8, 0) + text)

sa = extension(SA, struct.pack("!I", 0x1000) + struct.pack("=BBBBI", 4, MATURE, HMAC_SHA1, AES_CBC, 0))
new = [sa, address(SRC, "192.0.2.1"), address(DST, "192.0.2.2"),
       key(KEY_AUTH, b"twenty byte long key"), key(KEY_ENCRYPT, b"sixteen byte key")]

ask(REGISTER, ESP)
receive()
ask(ADD, ESP, *new)
receive()
ask(ADD, ESP, *new)
receive()
ask(DUMP, ESP)
receive()
ask(FLUSH, 0)
receive()
receive()
ask(DUMP, 0)
receive()
"#;

#[test]
fn preloaded_and_with_supervisor() {
    let host = Host::new("host");
    let mut kernels = host.command("python3");
    let kernels = Outcome::success(kernels.env("AT_ONCE", "").args(["-c", PROGRAM]));
    assert_eq!(kernels.lines().count(), 7, "{kernels}");
    // The service announces all that a complete kernel has.
    let registered = |length| format!("type 7 errno 0 satype 3 length {length} ");
    let kernels =
        if has_ripemd160() { kernels } else { kernels.replace(&registered(21), &registered(22)) };

    let _service = RunningService::start(&host);
    let mut preloaded = host.command("python3");
    preloaded.env("LD_PRELOAD", preload());
    let mut with_supervisor = host.command(ipsecctl_with_library());
    with_supervisor.args(["run", "--no-preload", "python3"]);
    let mut both = host.command(ipsecctl_with_library());
    both.args(["run", "python3"]);
    for mut program in [preloaded, with_supervisor, both] {
        program.env("XFRM_TOOLS_PFKEY", "service").env("AT_ONCE", "").args(["-c", PROGRAM]);
        assert_same(&kernels, &Outcome::success(&mut program));
    }
}

/// Registers for ESP, and waits until another program does so, which is broadcast to it; prints how long it computed.
const WAITS: &str = r#"
import os, select, socket, struct, time

key_socket = socket.socket(15, socket.SOCK_RAW, 2)
key_socket.send(struct.pack("=BBBBHHII", 2, 7, 0, 3, 2, 0, 1, os.getpid()))
key_socket.recv(1 << 16)
print("registered", flush=True)
begun = time.process_time()
while True:
    select.select([key_socket], [], [])
    try:
        message = key_socket.recv(1 << 16, socket.MSG_DONTWAIT)
    except BlockingIOError:
        continue
    assert message, "the end"
    if message[1] == 7 and message[12:16] != struct.pack("=I", os.getpid()):
        break
used = time.process_time() - begun
assert used < 0.5, f"it spins: {used}"
print("received", flush=True)
"#;

/// A program that waits while the service is started again, as in an upgrade, receives as if nothing had happened.
#[test]
fn the_service_is_started_again() {
    let host = Host::new("host");
    let start = |program: &str| {
        let mut command = host.command("python3");
        command.env("LD_PRELOAD", preload()).env("XFRM_TOOLS_PFKEY", "service");
        command.args(["-c", program]).stdout(Stdio::piped()).spawn().expect("python3 runs")
    };
    let service = RunningService::start(&host);
    let mut waiting = start(WAITS);
    let mut lines = BufReader::new(waiting.stdout.take().expect("a pipe")).lines();
    let mut line = || lines.next().expect("it goes on").expect("a text");
    assert_eq!(line(), "registered");

    drop(service);
    thread::sleep(Duration::from_secs(2));
    let _service = RunningService::start(&host);
    // It is woken, and registers.
    thread::sleep(Duration::from_millis(500));
    let mut other = start(WAITS);
    assert_eq!(line(), "received");
    assert!(waiting.wait().expect("it ends").success());
    other.kill().expect("it waits");
    other.wait().expect("it ends");
}

/// Each script of `oracle/`, loaded by `setkey --pfkey` through AF_KEY and through the service, and what setkey 0.8.2 on
/// AF_KEY made of it (`oracle/README.md`).
#[test]
fn setkey_does_as_the_original() {
    let scripts = scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle"));
    assert!(!scripts.is_empty(), "no scripts");
    let (mut expected, mut actual) = (String::new(), String::new());
    for script in scripts {
        let (kernel, other) = (Host::new("kernel"), Host::new("service"));
        let _service = RunningService::start(&other);
        for (host, backend) in [(kernel, "--pfkey=kernel"), (other, "--pfkey")] {
            for (what, text) in observed(&host, backend, &script) {
                let recording = script.with_extension(what);
                let recorded = fs::read_to_string(&recording).expect("a recording");
                let title = format!("== {backend}: {}", recording.display());
                writeln!(expected, "{title}\n{}", comparable(&recorded)).expect("a string");
                writeln!(actual, "{title}\n{}", comparable(&text)).expect("a string");
            }
        }
    }
    assert_same(&expected, &actual);
}

fn observed(host: &Host, backend: &str, script: &Path) -> [(&'static str, String); 4] {
    let setkey = |words: &[&str]| {
        let mut command = host.command(setkey());
        command.env("XFRM_TOOLS_PFKEY", "service").arg(backend).args(words);
        Outcome::of(&mut command)
    };
    let read = setkey(&["-f", script.to_str().expect("a path in UTF-8")]);
    [
        ("out", read.stdout),
        ("rc", format!("{}\n", read.status)),
        ("D", setkey(&["-D"]).stdout),
        ("DPp", setkey(&["-DPp"]).stdout),
    ]
}

/// Without the numbers that the kernel gives `unique`: AF_KEY counts them for all network namespaces.
fn comparable(text: &str) -> String {
    static CHOSEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\bunique[:#](1638[4-9]|1639\d|16[4-9]\d\d)\b").expect("a pattern")
    });
    CHOSEN.replace_all(&masked(text), "unique:CHOSEN").into_owned()
}

/// The file keeps other users out. A client that is root there, or has CAP_NET_ADMIN in a user namespace below, gets in
/// and is sent away.
#[test]
fn strangers() {
    let host = Host::new("host");
    let service = RunningService::start(&host);
    let path = service.path().to_str().expect("a path in UTF-8");
    let knock = "import socket, sys
service = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
service.connect(sys.argv[1])
print(service.recv(99).hex(), service.recv(99).hex())";
    let knock = |words: &str| {
        let mut stranger = host.command("setpriv");
        Outcome::of(stranger.args(words.split_whitespace()).args(["python3", "-c", knock, path]))
    };

    // A header with EPERM, and the end.
    let eperm = "02000100020000000000000000000000 \n";
    assert_eq!(knock("unshare --user --map-root-user").stdout, eperm);
    assert_eq!(knock("--bounding-set -net_admin").stdout, eperm);

    // Where it was built may be closed to others.
    let directory = tempfile::tempdir_in("/run").expect("a directory");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("it is ours");
    let copy = directory.path().join("setkey");
    fs::copy(setkey(), &copy).expect("a copy");
    for path in ["--pfkey".to_owned(), format!("--pfkey={path}")] {
        let mut unprivileged = host.command("setpriv");
        unprivileged.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&copy);
        let refused = Outcome::of(unprivileged.args([path.as_str(), "-D"]));
        assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
        assert!(refused.stderr.contains("CAP_NET_ADMIN is missing"), "{refused:?}");
    }
}
