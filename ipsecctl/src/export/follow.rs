//! `--follow`: SAs that come are appended.

use std::{collections::HashMap, io::Write};

use cli::print_error;
use engine::{EventMonitor, SadFilter, TableDump};
use model::{Event, SaEntry, SaId, SaState};

use super::{WriteSa, losses::Losses, tables::ExportSelection};
use crate::{Error, key_output::KeyOutput};

/// Appends SAs to a file of a line an SA.
pub struct Follower<'a> {
    selection: ExportSelection<'a>,
    write_sa: WriteSa,
    /// The fingerprints of the SAs that were written and are still there: another of that name may follow.
    written: HashMap<SaId, Vec<Option<String>>>,
}

impl<'a> Follower<'a> {
    /// After these SAs.
    pub fn new(written: &[SaEntry], selection: ExportSelection<'a>, write_sa: WriteSa) -> Self {
        let marks = |entry: &SaEntry| (entry.sa.id(), selection.fingerprints_of(entry));
        let written = written.iter().map(marks).collect();
        Self { selection, write_sa, written }
    }

    /// Appends until it is interrupted.
    pub fn run(
        mut self,
        mut monitor: EventMonitor,
        out: &mut KeyOutput,
        losses: &mut Losses,
    ) -> Result<(), Error> {
        loop {
            // What has come together is written together.
            if !monitor.has_received() {
                out.flush()?;
            }
            match monitor.next_event() {
                Ok(Event::SaAdded { entry, .. } | Event::SaUpdated { entry, .. }) => {
                    self.append(&entry, out, losses)?;
                }
                Ok(Event::SaDeleted { entry, .. } | Event::SaExpired { entry, hard: true, .. }) => {
                    self.written.remove(&entry.sa.id());
                }
                Ok(Event::SadFlushed { proto, .. }) => {
                    self.written.retain(|id, _| proto.is_some_and(|proto| id.proto != proto));
                }
                Ok(Event::MonitorLost) => self.recover(out, losses)?,
                Ok(_) => {}
                Err(error) if error.is_malformed() => print_error("ipsecctl", &error),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn append(
        &mut self,
        entry: &SaEntry,
        out: &mut KeyOutput,
        losses: &mut Losses,
    ) -> Result<(), Error> {
        let has_keys = entry.state != SaState::Larval;
        if has_keys && self.selection.has_sa(entry) {
            let marks = self.selection.fingerprints_of(entry);
            if self.written.get(&entry.sa.id()) != Some(&marks) {
                (self.write_sa)(entry, out, losses)?;
                self.written.insert(entry.sa.id(), marks);
            }
        }
        Ok(())
    }

    /// Appends the SAs whose events were lost.
    fn recover(&mut self, out: &mut KeyOutput, losses: &mut Losses) -> Result<(), Error> {
        let mut there = HashMap::new();
        for entry in TableDump::sad(&SadFilter::default())? {
            match entry {
                Ok(entry) => {
                    self.append(&entry, out, losses)?;
                    there.extend(self.written.remove_entry(&entry.sa.id()));
                }
                Err(error) if error.is_malformed() => print_error("ipsecctl", &error),
                Err(error) => return Err(error.into()),
            }
        }
        self.written = there;
        let what = "events were lost: an SA that came and went meanwhile is not here";
        Ok(losses.note(out, what)?)
    }
}
