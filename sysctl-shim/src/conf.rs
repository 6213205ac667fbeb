//! Files of settings: /etc/sysctl.conf and its like.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use glob::Pattern;
use sys::bounded;

use crate::{
    assignment::Assignment,
    filter::Filter,
    name::Name,
    tree::{self, Scope},
};

/// The most bytes of a file.
const MOST: u64 = 1 << 20;

/// What a line contains.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// `name = value`.
    Assign {
        /// The name, or a pattern of names.
        name: Name,
        /// The value.
        value: String,
        /// Whether a failure does not matter (`-` before the name).
        tolerant: bool,
    },
    /// `-name`: patterns do not stand for this one.
    Except(Name),
    /// A comment, nothing, or what `-r` excludes.
    Empty,
}

/// A line that is neither.
#[derive(Debug, PartialEq, Eq)]
pub struct BadSyntax;

/// Reads a line, or an argument of the command.
pub fn parse(text: &str, filter: &Filter) -> Result<Line, BadSyntax> {
    let text = text.trim_start();
    if text.is_empty() || text.starts_with(['#', ';']) || !filter.takes(text) {
        return Ok(Line::Empty);
    }
    let (tolerant, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    match text.split_once('=') {
        Some((name, value)) => {
            let (name, value) = (Name::parse(name.trim()), value.trim().to_owned());
            Ok(Line::Assign { name, value, tolerant })
        }
        None if tolerant => Ok(Line::Except(Name::parse(text.trim()))),
        None => Err(BadSyntax),
    }
}

/// Reads a file that a person names, which may be a pipe; `-` is standard input.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    match path.to_str() {
        Some("-") => bounded::read(io::stdin().lock(), MOST),
        _ => bounded::read(File::open(path)?, MOST),
    }
}

/// Reads a file of the system. At boot nothing is waited for.
pub fn read_system(path: &Path) -> io::Result<Vec<u8>> {
    bounded::read_file(path, MOST)
}

/// The lines of a file, and the numbers of those with bad syntax.
pub fn lines(text: &[u8], filter: &Filter) -> (Vec<Line>, Vec<usize>) {
    let (mut lines, mut bad) = (Vec::new(), Vec::new());
    for (place, text) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        match std::str::from_utf8(text).map_err(|_| BadSyntax).and_then(|text| parse(text, filter))
        {
            Ok(line) => lines.push(line),
            Err(BadSyntax) => bad.push(place + 1),
        }
    }
    (lines, bad)
}

/// The assignments of these lines, with every variable that a pattern stands for. A variable that
/// another line names, or excepts, is not among those.
pub fn assignments(lines: &[Line], scope: Scope) -> Vec<Assignment> {
    let is_named = |name: &Name| {
        lines.iter().any(|line| match line {
            Line::Assign { name: assigned, .. } => assigned == name,
            Line::Except(pattern) => {
                pattern == name
                    || Pattern::new(pattern.path()).is_ok_and(|one| one.matches(name.path()))
            }
            Line::Empty => false,
        })
    };
    let mut all = Vec::new();
    for line in lines {
        let Line::Assign { name, value, tolerant } = line else { continue };
        let assign = |name| Assignment::new(name, value.clone(), *tolerant);
        if tree::is_pattern(name) {
            let names = tree::expand(name, scope).into_iter();
            all.extend(names.filter(|name| !is_named(name)).map(assign));
        } else {
            all.push(assign(name.clone()));
        }
    }
    all
}

/// The files that a pattern of names stands for; itself if it stands for none.
pub fn files(pattern: &Path) -> Vec<PathBuf> {
    let found = pattern.to_str().and_then(|text| glob::glob(text).ok());
    let files = found.into_iter().flatten().flatten().collect::<Vec<_>>();
    if files.is_empty() { vec![pattern.to_owned()] } else { files }
}

/// Where the system's files are, the first that has one of a name wins (sysctl.d(5)).
const FOLDERS: [&str; 5] =
    ["etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d", "lib/sysctl.d"];

/// Files that come after all those: the last one is for ipsec(4).
const LAST: [&str; 2] = ["etc/sysctl.conf", "etc/xfrm-tools/sysctl.conf"];

/// The system's files under a folder, in the order in which they count.
pub fn system_files(root: &Path) -> Vec<PathBuf> {
    let mut files = BTreeMap::<OsString, PathBuf>::new();
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if let Some(name) = path.file_name().filter(|_| is_conf(&path)) {
                files.entry(name.to_owned()).or_insert_with(|| path.clone());
            }
        }
    }
    let last = LAST.iter().map(|name| root.join(name)).filter(|path| path.is_file());
    files.into_values().chain(last).collect()
}

fn is_conf(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b".conf")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, BadSyntax> {
        parse(text, &Filter::Everything)
    }

    fn assign(name: &str, value: &str, tolerant: bool) -> Line {
        let (name, value) = (Name::parse(name), value.to_owned());
        Line::Assign { name, value, tolerant }
    }

    #[test]
    fn lines() {
        let text = " net.key.spi_minval =\t 0x200 \r";
        assert_eq!(line(text), Ok(assign("net.key.spi_minval", "0x200", false)));
        assert_eq!(line("-a/b=c=d"), Ok(assign("a.b", "c=d", true)));
        assert_eq!(line("a.b="), Ok(assign("a.b", "", false)));
        assert_eq!(line("-a.*"), Ok(Line::Except(Name::parse("a.*"))));
        assert_eq!(line("a.b 1"), Err(BadSyntax));
        for text in ["", "  ", "#a=b", " ; a"] {
            assert_eq!(line(text), Ok(Line::Empty), "{text}");
        }
        let filter = Filter::new(Some("^a"));
        assert_eq!(parse("bb=1", &filter), Ok(Line::Empty));
        assert_ne!(parse("ab=1", &filter), Ok(Line::Empty));
    }

    #[test]
    fn a_pattern_leaves_out_what_is_named() {
        let lines = "net.inet.ipsec.*_deflev=1
            net.inet.ipsec.ah_net_deflev=2
            -net.inet.ipsec.esp_*
            -net.inet6.*";
        let lines = lines.lines().map(|text| line(text).unwrap()).collect::<Vec<_>>();
        let all = assignments(&lines, Scope::All);
        let set = all.iter().map(|one| (one.name.dotted(), one.value.as_str()));
        let expected =
            [("net.inet.ipsec.ah_trans_deflev", "1"), ("net.inet.ipsec.ah_net_deflev", "2")];
        assert!(set.eq(expected.map(|(name, value)| (name.to_owned(), value))), "{all:?}");
    }
}
