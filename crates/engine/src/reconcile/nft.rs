//! nft(8), for what no flag of an SA can say.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::Error;

const NFT: &str = "nft";

/// Carries out a script of nft(8) in this thread's network namespace, all of it or nothing.
///
/// Errors: [`Error::NoDfRule`].
pub fn carry_out(script: &str) -> Result<(), Error> {
    let why = match run(NFT, &["-f", "-"], script) {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => complaint(&String::from_utf8_lossy(&output.stderr)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            "there is no nft: install nftables".to_owned()
        }
        Err(error) => format!("nft: {error}"),
    };
    Err(Error::NoDfRule { why })
}

/// What there is in a table of IPv4 (libnftables-json(5)), with numbers for names of protocols and
/// ports; `None` if there is no such table, or nft cannot say.
pub fn list(table: &str) -> Option<Value> {
    let output = run(NFT, &["-j", "-nnn", "list", "table", "ip", table], "").ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

fn run(program: &str, words: &[&str], input: &str) -> io::Result<Output> {
    let mut nft = Command::new(program)
        .args(words)
        .env("PATH", path())
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = nft.stdin.take() {
        // It may have read enough before the end.
        let _ = stdin.write_all(input.as_bytes());
    }
    nft.wait_with_output()
}

/// Where to look for programs: a user's PATH need not contain the administrator's.
fn path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    if !path.is_empty() {
        path.push(":");
    }
    path.push("/usr/sbin:/sbin");
    path
}

/// The first error text of nft(8), without the place in the script.
fn complaint(stderr: &str) -> String {
    let first = stderr.lines().next().unwrap_or("nothing");
    let words = first.split_once("Error: ").map_or(first, |(_, words)| words);
    format!("nft: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_its_first_line() {
        // nft -f - on a kernel that has nf_tables, but not for IPv4
        let stderr = "/dev/stdin:1:1-13: Error: Could not process rule: Operation not supported
table ip x{}
^^^^^^^^^^^^^
";
        assert_eq!(complaint(stderr), "nft: Could not process rule: Operation not supported");
        assert_eq!(complaint("netlink: out of luck\n"), "nft: netlink: out of luck");
    }

    #[test]
    fn a_program_gets_its_input_and_gives_its_output() {
        let output = run("cat", &[], "table ip x {}").unwrap();
        assert_eq!(output.stdout, b"table ip x {}");
        // One that does not listen is no reason to stop.
        let input = "x".repeat(1 << 20);
        assert!(!run("false", &[], &input).unwrap().status.success());
        let error = run("no-program-of-this-name", &[], "").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
