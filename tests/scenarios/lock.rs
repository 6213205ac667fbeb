//! Programs that change the SPD at the same time: none waits for itself or for long, and what was
//! refused to one of them does not happen later.

use std::{
    fs::{self, File},
    io::Write,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use scenarios::{
    Host, Outcome,
    pfkey::{PID, RunningService, Side, ask, receive},
};

const TIMES: usize = 100;

/// The longest that a command or a request may take, beside what it takes usually.
const LIMIT: Duration = Duration::from_secs(1);

/// Less than a process waits for the lock.
const WAIT: Duration = Duration::from_secs(5);

/// An SA in transport mode between the ends of an optional tunnel.
const SCRIPT: &str = "flush; spdflush;
    add 10.0.0.1 10.0.0.2 esp 0x1000 -m transport -E aes-cbc \"0123456789abcdef\" -A hmac-sha1 \"01234567890123456789\";
    spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/10.0.0.1-10.0.0.2/use;";

/// The requests of a client that makes the service read SAs between the ends of a tunnel and then
/// reconcile: one turn of the service.
const REQUESTS: [&str; 4] = [
    "spdadd any policy:type=ipsec,dir=out rq:esp,tunnel,use,10.0.0.1-10.0.0.2 src:10.3.0.0/24 dst:10.4.0.0/24",
    "getspi esp sa2:mode=transport src:10.0.0.1 dst:10.0.0.2 range:0x2000-0x2fff",
    "spddelete any policy:type=ipsec,dir=out src:10.3.0.0/24 dst:10.4.0.0/24",
    "spdupdate any policy:type=ipsec,dir=out rq:esp,tunnel,unique,10.0.0.1-10.0.0.2 src:10.5.0.0/24 dst:10.6.0.0/24",
];

#[test]
fn no_program_waits_long_for_another() {
    let host = Host::new("locks");
    let service = RunningService::start(&host);
    let is_over = AtomicBool::new(false);
    let (loads, settings, turns) = thread::scope(|scope| {
        let loads = scope.spawn(|| {
            times(|_| {
                let outcome = host.setkey_text(SCRIPT);
                assert_eq!(
                    (outcome.status, outcome.stdout.as_str()),
                    (0, ""),
                    "{}",
                    outcome.stderr
                );
            })
        });
        let settings = scope.spawn(|| {
            times(|n| {
                let level = 1 + n % 2;
                let outcome = host.sysctl(&format!("-q -w net.inet.ipsec.esp_net_deflev={level}"));
                assert_eq!(outcome.status, 0, "{}", outcome.stderr);
            })
        });
        let client = scope.spawn(|| {
            let socket = Side::service(Host::new("client"), service.path()).open();
            let mut turns = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                turns.push(turn(&socket));
            }
            turns
        });
        let ended = (loads.join().expect("it loads"), settings.join().expect("it sets"));
        is_over.store(true, Ordering::Relaxed);
        (ended.0, ended.1, client.join().expect("it is answered"))
    });
    // On a machine with other load everything takes longer.
    let limit = LIMIT + 5 * median(&loads);
    for (name, durations) in [("loads", &loads), ("settings", &settings), ("turns", &turns)] {
        let longest = durations.iter().max().expect("there are some");
        let median = median(durations);
        println!("{name}: {}, median {median:?}, longest {longest:?}", durations.len());
        assert!(*longest < limit, "{name}: median {median:?}, longest {longest:?}");
    }

    // All is as in the last script.
    let outcome = host.setkey_text(SCRIPT);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""));
    let sad = host.setkey("-D").stdout;
    assert_eq!(sad.matches("spi=").count(), 1, "{sad}");
    let spd = host.setkey("-DP").stdout;
    assert_eq!(spd.matches("esp/tunnel/10.0.0.1-10.0.0.2/use").count(), 1, "{spd}");
    assert_eq!(spd.matches("spid=").count(), 1, "{spd}");
    host.set("net.inet.ipsec.esp_net_deflev=1");
}

fn median(durations: &[Duration]) -> Duration {
    let mut durations = durations.to_vec();
    durations.sort_unstable();
    durations[durations.len() / 2]
}

fn times(work: impl Fn(usize)) -> Vec<Duration> {
    let timed = |n| {
        let begin = Instant::now();
        work(n);
        begin.elapsed()
    };
    (0..TIMES).map(timed).collect()
}

#[test]
fn setkey_that_waits_for_input_has_no_lock() {
    let host = Host::new("input");
    let mut setkey = host.command(scenarios::setkey());
    let mut setkey = setkey.arg("-c").stdin(Stdio::piped()).spawn().expect("setkey runs");
    let mut input = setkey.stdin.take().expect("a pipe");
    // The last statement is not complete.
    let script = "spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/10.0.0.1-10.0.0.2/use;
        spddelete 10.1.0.0/24 10.2.0.0/24 any -P out; spdadd 10.3.0.0/24 10.4.0.0/24 any -P out no";
    input.write_all(script.as_bytes()).expect("setkey reads");
    for n in 0..10 {
        thread::sleep(Duration::from_millis(50));
        let begin = Instant::now();
        host.set(&format!("net.inet.ipsec.esp_net_deflev={}", 1 + n % 2));
        assert!(begin.elapsed() < WAIT, "{:?}", begin.elapsed());
    }
    input.write_all(b"ne;").expect("setkey reads");
    drop(input);
    assert!(setkey.wait().expect("it ends").success());
    let spd = host.setkey("-DP").stdout;
    assert!(spd.contains("10.3.0.0/24") && !spd.contains("10.1.0.0/24"), "{spd}");
}

#[test]
fn an_unprivileged_user_does_not_get_the_lock() {
    let host = Host::new("user");
    host.load("spdadd 10.1.0.0/24 10.2.0.0/24 any -P in ipsec esp/transport//default;");
    for name in ["lock", "lock.queue"] {
        let mut flock = host.command("setpriv");
        flock.args(["--reuid=65534", "--clear-groups", "flock", "--nonblock"]);
        let outcome = Outcome::of(flock.arg(host.kept().join(name)).arg("true"));
        assert!(outcome.status != 0 && outcome.stderr.contains("Permission denied"), "{outcome:?}");
    }
}

/// Sends all requests at once and reads all answers.
fn turn(socket: &OwnedFd) -> Duration {
    let begin = Instant::now();
    for (words, seq) in REQUESTS.iter().zip(1..) {
        ask(socket, words, seq);
    }
    let mut unanswered = vec![1, 2, 3, 4];
    while !unanswered.is_empty() {
        let answer = receive(socket);
        // Others' changes are received too, under numbers of their own.
        if answer.pid == PID {
            unanswered.retain(|seq| *seq != answer.seq);
        }
    }
    begin.elapsed()
}

/// The errno of the answer to a request.
fn request(socket: &OwnedFd, words: &str, seq: u32) -> u8 {
    ask(socket, words, seq);
    loop {
        let answer = receive(socket);
        if (answer.pid, answer.seq) == (PID, seq) {
            return answer.errno;
        }
    }
}

#[test]
fn a_refused_change_does_not_happen_later() {
    let host = Host::new("full");
    let run = host.kept();
    fs::create_dir_all(&run).expect("a directory");
    let mut mount = Command::new("mount");
    Outcome::success(mount.args(["-t", "tmpfs", "-o", "size=128k", "none"]).arg(&run));
    // The lock, the records and the sockets are in a file system that is full.
    let service = RunningService::start(&host);
    let socket = Side::service(Host::new("client"), service.path()).open();
    let tunnel = "rq:esp,tunnel,use,10.0.0.1-10.0.0.2";
    let partial = |n: u32| {
        format!("spdadd any policy:type=ipsec,dir=out {tunnel} src:10.1.0.0/24 dst:10.{n}.0.0/24")
    };
    let discard = |n: u32| {
        format!("spdadd any policy:type=discard,dir=out src:10.1.0.0/24 dst:10.{n}.0.0/24")
    };
    let mut seq = 0;
    let mut errno = |words: &str| {
        seq += 1;
        request(&socket, words, seq)
    };
    assert_eq!(errno(&partial(1)), 0);
    let filler = run.join("filler");
    fill(&filler);
    let refused: Vec<u32> = (2..=40).filter(|n| errno(&partial(*n)) == 28).collect();
    assert!(refused.len() > 20, "the file system is full: {refused:?}");
    // What needs no record is carried out, and nothing with it.
    for n in [50, 51] {
        assert_eq!(errno(&discard(n)), 0, "no record is needed");
    }
    assert_eq!(errno("add esp sa:spi=0x100,encrypt=11 src:192.0.2.1 dst:192.0.2.2 ekey:0"), 0);
    assert_eq!(errno("delete esp sa:spi=0x100 src:192.0.2.1 dst:192.0.2.2"), 0);
    assert_eq!(errno("flush esp"), 0);
    fs::remove_file(&filler).expect("there is room again");
    assert_eq!(errno(&discard(60)), 0);
    let spd = host.setkey("-DP").stdout;
    for n in refused {
        assert!(!spd.contains(&format!("10.{n}.0.0/24")), "10.{n} was refused\n{spd}");
    }
    for n in [1, 50, 51, 60] {
        assert!(spd.contains(&format!("10.{n}.0.0/24")), "10.{n} was accepted\n{spd}");
    }
    assert_eq!(errno("spdflush any"), 0);
    assert_eq!(host.setkey("-DP").stdout, "No SPD entries.\n");
    drop(service);
    let mut unmount = Command::new("umount");
    Outcome::success(unmount.arg("-l").arg(&run));
}

/// Fills the file system of this file.
fn fill(path: &std::path::Path) {
    let mut file = File::create(path).expect("a file");
    while file.write_all(&[0; 256]).is_ok() {}
}

/// Two scripts on two processors, if there are two. Their policies are recorded beside the kernel.
#[test]
fn two_scripts_at_once() {
    const POLICIES: usize = 100;
    const SAS: usize = 20;
    let host = Host::new("both");
    let processors = thread::available_parallelism().expect("there is one").get();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let load = |n: usize| {
        let policy = |k| {
            format!(
                "spdadd 10.{n}.{k}.0/24 10.9.0.0/24 any -P out ipsec esp/tunnel/10.0.{n}.1-10.0.{n}.2/use;"
            )
        };
        let sa = |k| {
            format!(
                "add 10.0.{n}.1 10.0.{n}.2 esp {} -E null -A hmac-sha1 \"hmac-sha1 from a - b\";",
                4096 + k
            )
        };
        let script: String = (0..POLICIES).map(policy).chain((0..SAS).map(sa)).collect();
        let file = directory.path().join(n.to_string());
        fs::write(&file, script).expect("the script");
        let mut setkey = host.command("taskset");
        setkey.arg("-c").arg((n % processors).to_string());
        Outcome::of(setkey.arg(scenarios::setkey()).arg("-f").arg(file))
    };
    let outcomes = thread::scope(|scope| {
        [0, 1].map(|n| scope.spawn(move || load(n))).map(|thread| thread.join().expect("it loads"))
    });
    for outcome in outcomes {
        assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    }
    assert_eq!(host.setkey("-D").stdout.matches("spi=").count(), 2 * SAS);
    let spd = host.setkey("-DP").stdout;
    for n in [0, 1] {
        let template = format!("esp/tunnel/10.0.{n}.1-10.0.{n}.2/use");
        assert_eq!(spd.matches(&template).count(), POLICIES, "{spd}");
    }
}
