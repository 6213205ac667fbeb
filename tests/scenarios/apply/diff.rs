//! `ipsecctl diff`: nothing of what was loaded, and each difference of what was not.

use scenarios::{Host, Outcome, times};

use super::{databases::pairs, tables::file};

fn diff(host: &Host, words: &str, text: &str) -> Outcome {
    let file = file(text);
    host.ipsecctl(&format!("diff {words} {}", file.path().display()))
}

#[test]
fn a_loaded_file_has_no_differences() {
    let host = Host::new("loaded");
    for [one, other] in pairs(times(200, 15)) {
        host.load(&one.script());
        let outcome = diff(&host, "", &one.script());
        assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (0, "", ""), "{one:#?}");
        let dumped = host.setkey("-D --script").stdout + &host.setkey("-DP --script").stdout;
        let outcome = diff(&host, "--prune", &dumped);
        assert_eq!((outcome.status, &*outcome.stdout, &*outcome.stderr), (0, "", ""), "{dumped}");
        let outcome = diff(&host, "", &other.script());
        let is_same = one.script() == other.script();
        assert_eq!(outcome.status, if is_same { 0 } else { 3 }, "{one:?} {other:?} {outcome:?}");
    }
}
