//! Policy strings on the command line.

use ipsec::{Dialect, SocketPolicy, SystemNames};

/// Reads a policy string; the error says in one line what is wrong, where, and what to do.
pub fn read(text: &str) -> Result<SocketPolicy, String> {
    grammar::socket_policy(text, Dialect::Linux, &SystemNames).map_err(|error| {
        let expected = error.expected().map(|expected| format!("; expected {expected}"));
        let help = error.help().map(|help| format!("; {help}"));
        let (expected, help) = (expected.unwrap_or_default(), help.unwrap_or_default());
        format!("{error} at column {}{expected}{help}", error.position().column)
    })
}
