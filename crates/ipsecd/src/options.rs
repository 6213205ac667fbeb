use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

/// Reconciles the SPD of this network namespace with the requested policies: installs templates of level use
/// while an SA of their outbound tunnel exists, and restores the default policy after a flush. Serves PF_KEY on
/// kernels without it, and sets policies on the sockets of unprivileged programs.
#[derive(Debug, Parser)]
#[command(name = "ipsecd", version, max_term_width = 80)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Options {
    /// Log every decision; twice, every event (net.inet.ipsec.debug asks for the same)
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Format of the log on standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Reconcile the SPD once, and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// Configuration of the services, ipsecd.conf(5)
    #[arg(long = "config", value_name = "FILE", default_value = "/etc/xfrm-tools/ipsecd.conf")]
    pub(crate) configuration: PathBuf,
    /// The user to run as, in place of that of the configuration, or of `ipsecd`
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Answer on standard input, a socket, in which user namespaces processes are. ipsecd-userns@.service runs this
    #[arg(long, exclusive = true)]
    pub(crate) user_namespaces: bool,
    /// Do not serve PF_KEY
    #[arg(long)]
    pub(crate) no_pfkey: bool,
    /// Do not set policies on the sockets of other programs
    #[arg(long)]
    pub(crate) no_sockets: bool,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text.
    Text,
    /// JSON, an object a line.
    Json,
}
