use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// A script that completes the arguments of a command of this name in a shell.
#[must_use]
pub fn completions<Cli: CommandFactory>(name: &str, shell: Shell) -> String {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
