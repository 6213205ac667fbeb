//! `ipsecctl check`: advice about scripts, or about the kernel's tables.

mod algorithms;
mod code;
mod context;
mod cover;
mod ends;
mod entry;
mod forward;
mod inbound;
mod keys;
mod kinds;
mod limits;
mod live;
mod mtu;
mod neighbours;
mod order;
mod pairs;
mod read;
mod sarif;
mod serving;
mod session;
mod spis;
mod ssh;
mod tables;
mod unreachable;

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{ValueEnum, builder::PossibleValuesParser};
use cli::{Color, Colors, Diagnostic, json::Document};

use context::CheckedHost;
use entry::PlacedFinding;
use read::Reader;
use ssh::SshConnection;

use crate::{Error, filter::Filter, output};

/// What `--deny` has for every code.
const ALL: &str = "all";

/// The exit status when a finding is denied.
const DENIED: u8 = 3;

/// Report what setkey scripts, or the kernel's tables, do otherwise than is advisable.
///
/// Scripts are read in their order, as setkey loads them. No privilege is needed for them.
#[derive(clap::Args)]
// A script describes no state of an SA.
#[command(mut_arg("state", |state| state.conflicts_with("files")))]
pub struct Check {
    /// The scripts; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "live")]
    files: Vec<PathBuf>,
    /// Check the SAD and SPD of this network namespace
    #[arg(long, conflicts_with_all = ["files", "dialect", "kernel_mode"])]
    live: bool,
    /// Exit with 3 if there is a finding of this code, or `all`
    #[arg(long, value_name = "CODE", value_delimiter = ',', hide_possible_values = true)]
    #[arg(value_parser = PossibleValuesParser::new(code::all().chain([ALL])))]
    deny: Vec<String>,
    /// Whose setkey the scripts are for: linux, netbsd or freebsd
    #[arg(long, value_name = "DIALECT")]
    dialect: Option<String>,
    /// The scripts are for `setkey -k`, which adds no fwd policy with an in policy
    #[arg(short = 'k')]
    kernel_mode: bool,
    /// Print JSON: the same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// When text has colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    color: Color,
    #[command(flatten)]
    filter: Filter,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With the part of the script, for people
    Text,
    /// xfrm-tools-json(5)
    Json,
    /// SARIF 2.1.0, for CI systems
    Sarif,
}

impl Check {
    /// Checks, and prints what was found.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let findings = if self.live { live::findings(&self.filter)? } else { self.of_files()? };
        let printed = output::print(|out| Ok(self.print(&findings, out)?))?;
        let is_denied = |finding: &PlacedFinding| {
            self.deny.iter().any(|code| code == ALL || code == finding.json.code)
        };
        Ok(if findings.iter().any(is_denied) { ExitCode::from(DENIED) } else { printed })
    }

    fn of_files(&self) -> Result<Vec<PlacedFinding>, Error> {
        let dialect = cli::chosen_dialect(self.dialect.as_deref()).map_err(Error::Usage)?;
        let ssh = env::var("SSH_CONNECTION").ok();
        let ssh = ssh.and_then(|text| SshConnection::of_variable(&text));
        let surroundings = CheckedHost { ssh, ..CheckedHost::default() };
        let mut reader = Reader::new(dialect, !self.kernel_mode, &self.filter, &surroundings);
        for (number, path) in self.files.iter().enumerate() {
            reader.read(path, number)?;
        }
        Ok(reader.finish())
    }

    fn print(&self, findings: &[PlacedFinding], out: &mut impl Write) -> io::Result<()> {
        match if self.json { Format::Json } else { self.format } {
            Format::Text => {
                let colors = Colors::on_stdout(self.color);
                findings.iter().try_for_each(|PlacedFinding { json, excerpt, .. }| {
                    writeln!(out, "{}", Diagnostic::of_json(json, excerpt, colors))
                })
            }
            Format::Json => {
                let findings = findings.iter().map(|finding| finding.json.clone()).collect();
                Document { findings: Some(findings), ..Document::default() }.write(out)
            }
            Format::Sarif => sarif::write(findings, out),
        }
    }
}
