//! `ipsecctl run` with a static program: what is sent is answered when the call returns.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod linked;
mod peeking;

use std::{
    path::PathBuf,
    process::{Command, Output},
    sync::LazyLock,
};

use peeking::Peeking;

/// `answered.c`, linked with no library that could be replaced.
static PROGRAM: LazyLock<(tempfile::TempDir, PathBuf)> =
    LazyLock::new(|| linked::static_program("answered.c"));

fn outcome_of(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Runs a test of the program, with a limit of descriptors.
fn passes(test: &str, limit: u32) {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root has PF_KEY sockets");
        return;
    }
    let service = Peeking::start();
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={limit}")).arg(env!("CARGO_BIN_EXE_ipsecctl"));
    command.args(["run", "--no-preload", "--"]).arg(&PROGRAM.1).arg(test);
    let output = service.for_command(&mut command).output().unwrap();
    assert!(output.status.success(), "{test}: {}", outcome_of(&output));
}

/// A test of the program for each line.
macro_rules! tests {
    ($($name:ident: $test:literal, $limit:literal;)*) => {$(
        #[test]
        fn $name() {
            passes($test, $limit);
        }
    )*};
}

tests! {
    by_whichever_call_it_is_sent: "calls", 1024;
    what_af_key_refuses_in_the_call_is_refused_there: "errors", 1024;
    by_whichever_descriptor: "duplicates", 4096;
    by_children: "children", 1024;
    by_threads: "threads", 256;
    a_slow_answer_delays_no_other_call: "slow", 1024;
    signals_do_not_end_what_was_begun: "signals", 1024;
    a_service_that_goes_is_an_error: "dies", 1024;
    there_may_be_more_sockets_than_numbers: "many", 1024;
    there_may_be_too_few_numbers: "few", 64;
    a_limit_may_be_lowered: "lower_limit", 1024;
}
