//! PF_KEY messages in which anything was changed, from several clients at once.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::net::{RecvFlags, SendFlags, recv, send};
use scenarios::{
    Vitals,
    pfkey::{Case, Dice, Modules, Seen, Step, sequence, sequence_of_mutated},
    times,
};

use super::{FLAT, Served, answer_time, patient};

/// The longest that another client waits for its answer, beside what the machine's other load takes.
const HANG: Duration = Duration::from_secs(1);

/// How many clients send.
const CLIENTS: usize = 3;

/// What is done meanwhile.
const SCRIPT: &str = "spdflush; flush;
    add 10.0.0.1 10.0.0.2 esp 0x1000 -m tunnel -E null -A hmac-sha1 \"01234567890123456789\";
    spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/10.0.0.1-10.0.0.2/use;
    spdadd 10.2.0.0/24 10.1.0.0/24 any -P in ipsec esp/tunnel/10.0.0.2-10.0.0.1/default;";

#[test]
fn no_message_harms_the_service() {
    // The kernel holds its lock on XFRM while it loads one.
    let _modules = Modules::load();
    let served = Served::new();
    let usual = Load::of(times(20_000, 3_000), sequence).run(&served);
    println!("what AF_KEY accepts: {usual:?}");
    let changed = Load::of(times(500_000, 12_000), sequence_of_mutated).run(&served);
    println!("changed: {changed:?}");
    // On a machine with other load everything takes longer.
    assert!(changed.slowest < HANG + 2 * usual.slowest, "{changed:#?}\n{usual:#?}");
    let (before, after) = (changed.warm, changed.end);
    assert!(after.memory <= before.memory + FLAT, "{before:?} {after:?}");
    assert_eq!(after.threads, before.threads);
    served.answers();
    served.host.load(SCRIPT);
}

/// How the service fared.
#[derive(Debug)]
struct Fared {
    slowest: Duration,
    /// After a third of the messages, and after all.
    warm: Vitals,
    end: Vitals,
}

/// What goes on at the same time.
struct Load {
    sequence: fn(&mut Dice, usize) -> Case,
    wanted: usize,
    sent: AtomicUsize,
    /// Enough was sent, or a thread has failed.
    is_over: AtomicBool,
}

impl Load {
    fn of(wanted: usize, sequence: fn(&mut Dice, usize) -> Case) -> Self {
        Self { sequence, wanted, sent: AtomicUsize::new(0), is_over: AtomicBool::new(false) }
    }

    /// Sends from several clients, while another waits for answers and commands change SAs, policies and variables.
    fn run(&self, served: &Served) -> Fared {
        let (host, side, begin) = (&served.host, served.side(), Instant::now());
        let mut dice = Dice::of_environment();
        let (answers, warm) = thread::scope(|scope| {
            let watchdog = patient(side.open());
            let watchdog = scope.spawn(move || self.watch(&watchdog));
            for client in 0..CLIENTS {
                let (socket, mut dice) = (patient(side.open()), dice.fork());
                scope.spawn(move || self.send(&socket, &mut dice, client));
            }
            scope.spawn(|| self.repeat(|_| assert_eq!(host.setkey_text(SCRIPT).status, 0)));
            scope.spawn(|| {
                self.repeat(|n| host.set(&format!("net.inet.ipsec.esp_net_deflev={}", 1 + n % 2)));
            });
            self.wait(self.wanted / 3);
            let warm = Vitals::of(served.daemon.pid());
            self.wait(self.wanted);
            (watchdog.join().expect("the service answers"), warm)
        });
        let end = Vitals::of(served.daemon.pid());
        let [median, slowest] = [answers.len() / 2, answers.len() - 1].map(|place| answers[place]);
        let (count, took) = (answers.len(), begin.elapsed());
        println!("{} messages in {took:.1?}; {count} answers, median {median:?}", self.wanted);
        Fared { slowest, warm, end }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn repeat(&self, work: impl Fn(usize)) {
        let _ends = Ends(&self.is_over);
        let mut times = 0;
        while !self.is_over() {
            work(times);
            times += 1;
        }
    }

    /// Waits until so many messages were sent; all are the end.
    fn wait(&self, count: usize) {
        while self.sent.load(Ordering::Relaxed) < count && !self.is_over() {
            thread::sleep(Duration::from_millis(20));
        }
        if count == self.wanted {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// Sends every third sequence, and reads what has come.
    fn send(&self, socket: &OwnedFd, dice: &mut Dice, client: usize) {
        let _ends = Ends(&self.is_over);
        for number in (client..).step_by(CLIENTS).take_while(|_| !self.is_over()) {
            for step in (self.sequence)(dice, number).steps {
                let Step::Send(_, draft) = step else { continue };
                // One that repeats an SPI of an answer has none to repeat.
                let Ok(bytes) = draft.bytes(&Seen::default()) else { continue };
                send(socket, &bytes, SendFlags::empty()).expect("the service listens");
                while recv(socket, &mut [0; 1 << 12][..], RecvFlags::DONTWAIT).is_ok() {}
                self.sent.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How long each of many answers has taken, in order of the time.
    fn watch(&self, socket: &OwnedFd) -> Vec<Duration> {
        let _ends = Ends(&self.is_over);
        let mut answers = Vec::new();
        while !self.is_over() {
            answers.push(answer_time(socket));
            thread::sleep(Duration::from_millis(20));
        }
        answers.sort_unstable();
        answers
    }
}

/// Ends the others if its thread fails.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
