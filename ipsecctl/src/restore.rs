//! `ipsecctl restore`: the SAs of a file of `ipsecctl save`, once.

use std::{path::PathBuf, process::ExitCode};

use cli::{json::Document, print_error};
use engine::{Engine, EngineOptions, Loss, Restored, Transfer};

use crate::{
    Error,
    save::{counted, json, print, report_omitted},
};

/// The largest gap. With ESN a receiver concludes from the lower half of a number whether the higher one is the next: a number
/// that is 2^32 later would be taken for an earlier one.
const MOST: i64 = 1 << 31;

/// Exit status if nothing is restored, and the kernel is as before.
const REFUSED: u8 = 2;

/// Restore what `ipsecctl save` has saved, with higher sequence numbers, all or nothing, and once.
#[derive(clap::Args)]
pub struct Restore {
    /// The file, which is marked as restored
    file: PathBuf,
    /// Go on N sequence numbers later: not fewer than may have been used since the SAs were saved. 1048576 if it is not
    /// given; SAs of counter modes need it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=MOST))]
    gap: Option<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Restore {
    /// Restores the file.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let mut engine = Engine::open(EngineOptions::default())?;
        let mut file = engine.open_saved(&self.file)?;
        let (transfer, line, code) = match engine.restore_saved(&mut file, self.gap)? {
            Restored::Done(transfer) => {
                report_omitted(&transfer.omitted);
                let code =
                    if transfer.omitted.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
                let line = format!("restored {}", counted(&transfer));
                (transfer, line, code)
            }
            Restored::Unchanged(reasons) => {
                report_omitted(&reasons);
                let none = "nothing was changed";
                print_error("ipsecctl", &none);
                (refused(reasons), none.to_owned(), ExitCode::from(REFUSED))
            }
            Restored::Undone(refusals, losses) => {
                report_omitted(&refusals);
                let none = "the kernel refuses it: every change was undone";
                print_error("ipsecctl", &none);
                for Loss { entry, reason } in &losses {
                    print_error("ipsecctl", &format_args!("not restored: {entry}: {reason}"));
                }
                (refused(refusals), none.to_owned(), ExitCode::from(REFUSED))
            }
        };
        if !self.json && code == ExitCode::from(REFUSED) {
            return Ok(code);
        }
        let json = json(&transfer, self.gap);
        let document = Document { restored: Some(json), ..Document::default() };
        let printed = print(&document, self.json, &line)?;
        Ok(if printed == ExitCode::SUCCESS { code } else { printed })
    }
}

fn refused(omitted: Vec<Loss>) -> Transfer {
    Transfer { omitted, ..Transfer::default() }
}
