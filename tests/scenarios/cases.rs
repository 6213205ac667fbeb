//! What setkey makes of each script in `cases/`, expected from its manual and the sources of the original
//! (`cases/README.md`).

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use scenarios::{Outcome, assert_same, masked, scripts_for_this_kernel, setkey};

/// What a case may expect beside output and status: dumps afterwards, by extension and options.
const DUMPS: [(&str, &str); 7] = [
    ("D", "-D"),
    ("Da", "-Da"),
    ("Dp", "-Dp"),
    ("DP", "-DP"),
    ("DPp", "-DPp"),
    ("redacted", "-D --redact"),
    ("script", "-D --script"),
];

#[test]
fn as_expected() {
    let (cases, _) = scripts_for_this_kernel(&directory());
    assert!(!cases.is_empty(), "no cases");
    let (mut expected, mut actual) = (String::new(), String::new());
    for script in cases {
        let case = Case(script);
        let left = tempfile::tempdir().expect("a temporary directory");
        case.carry_out(left.path());
        let found = |what| fs::read_to_string(left.path().join(what)).unwrap_or_default();
        let mut compare = |what: &str, wanted: &str, found: &str| {
            let title = format!("== {}", case.0.with_extension(what).display());
            writeln!(expected, "{title}\n{}", masked(wanted)).expect("a string");
            writeln!(actual, "{title}\n{}", masked(found)).expect("a string");
        };
        compare("out", &case.expected("out").unwrap_or_default(), &found("out"));
        compare("rc", &case.expected("rc").unwrap_or("0\n".into()), &found("rc"));
        if let Some(wanted) = case.expected("err") {
            let printed = found("err");
            let kept = wanted.lines().filter(|line| printed.contains(line));
            compare("err", &wanted, &kept.flat_map(|line| [line, "\n"]).collect::<String>());
        }
        for (dump, _) in DUMPS {
            if let Some(wanted) = case.expected(dump) {
                compare(dump, &wanted, &found(dump));
            }
        }
    }
    assert_same(&expected, &actual);
}

/// A script, with the files of the same name.
struct Case(PathBuf);

impl Case {
    /// Runs setkey with the words of `NAME.args` in a network namespace of its own, then the dumps. What they
    /// print goes to files in `left`.
    fn carry_out(&self, left: &Path) {
        let steps = r#"
            mount --bind "$HOSTS" /etc/hosts
            cd "$LEFT"
            status=0
            "$SETKEY" "$@" <"$0" >out 2>err || status=$?
            echo $status >rc
            printf %s "$DUMPS" | while read -r name options; do "$SETKEY" $options >"$name"; done
        "#;
        let words = self.expected("args").unwrap_or("-f FILE".into());
        let script = self.0.to_str().expect("a path in UTF-8");
        let expected = DUMPS.iter().filter(|(name, _)| self.expected(name).is_some());
        let dumps = expected.flat_map(|(name, options)| [name, " ", options, "\n"]);
        let mut shell = Command::new("unshare");
        shell.args(["--net", "--mount", "sh", "-ec", steps, script]);
        shell.args(words.split_whitespace().map(|word| word.replace("FILE", script)));
        shell.env("HOSTS", directory().join("hosts")).env("LEFT", left);
        shell.env("SETKEY", setkey()).env("DUMPS", dumps.collect::<String>());
        Outcome::success(&mut shell);
    }

    /// The file of the same name with this extension.
    fn expected(&self, what: &str) -> Option<String> {
        fs::read_to_string(self.0.with_extension(what)).ok()
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}
