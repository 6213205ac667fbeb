//! `ipsecctl save`: the SAs of this network namespace in a file, for `ipsecctl restore` after a restart.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use cli::{
    WipedOutput,
    json::{Document, NotRestoredJson, TransferJson},
    print_error,
};
use engine::{Engine, EngineOptions, Loss, Transfer};

use crate::{Error, filter::Filter, output};

/// Save SAs with counters, replay windows, sequence numbers and keys.
#[derive(clap::Args)]
pub struct Save {
    /// The file, which no other user can read, and which is replaced; standard output without it
    file: Option<PathBuf>,
    /// Save all policies, too
    #[arg(long)]
    policies: bool,
    /// Print JSON: how many entries were saved, and which were left out
    #[arg(long, requires = "file")]
    json: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Save {
    /// Writes the file.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        if self.file.is_none() && io::stdout().is_terminal() {
            return Err(Error::KeysOnTerminal);
        }
        let mut engine = Engine::open(EngineOptions::default())?;
        let (saved, transfer) =
            engine.save(|entry| self.filter.has_sa_entry(entry), self.policies)?;
        report_omitted(&transfer.omitted);
        let printed = match &self.file {
            None => {
                saved.write_to(WipedOutput::stdout()?)?;
                ExitCode::SUCCESS
            }
            Some(path) => {
                saved.write(path)?;
                let json = json(&transfer, None);
                let document = Document { saved: Some(json), ..Document::default() };
                print(&document, self.json, &format!("saved {}", counted(&transfer)))?
            }
        };
        Ok(if transfer.omitted.is_empty() { printed } else { ExitCode::FAILURE })
    }
}

/// Prints a document, or a line of text.
pub fn print(document: &Document, is_json: bool, line: &str) -> Result<ExitCode, Error> {
    if is_json {
        output::print(|out| Ok(document.write(out)?))
    } else {
        output::print_text(&format!("{line}\n"))
    }
}

/// Reports entries that were left out, or cannot be restored.
pub fn report_omitted(omitted: &[Loss]) {
    for Loss { entry, reason } in omitted {
        print_error("ipsecctl", &format_args!("left out: {entry}: {reason}"));
    }
}

/// How many SAs and policies there are.
pub fn counted(Transfer { sas, policies, .. }: &Transfer) -> String {
    let number = |count: usize, one: &str, more: &str| {
        format!("{count} {}", if count == 1 { one } else { more })
    };
    let sas = number(*sas, "SA", "SAs");
    format!("{sas} and {}", number(*policies, "policy", "policies"))
}

/// The same as JSON.
pub fn json(transfer: &Transfer, gap: Option<u32>) -> TransferJson {
    let omitted = transfer.omitted.iter().map(|Loss { entry, reason }| NotRestoredJson {
        entry: entry.clone(),
        reason: reason.clone(),
    });
    let (omitted, notes) = (omitted.collect(), Vec::new());
    TransferJson { sas: transfer.sas, policies: transfer.policies, gap, omitted, notes }
}
