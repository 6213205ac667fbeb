//! A host, which is a network namespace, and the links between two.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io::Write,
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, symlink},
    },
    path::{Path, PathBuf},
    process::{self, Command},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::{NamedTempFile, TempDir};

use crate::Outcome;

/// A host of its own: a network namespace that goes away with this value.
pub struct Host {
    label: &'static str,
    namespace: String,
    dialect: &'static str,
}

impl Host {
    /// Makes a host. `label` is also the name of the interface that leads to it (see [`link`]).
    #[must_use]
    pub fn new(label: &'static str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("{label}-{}-{count}", process::id());
        Outcome::success(Command::new("ip").args(["netns", "add", &namespace]));
        let host = Self { label, namespace, dialect: "linux" };
        // The number of a namespace that is gone is given again, and its files are still there.
        let _ = fs::remove_dir_all(host.kept());
        host.ip("link set dev lo up");
        // Without duplicate address detection an IPv6 address serves at once.
        host.write(["ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad"], "0");
        host
    }

    /// Makes its setkey that of another system: `freebsd` or `netbsd`.
    #[must_use]
    pub fn with_dialect(mut self, dialect: &'static str) -> Self {
        self.dialect = dialect;
        self
    }

    /// The name of its network namespace.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.namespace
    }

    /// A command that runs on this host.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        self.surround(&mut command);
        command
    }

    /// Sets the environment of a command.
    fn surround<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // An ssh session that runs the tests does not matter to def_policy: it is elsewhere.
        command.env("SETKEY_DIALECT", self.dialect).env_remove("SSH_CONNECTION")
    }

    /// Runs a command on this host to its end; not by ip(8): a process less.
    fn outcome(&self, command: &mut Command) -> Outcome {
        self.within(|| Outcome::of(self.surround(command)))
    }

    /// Does something in a thread of this host's own.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(self.namespace_file()).expect("the namespace is there");
        let network = Some(LinkNameSpaceType::Network);
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                move_into_link_name_space(namespace.as_fd(), network).expect("root goes there");
                work()
            });
            there.join().expect("the work is done")
        })
    }

    /// What is kept for this host beside the kernel.
    #[must_use]
    pub fn kept(&self) -> PathBuf {
        let namespace = fs::metadata(self.namespace_file()).expect("the namespace is there");
        Path::new(engine::RUN_DIRECTORY).join(namespace.ino().to_string())
    }

    /// The file that stands for its network namespace.
    #[must_use]
    pub fn namespace_file(&self) -> PathBuf {
        Path::new("/run/netns").join(&self.namespace)
    }

    /// Writes files of /proc/sys/net.
    fn write<const N: usize>(&self, files: [&str; N], text: &str) {
        self.within(|| {
            for file in files {
                fs::write(Path::new("/proc/sys/net").join(file), text).expect("root's");
            }
        });
    }

    /// Commands of ip(8), one a line, which must succeed.
    pub fn ip(&self, commands: &str) {
        let batch = file_of(commands);
        let mut ip = Command::new("ip");
        Outcome::success(ip.args(["-n", &self.namespace, "-batch"]).arg(batch.path()));
    }

    /// What ip(8) prints for these words.
    #[must_use]
    pub fn show(&self, words: &str) -> String {
        let mut ip = Command::new("ip");
        Outcome::success(ip.args(["-n", &self.namespace]).args(words.split_whitespace()))
    }

    /// setkey(8) with these words.
    #[must_use]
    pub fn setkey(&self, words: &str) -> Outcome {
        self.outcome(Command::new(setkey()).args(words.split_whitespace()))
    }

    /// setkey(8) with these words and this standard input.
    #[must_use]
    pub fn setkey_input(&self, words: &str, input: &str) -> Outcome {
        let mut command = Command::new(setkey());
        self.surround(command.args(words.split_whitespace()));
        self.within(|| Outcome::with_input(&mut command, input))
    }

    /// sysctl-shim(8) with these words.
    #[must_use]
    pub fn sysctl(&self, words: &str) -> Outcome {
        self.outcome(Command::new(sysctl_shim()).args(words.split_whitespace()))
    }

    /// Sets variables, `NAME=VALUE` each, which must succeed.
    pub fn set(&self, settings: &str) {
        let outcome = self.sysctl(&format!("-q {settings}"));
        assert_eq!(outcome.status, 0, "{settings}: {outcome:?}");
    }

    /// ipsecctl(8) with these words.
    #[must_use]
    pub fn ipsecctl(&self, words: &str) -> Outcome {
        self.outcome(Command::new(ipsecctl()).args(words.split_whitespace()))
    }

    /// `setkey -f FILE` with these options, which may refuse.
    #[must_use]
    pub fn setkey_file(&self, options: &str, script: &Path) -> Outcome {
        let mut command = Command::new(setkey());
        self.outcome(command.args(options.split_whitespace()).arg("-f").arg(script))
    }

    /// `setkey -f` with a script of this text, which may refuse.
    #[must_use]
    pub fn setkey_text(&self, script: &str) -> Outcome {
        self.setkey_file("", file_of(script).path())
    }

    /// Loads a setkey script, which must go through without a word.
    pub fn load(&self, script: &str) {
        let outcome = self.setkey_text(script);
        assert_eq!(outcome, Outcome::SILENCE, "loading{script}");
    }

    /// Empties the SAD and the SPD.
    pub fn flush(&self) {
        let outcome = self.setkey_text("flush; spdflush;");
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    }

    /// Whether one ping comes back. `words` are an address and options of ping(8).
    #[must_use]
    pub fn ping(&self, words: &str) -> bool {
        let words = words.split_whitespace();
        let outcome = self.outcome(Command::new("ping").args(["-nqc1", "-W1"]).args(words));
        outcome.status == 0
    }

    /// Makes this host pass on what is for others.
    pub fn forward(&self) {
        self.write(["ipv4/ip_forward", "ipv6/conf/all/forwarding"], "1");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A failure here is no failure of the scenario.
        let _ = Command::new("ip").args(["netns", "del", &self.namespace]).output();
    }
}

/// Joins two hosts by a link whose ends have these addresses (`10.0.0.1/24`, `fd00::1/64`).
/// Each interface is named for the host it leads to.
pub fn link(a: &Host, a_address: &str, b: &Host, b_address: &str) {
    let (to_a, to_b, at_b) = (a.label, b.label, &b.namespace);
    a.ip(&format!(
        "link add dev {to_b} type veth peer name {to_a} netns {at_b}
        link set dev {to_b} up
        addr add {a_address} dev {to_b}"
    ));
    b.ip(&format!(
        "link set dev {to_a} up
        addr add {b_address} dev {to_a}"
    ));
}

/// Two hosts with a link between them, `a` with 192.0.2.1 and `b` with 192.0.2.2.
#[must_use]
pub fn linked_hosts() -> [Host; 2] {
    let [a, b] = ["a", "b"].map(Host::new);
    link(&a, "192.0.2.1/24", &b, "192.0.2.2/24");
    [a, b]
}

/// The setkey under test: `XFRM_SETKEY`, or the one built beside this test.
#[must_use]
pub fn setkey() -> &'static Path {
    static SETKEY: LazyLock<PathBuf> = LazyLock::new(|| {
        env::var_os("XFRM_SETKEY").map_or_else(|| beside_this_test("setkey"), PathBuf::from)
    });
    &SETKEY
}

/// The sysctl-shim built beside this test.
#[must_use]
pub fn sysctl_shim() -> &'static Path {
    static SYSCTL_SHIM: LazyLock<PathBuf> = LazyLock::new(|| beside_this_test("sysctl-shim"));
    &SYSCTL_SHIM
}

/// The ipsecd built beside this test.
#[must_use]
pub fn ipsecd() -> &'static Path {
    static IPSECD: LazyLock<PathBuf> = LazyLock::new(|| beside_this_test("ipsecd"));
    &IPSECD
}

/// The ipsecctl built beside this test.
#[must_use]
pub fn ipsecctl() -> &'static Path {
    static IPSECCTL: LazyLock<PathBuf> = LazyLock::new(|| beside_this_test("ipsecctl"));
    &IPSECCTL
}

/// The same beside the library that its `run` preloads, in a folder without a blank: in LD_PRELOAD a path
/// has none (ld.so(8)). /run goes with the test kernel.
#[must_use]
pub fn ipsecctl_with_library() -> &'static Path {
    static IPSECCTL: LazyLock<PathBuf> = LazyLock::new(|| {
        let directory = TempDir::new_in("/run").expect("a temporary directory").keep();
        for name in ["ipsecctl", "libpfkey_preload.so"] {
            // /run is memory, of which the test kernel has little.
            let mut strip = Command::new("strip");
            strip.arg("-o").arg(directory.join(name)).arg(beside_this_test(name));
            Outcome::success(&mut strip);
        }
        directory.join("ipsecctl")
    });
    &IPSECCTL
}

/// The library that replaces functions of programs, built beside this test.
#[must_use]
pub fn preload() -> PathBuf {
    // In LD_PRELOAD a path has no blanks (ld.so(8)). /run goes with the test kernel.
    static LINK: LazyLock<PathBuf> = LazyLock::new(|| {
        let library = beside_this_test("libpfkey_preload.so");
        let directory = TempDir::new_in("/run").expect("a temporary directory").keep();
        let link = directory.join("libpfkey_preload.so");
        symlink(library, &link).expect("a link");
        link
    });
    LINK.clone()
}

/// The key management for tests, built beside this test.
#[must_use]
pub fn toy_ike() -> PathBuf {
    beside_this_test("toy_ike")
}

/// An example program, built beside this test.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    beside_this_test(&format!("examples/{name}"))
}

/// What was built beside this test.
fn beside_this_test(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let path = profile.join(name);
    assert!(path.exists(), "{}: missing; run `cargo build` first", path.display());
    path
}

fn file_of(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("a temporary file");
    file
}
