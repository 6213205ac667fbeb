use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

/// Keeps the SPD of this network namespace as it was asked for: requests at level use come and go
/// with the SAs of their outbound tunnels, and the default policy survives a flush. Serves PF_KEY to
/// programs on kernels that have none, and gives policies to the sockets of the unprivileged.
#[derive(Debug, Parser)]
#[command(name = "ipsecd", version)]
pub(crate) struct Options {
    /// Log every decision; twice, every event (net.inet.ipsec.debug asks for the same)
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How the log on standard error looks
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Set right what is wrong now, and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// Who may give sockets policies, and what PF_KEY cannot say: ipsecd.conf(5)
    #[arg(long = "config", value_name = "FILE", default_value = "/etc/xfrm-tools/ipsecd.conf")]
    pub(crate) configuration: PathBuf,
    /// Do not serve PF_KEY
    #[arg(long)]
    pub(crate) no_pfkey: bool,
    /// Do not give policies to the sockets of others
    #[arg(long)]
    pub(crate) no_sockets: bool,
}

/// How the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line of words.
    Text,
    /// A line of JSON.
    Json,
}
