//! `ipsecctl export`: the kernel's SAs and policies in the words of other programs.

mod follow;
mod ip_batch;
mod losses;
mod nft_bypass;
pub mod setkey;
mod swanctl;
mod tables;
mod tcpdump;
mod wireshark;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::ValueEnum;
use cli::{json::Document, script::SequenceNumbers};
use engine::EventMonitor;
use model::{EventGroup, SaEntry};

use crate::{Error, filter::Filter, key_output::KeyOutput, output};
use follow::Follower;
use losses::Losses;
use tables::{ExportSelection, ExportedTables};

/// Exit status if something is a comment, since the format cannot express it.
pub const INCOMPLETE: u8 = 2;

/// Print the SAs and policies of the kernel for another program.
///
/// What a format cannot express is a comment in it, and is reported; the exit status is 2 then. Keys are printed to a
/// pipe, or to a new file that its user alone may read.
#[derive(clap::Args)]
pub struct Export {
    /// The format
    #[arg(long, value_name = "FORMAT")]
    to: Format,
    /// Print to this file, which must not exist
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on, and append each SA that is added (wireshark, tcpdump)
    #[arg(long)]
    follow: bool,
    /// With the sequence numbers of SAs (setkey, ip-batch)
    #[arg(long)]
    counters: bool,
    /// The table of nft that has the chains (nft-bypass)
    #[arg(long, value_name = "NAME", default_value = "filter", value_parser = nft_bypass::table)]
    table: String,
    /// Print JSON: how many entries the file has, and which it does not have
    #[arg(long, requires = "output", conflicts_with = "follow")]
    json: bool,
    #[command(flatten)]
    filter: Filter,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A script of setkey(8)
    Setkey,
    /// Lines for `ip -batch`
    IpBatch,
    /// Connections of swanctl.conf(5), to be completed
    Swanctl,
    /// Rules of nft(8) that accept what policies exempt
    NftBypass,
    /// The file esp_sa of Wireshark
    Wireshark,
    /// The file of `tcpdump -E`
    Tcpdump,
}

/// Writes an SA as a line; false if the format cannot express it.
type WriteSa = fn(&SaEntry, &mut dyn Write, &mut Losses) -> io::Result<bool>;

impl Format {
    fn has_keys(self) -> bool {
        !matches!(self, Format::Swanctl | Format::NftBypass)
    }

    /// How an SA is written, in a format of one line an SA that can be appended to.
    fn line_of_sa(self) -> Option<WriteSa> {
        match self {
            Format::Wireshark => Some(wireshark::write_sa),
            Format::Tcpdump => Some(tcpdump::write_sa),
            Format::Setkey | Format::IpBatch | Format::Swanctl | Format::NftBypass => None,
        }
    }
}

impl Export {
    /// Prints the tables, and with `--follow` what comes.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        if self.follow && self.to.line_of_sa().is_none() {
            return Err(Error::Usage("--follow is for wireshark and tcpdump".to_owned()));
        }
        let mut losses = Losses::default();
        if !self.to.has_keys() && self.output.is_none() {
            let tables = ExportedTables::read(&self.selection())?;
            let printed = output::print(|out| Ok(self.write(&tables, out, &mut losses)?))?;
            return Ok(if printed == ExitCode::SUCCESS { losses.exit_code() } else { printed });
        }
        let mut out = KeyOutput::open(self.output.as_deref())?;
        match self.print(&mut out, &mut losses) {
            Ok(()) if self.json => {
                let exported = Some(losses.json());
                let document = Document { exported, ..Document::default() };
                let printed = output::print(|out| Ok(document.write(out)?))?;
                Ok(if printed == ExitCode::SUCCESS { losses.exit_code() } else { printed })
            }
            Ok(()) => Ok(losses.exit_code()),
            // The reader has gone.
            Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                Ok(ExitCode::FAILURE)
            }
            Err(error) => {
                out.discard();
                Err(error)
            }
        }
    }

    fn selection(&self) -> ExportSelection<'_> {
        ExportSelection::new(&self.filter)
    }

    fn print(&self, out: &mut KeyOutput, losses: &mut Losses) -> Result<(), Error> {
        let selection = self.selection();
        // Opened before the tables are read, so that nothing is missed.
        let monitor = self.follow.then(|| EventMonitor::open_reading_ahead(&[EventGroup::Sa]));
        let monitor = monitor.transpose()?;
        let tables = ExportedTables::read(&selection)?;
        self.write(&tables, out, losses)?;
        out.flush()?;
        match (monitor, self.to.line_of_sa()) {
            (Some(monitor), Some(write_sa)) => {
                let follower = Follower::new(&tables.sas, selection, write_sa);
                // The keys do not stay in memory for as long as it follows.
                drop(tables);
                follower.run(monitor, out, losses)
            }
            _ => Ok(()),
        }
    }

    fn write(
        &self,
        tables: &ExportedTables,
        mut out: &mut dyn Write,
        losses: &mut Losses,
    ) -> io::Result<()> {
        let counters = if self.counters { SequenceNumbers::Written } else { SequenceNumbers::Left };
        match self.to {
            Format::Setkey => setkey::write(tables, counters, &mut out, losses),
            Format::IpBatch => ip_batch::write(tables, counters, out, losses),
            Format::Swanctl => swanctl::write(tables, out, losses),
            Format::NftBypass => nft_bypass::write(tables, &self.table, out, losses),
            Format::Wireshark => wireshark::write(tables, out, losses),
            Format::Tcpdump => tcpdump::write(tables, out, losses),
        }
    }
}

#[cfg(test)]
mod testing {
    use model::{Algorithm, AlgorithmKind, Key, Keyed};

    /// What an SA has of an algorithm.
    pub fn keyed(kind: AlgorithmKind, name: &str, bytes: usize) -> Option<Keyed> {
        let algorithm = Algorithm::by_name(kind, name)?;
        Some(Keyed::new(algorithm, Key::new(vec![7; bytes])))
    }
}
