//! The files that are kept: the schema, its manual page, and outputs of each version.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use cli::json::SCHEMA_VERSION;
use serde_json::Value;

/// Set by `make schema`: write the files instead of comparing them.
const UPDATE: &str = "UPDATE_SCHEMA";

pub fn is_updated() -> bool {
    env::var_os(UPDATE).is_some()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn schema_file(version: u32) -> PathBuf {
    repository().join(format!("docs/json/schema-{version}.json"))
}

pub fn manual_file() -> PathBuf {
    repository().join("man/xfrm-tools-json.5")
}

fn outputs_directory(version: u32) -> PathBuf {
    repository().join(format!("crates/cli/tests/json/kept/{version}"))
}

pub fn read(path: &Path) -> Value {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The outputs of a version, with their files.
pub fn outputs(version: u32) -> Vec<(PathBuf, Value)> {
    let entries = fs::read_dir(outputs_directory(version)).unwrap();
    let mut files = entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    files.sort();
    files.into_iter().map(|file| (file.clone(), read(&file))).collect()
}

/// Adds an output of this version. No file that is there is written again.
pub fn add_output(output: &Value) {
    let number = outputs(SCHEMA_VERSION).len() + 1;
    let path = outputs_directory(SCHEMA_VERSION).join(format!("{number:02}.json"));
    assert!(!path.exists(), "{} exists", path.display());
    fs::write(path, format!("{output:#}\n")).unwrap();
}

/// Compares a file with what it is to have, or writes it.
pub fn compare(path: &Path, expected: &str) {
    if is_updated() {
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == expected,
        "{} is not that of the types: run `make schema`, and look at the difference",
        path.display()
    );
}
