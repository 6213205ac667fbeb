//! What is printed about a script is no longer than ten times the script, and a few kilobytes for a short one.

#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{fs, path::Path};

use assert_cmd::Command;

/// What a script of one byte may get: 4 KiB, the report that goes beyond it, and the line about the end.
const OF_ANY_SCRIPT: usize = (4 << 10) + 2048;

/// The scripts of the corpus, the cases and the mistakes.
fn scripts() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = ["tests/corpus", "tests/cases", "setkey/tests/mistakes"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_script = |path: &Path| path.extension().is_some_and(|it| it == "conf" || it == "txt");
    paths.filter(|path| is_script(path)).map(|path| fs::read(path).unwrap()).collect()
}

/// Checks and carries out a script, without a kernel: what is printed is in proportion.
fn is_in_proportion(script: &[u8]) -> usize {
    let mut most = 0;
    for options in [&["--check", "-f", "-"][..], &["-n", "-c"]] {
        let mut setkey = Command::cargo_bin("setkey").unwrap();
        let output = setkey.args(options).write_stdin(script).output().unwrap();
        let length = output.stderr.len();
        assert!(
            length <= 10 * script.len() + OF_ANY_SCRIPT,
            "{options:?}: {length} bytes about {}: {}",
            script.len(),
            String::from_utf8_lossy(script)
        );
        most = most.max(length.saturating_sub(10 * script.len()));
    }
    most
}

/// Numbers that are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Pieces of scripts in any order, with bytes that are changed.
fn at_random(scripts: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut made = Vec::new();
    for _ in 0..=numbers.below(20) {
        let from = &scripts[numbers.below(scripts.len())];
        let words: Vec<_> = from.split(|byte| *byte == b' ').collect();
        let word = words[numbers.below(words.len())];
        made.extend(&word[..word.len().min(64)]);
        made.push(b" ;\n\0\xff\""[numbers.below(6)]);
    }
    made
}

#[test]
fn reports_of_whole_scripts() {
    let scripts = scripts();
    assert!(scripts.len() > 150, "{} scripts", scripts.len());
    let most = scripts.iter().map(|script| is_in_proportion(script)).max();
    println!("{} scripts, {most:?} bytes over ten times one", scripts.len());
}

#[test]
fn reports_of_short_and_random_scripts() {
    for script in
        [";".repeat(90), "x;".repeat(50), "add;".repeat(100), "add ::1 ::2 esp 1;".repeat(20)]
    {
        is_in_proportion(script.as_bytes());
    }
    let (scripts, mut numbers) = (scripts(), Numbers(1));
    let most = (0..500).map(|_| is_in_proportion(&at_random(&scripts, &mut numbers))).max();
    println!("{most:?} bytes over ten times a random script");
}

/// Mistakes of a short script are all reported, as long as there are a few.
#[test]
fn a_short_script_with_ten_mistakes() {
    let script = "spdadd 10.0.0.0/8 10.1.0.0/16 any -P out ipsec esp/tunel//require;\n".repeat(10);
    let mut setkey = Command::cargo_bin("setkey").unwrap();
    let output = setkey.args(["--check", "-f", "-"]).write_stdin(script).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let reports = text.lines().filter(|line| line.starts_with("setkey: <stdin>:"));
    assert_eq!(reports.count(), 10, "{text}");
}
