//! An ipsecd that follows what happens on a host.

use std::{
    fs::{self, File, Permissions},
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::{
        LazyLock,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Host, host::ipsecd};

/// How long anything may take: far longer than any does.
const PATIENCE: Duration = Duration::from_secs(20);

/// An ipsecd at work, killed when it is dropped.
pub struct Daemon {
    process: Child,
    /// What it reports of itself.
    news: Receiver<String>,
    /// Its log and the socket's name.
    directory: TempDir,
}

impl Daemon {
    /// Starts one and waits until it has set everything right.
    #[must_use]
    pub fn start(host: &Host) -> Self {
        let daemon = Self::begin(host, "");
        daemon.wait_for_news("READY=1");
        daemon
    }

    /// Starts one with these options. It becomes another user, unless they choose one.
    #[must_use]
    pub fn begin(host: &Host, words: &str) -> Self {
        let mut command = host.command(installed_ipsecd());
        command.args(words.split_whitespace());
        Self::run(command)
    }

    /// Starts one with this configuration.
    #[must_use]
    pub fn configured(host: &Host, configuration: &Path) -> Self {
        let mut command = host.command(installed_ipsecd());
        command.arg("--config").arg(configuration);
        Self::run(command)
    }

    /// Starts one by way of a program, which executes or waits for its arguments.
    #[must_use]
    pub fn begin_by(host: &Host, program: &str, words: &str) -> Self {
        let mut command = host.command(program);
        command.args(words.split_whitespace()).arg(installed_ipsecd());
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        // On the host file system there are no sockets.
        let directory = TempDir::new_in("/run").expect("a temporary directory");
        let socket = directory.path().join("news");
        let news = listen(UnixDatagram::bind(&socket).expect("a socket in it"));
        open_to_all(directory.path(), 0o711);
        open_to_all(&socket, 0o666);
        let log = File::create(directory.path().join("log")).expect("a file in it");
        if !command.get_args().any(|word| word == "--user") {
            command.args(["--user", "daemon"]);
        }
        command.env("NOTIFY_SOCKET", socket).stderr(log);
        Self { process: command.spawn().expect("ipsecd runs"), news, directory }
    }

    /// Waits until it reports this, a line of sd_notify(3).
    pub fn wait_for_news(&self, line: &str) {
        let _ = self.news_until(line);
    }

    /// What it reports until it reports this line.
    #[must_use]
    pub fn news_until(&self, line: &str) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let news = self.news.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!("no {line} from ipsecd, whose log is\n{}", self.log());
            });
            let is_line = news.lines().any(|it| it == line);
            all.push(news);
            if is_line {
                return all;
            }
        }
    }

    /// Forgets what it has reported.
    pub fn forget_news(&self) {
        while self.news.try_recv().is_ok() {}
    }

    /// Whether it has reported this since its news were last read.
    #[must_use]
    pub fn has_reported(&self, line: &str) -> bool {
        self.news.try_iter().any(|news| news.lines().any(|it| it == line))
    }

    /// Waits until its log has these words.
    pub fn wait_for_log(&self, words: &str) {
        let begun = Instant::now();
        while !self.log().contains(words) {
            assert!(begun.elapsed() < PATIENCE, "no `{words}` in\n{}", self.log());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("its log")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is there");
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Waits for its end.
    #[must_use]
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("it ends")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The ipsecd built beside this test, where every user can execute it.
#[must_use]
pub fn installed_ipsecd() -> &'static Path {
    static INSTALLED: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("ipsecd");
        fs::copy(ipsecd(), &path).expect("a copy");
        open_to_all(directory.path(), 0o755);
        open_to_all(&path, 0o755);
        (directory, path)
    });
    &INSTALLED.1
}

pub(crate) fn open_to_all(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode of an own file");
}

/// Forwards what is reported while there is a receiver.
fn listen(socket: UnixDatagram) -> Receiver<String> {
    let (sender, news) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 1000];
        while let Ok(length) = socket.recv(&mut buffer) {
            if sender.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                return;
            }
        }
    });
    news
}
