//! The command: its library does the work.

use std::process::ExitCode;

fn main() -> ExitCode {
    sysctl_shim::main()
}
