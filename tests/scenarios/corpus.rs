//! Scripts found in the wild: what becomes of each stands in `corpus/EXPECTED`, in the words of [`load`].

use std::{fs, path::Path, process::Command};

use scenarios::{Outcome, assert_same, scripts_for_this_kernel, setkey, without};

#[test]
fn every_script() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let (scripts, others) = scripts_for_this_kernel(&corpus);
    let expected = fs::read_to_string(corpus.join("EXPECTED")).expect("the expectations");
    let actual = scripts.iter().map(|script| load(script)).collect::<String>();
    assert_same(&without(&expected, &others), &actual);
}

/// Loads a script in a network namespace of its own. Returns what setkey printed, its exit status, and how much is in the
/// kernel then.
fn load(script: &Path) -> String {
    let steps = r#"
        "$0" -f "$1" 2>/dev/null
        echo "exit status $?"
        ip xfrm state count
        ip xfrm policy count
    "#;
    let mut shell = Command::new("unshare");
    shell.args(["--net", "sh", "-c", steps]).arg(setkey()).arg(script);
    let printed = Outcome::success(&mut shell);
    let lines = printed.lines().map(|line| format!("    {}\n", line.trim()));
    let name = script.file_name().unwrap_or_default().display();
    format!("{name}\n{}\n", lines.collect::<String>())
}
