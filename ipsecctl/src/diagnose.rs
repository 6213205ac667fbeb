//! `ipsecctl diagnose`: why packets do not pass, from what is counted and captured in some seconds.

mod capture;
mod host;
mod json;
mod numbers;
mod peer;
mod remedy;
mod routes;
mod sample;
mod text;
mod words;

use std::{io::Write, net::IpAddr, num::NonZeroU16, process::ExitCode, time::Duration};

use ::diagnose::{Conclusion, Observation, Silence, Subject, silences};
use cli::json::Document;
use model::Spi;

use crate::{Error, filter::Filter, output};
use peer::PeerSource;
use sample::Observed;

/// The exit status if nothing could be observed.
pub const NOT_KNOWN: u8 = 2;

/// Find out why packets do not pass: observe the kernel for some seconds and print the causes, likeliest first.
///
/// Each cause has what shows it and what mends it. Let packets be sent meanwhile. Nothing is changed and no
/// packet is sent. The exit status is 0 if nothing was found, 1 if a cause was found, 2 if that is not
/// known.
#[derive(clap::Args)]
pub struct Diagnose {
    /// The address of a peer, an SPI as 0x1001, or the index of a policy; without it everything is diagnosed
    #[arg(value_name = "PEER|SPI|POLICY", value_parser = subject)]
    subject: Option<Subject>,
    /// Observe for so long
    #[arg(long, value_name = "N", default_value = "3")]
    seconds: NonZeroU16,
    /// Compare with the tables of the peer: a setkey script or JSON, or the host that ssh(1) reaches
    #[arg(long, value_name = "FILE|ssh:HOST")]
    peer: Option<PeerSource>,
    /// The setkey that the script of the peer is for: linux, netbsd or freebsd
    #[arg(long, value_name = "DIALECT", requires = "peer")]
    dialect: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: Filter,
}

/// What is printed.
struct Diagnosis<'a> {
    observation: &'a Observation,
    findings: Vec<Conclusion<'a>>,
    /// SAs that send without an answer, which alone is no fault.
    silences: Vec<Silence<'a>>,
    seconds: NonZeroU16,
    /// Why packets were not captured.
    not_captured: Option<std::io::Error>,
}

impl Diagnose {
    /// Observes, and prints the causes.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let dialect = cli::chosen_dialect(self.dialect.as_deref()).map_err(Error::Usage)?;
        // It may take time to answer, and a mistake in it is reported at once.
        let peer = self.peer.as_ref().map(|peer| peer.read(dialect)).transpose()?;
        let seconds = self.seconds;
        let Observed { observation, not_captured } =
            sample::observe(Duration::from_secs(seconds.get().into()))?;
        let mut findings = ::diagnose::diagnose(&observation, self.subject, peer.as_ref());
        findings.retain(|finding| self.filter.has_cause(&finding.cause.names()));
        let silences = self.silences(&observation);
        let is_found = !findings.is_empty();
        let diagnosis =
            Diagnosis { observation: &observation, findings, silences, seconds, not_captured };
        let printed = output::print(|out| {
            if self.json {
                let diagnosis = Some(json::diagnosis(&diagnosis));
                Document { diagnosis, ..Document::default() }.write(&mut *out)?;
            } else {
                let text = text::diagnosis(&diagnosis, cli::output_width());
                out.write_all(text.as_bytes())?;
            }
            Ok(())
        })?;
        Ok(if is_found { ExitCode::FAILURE } else { printed })
    }

    fn silences<'a>(&self, observation: &'a Observation) -> Vec<Silence<'a>> {
        let is_meant = |silence: &Silence<'_>| match self.subject {
            None => true,
            Some(Subject::Peer(addr)) => silence.sa.sa.ends.dst() == addr,
            Some(Subject::Spi(spi)) => silence.sa.sa.spi == spi,
            Some(Subject::Policy(_)) => false,
        };
        let silences = silences(observation).into_iter().filter(is_meant);
        silences.filter(|silence| self.filter.has_sa_entry(silence.sa)).collect()
    }
}

/// An address, an SPI in hexadecimal digits, or the index of a policy.
fn subject(text: &str) -> Result<Subject, String> {
    if let Ok(addr) = text.parse::<IpAddr>() {
        return Ok(Subject::Peer(addr));
    }
    let number = crate::filter::number(text);
    let number =
        number.map_err(|_| "expected an address, an SPI as 0x1001, or the index of a policy");
    let is_spi = text.starts_with("0x");
    Ok(number
        .map(|number| if is_spi { Subject::Spi(Spi(number)) } else { Subject::Policy(number) })?)
}

#[cfg(test)]
mod tests;
