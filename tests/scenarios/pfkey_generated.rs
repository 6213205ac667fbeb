//! The PF_KEY service beside AF_KEY, given generated messages: requests in sequences, and messages in
//! which something was changed. `PFKEY_SEED` gives the same ones again.

use std::time::Instant;

use scenarios::{
    Host,
    pfkey::{Case, Comparison, Dice, RunningService, Side, sequence, sequence_of_mutated},
    times,
};

/// Differences that are enough.
const MOST: usize = 20;

#[test]
fn requests_in_sequences() {
    as_af_key(times(5_000, 1_000), sequence);
}

#[test]
fn changed_messages() {
    as_af_key(times(10_000, 2_000), sequence_of_mutated);
}

/// Plays sequences until so many messages were sent to both.
fn as_af_key(messages: usize, sequence: impl Fn(&mut Dice, usize) -> Case) {
    let mut dice = Dice::of_environment();
    let host = Host::new("service");
    let service = RunningService::start(&host);
    let mut comparison = Comparison::new(Side::af_key(), Side::service(host, service.path()));
    let start = Instant::now();
    let mut sequences = 0;
    while comparison.so_far().steps < messages && comparison.so_far().differences.len() < MOST {
        comparison.play_while_same(&sequence(&mut dice, sequences));
        sequences += 1;
    }
    let report = comparison.report();
    println!(
        "{} messages in {sequences} sequences, {} answers and broadcasts, {:.1?}",
        report.steps,
        report.messages,
        start.elapsed()
    );
    for (reason, count) in &report.allowed {
        println!("{count} differences allowed: {reason}");
    }
    let differences = &report.differences;
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.concat());
}
