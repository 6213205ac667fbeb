//! `ipsecctl monitor` beside 10,000 changes a second: every event is reported, or a gap that was healed.

use std::{
    collections::BTreeSet,
    error::Error,
    fs::File,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use model::Installation;
use serde_json::Value;
use xfrm::{Change, Connection, InstalledPolicy};

use crate::{raw, sas};

const SECONDS: u32 = 10;
/// The batches of a second, each of which adds so many entries, and deletes as many of an earlier one.
const BATCHES: u32 = 100;
const ENTRIES: u32 = 52;
/// How many batches later an entry is deleted.
const LIFE: u32 = 10;

/// The first entries, by which the beginning is seen, and the last one.
const KNOCKS: u32 = 0x7e_0000;
const MARKER: u32 = 0x7f_0000;

/// Sends the changes, and compares what the monitor has reported.
pub fn measure(ipsecctl: &Path) -> Result<(), Box<dyn Error>> {
    let mut flood = Flood::new()?;
    let mut monitor = Monitor::start(ipsecctl, &mut flood)?;
    let begin = Instant::now();
    for batch in 0..SECONDS * BATCHES {
        let entries = |batch: u32| batch * ENTRIES..(batch + 1) * ENTRIES;
        flood.change(entries(batch), batch.checked_sub(LIFE).map(entries).unwrap_or_default())?;
        let due = Duration::from_secs(1) * (batch + 1) / BATCHES;
        sleep(due.saturating_sub(begin.elapsed()));
    }
    let spent = begin.elapsed().as_secs_f64();
    flood.change(MARKER..MARKER + 1, 0..0)?;
    monitor.wait_for(MARKER)?;
    let reported = Reported::read(&monitor.file)?;
    let count = SECONDS * BATCHES * ENTRIES;
    let changes = 2 * count - LIFE * ENTRIES;
    println!(
        "{changes:>8} changes of {} in {spent:.1} s, {:.0} a second: monitor reported {} and {} gaps",
        if flood.is_of_sas { "SAs" } else { "policies" },
        f64::from(changes) / spent,
        reported.changes,
        reported.lost,
    );
    reported.check(changes, &(count - LIFE * ENTRIES..count).collect())?;
    flood.change(0..0, MARKER..MARKER + 1)?;
    flood.change(0..0, count - LIFE * ENTRIES..count)
}

/// What is changed: SAs, or policies where the kernel has no ESP.
struct Flood {
    connection: Connection,
    is_of_sas: bool,
}

impl Flood {
    fn new() -> Result<Self, Box<dyn Error>> {
        let mut connection = Connection::open()?;
        let is_of_sas = sas::has_esp(&mut connection)?;
        Ok(Self { connection, is_of_sas })
    }

    /// Adds and deletes entries by their numbers, in one system call.
    fn change(&mut self, added: Range<u32>, deleted: Range<u32>) -> Result<(), Box<dyn Error>> {
        let mut batch = self.connection.batch();
        let added = added.map(|number| (number, true));
        for (number, is_added) in added.chain(deleted.map(|number| (number, false))) {
            if self.is_of_sas {
                let sa = sas::sa(number)?;
                let change = if is_added { Change::AddSa(&sa) } else { Change::DeleteSa(sa.id()) };
                batch.push(&change);
            } else {
                let policy = raw::policy(number)?;
                let installation = Installation::plain(&policy);
                batch.push(&if is_added {
                    Change::AddPolicy(InstalledPolicy { policy: &policy, installation, index: 0 })
                } else {
                    Change::DeletePolicy(&policy.id)
                });
            }
        }
        match self.connection.send(&mut batch)?.first() {
            None => Ok(()),
            Some((_, refusal)) => Err(format!("a change was refused: {refusal:?}").into()),
        }
    }
}

/// A monitor that writes to a file.
struct Monitor {
    process: Child,
    file: PathBuf,
    _directory: tempfile::TempDir,
}

impl Monitor {
    /// Starts it, and makes changes until one is reported.
    fn start(ipsecctl: &Path, flood: &mut Flood) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("events");
        let mut command = Command::new(ipsecctl);
        let process = command.args(["monitor", "--json"]).stdout(File::create(&file)?).spawn()?;
        let monitor = Self { process, file, _directory: directory };
        for knock in KNOCKS..KNOCKS + 100 {
            flood.change(knock..knock + 1, 0..0)?;
            flood.change(0..0, knock..knock + 1)?;
            sleep(Duration::from_millis(100));
            if monitor.file.metadata()?.len() > 0 {
                return Ok(monitor);
            }
        }
        Err("the monitor reports nothing".into())
    }

    /// Waits until an event of an entry is reported.
    fn wait_for(&mut self, entry: u32) -> Result<(), Box<dyn Error>> {
        for _ in 0..1200 {
            let mut lines = BufReader::new(File::open(&self.file)?).lines().map_while(Result::ok);
            if lines.any(|line| number(&event(&line)) == Some(entry)) {
                return Ok(());
            }
            if self.process.try_wait()?.is_some() {
                return Err("the monitor has ended".into());
            }
            sleep(Duration::from_millis(100));
        }
        Err("the monitor does not report the last change".into())
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a monitor has reported of the flood.
#[derive(Default)]
struct Reported {
    changes: u32,
    lost: u32,
    recovered: u32,
    /// The entries that there are after its events.
    entries: BTreeSet<u32>,
}

impl Reported {
    fn read(file: &Path) -> Result<Self, Box<dyn Error>> {
        let mut reported = Self::default();
        for line in BufReader::new(File::open(file)?).lines() {
            let event = event(&line?);
            let number = number(&event).filter(|number| *number < KNOCKS);
            match (event["event"].as_str(), number) {
                (Some("lost"), _) => reported.lost += 1,
                (Some("recovered"), _) => reported.recovered += 1,
                (Some(name @ ("new" | "deleted")), Some(number)) => {
                    reported.changes += 1;
                    let is_new = name == "new";
                    let entries = &mut reported.entries;
                    if !if is_new { entries.insert(number) } else { entries.remove(&number) } {
                        return Err(format!("not after what was reported before: {event}").into());
                    }
                }
                _ => {}
            }
        }
        Ok(reported)
    }

    /// Whether it is every change, or a gap was reported and healed.
    fn check(&self, changes: u32, left: &BTreeSet<u32>) -> Result<(), Box<dyn Error>> {
        if self.recovered != self.lost {
            Err(format!("{} gaps, {} of them healed", self.lost, self.recovered).into())
        } else if self.lost == 0 && self.changes != changes {
            Err("changes are missing, and no gap was reported".into())
        } else if self.entries != *left {
            Err("the events lead to other entries than there are".into())
        } else {
            Ok(())
        }
    }
}

/// The event of a line, which may not be written whole yet: null then.
fn event(line: &str) -> Value {
    let document: Option<Value> = serde_json::from_str(line).ok();
    document.map(|mut document| document["event"].take()).unwrap_or_default()
}

/// The number of the entry of an event.
fn number(event: &Value) -> Option<u32> {
    let of_sa = || u32::try_from(event["sa"]["spi"].as_u64()?).ok()?.checked_sub(sas::FIRST_SPI);
    let of_policy = || {
        let src = event["policy"]["selector"]["src"].as_str()?.strip_suffix("/32")?;
        src.parse::<Ipv4Addr>().ok()?.to_bits().checked_sub(raw::FIRST_SRC)
    };
    of_sa().or_else(of_policy)
}
