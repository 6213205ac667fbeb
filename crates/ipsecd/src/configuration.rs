//! `/etc/xfrm-tools/ipsecd.conf`, ipsecd.conf(5).

use std::{fs, io, path::Path};

use crate::{ServiceError, pfkey::Icvs, sockets::Permissions};

/// What the file says to both services.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// The lines `sockets`.
    pub permissions: Permissions,
    /// The lines `pfkey icv`.
    pub icvs: Icvs,
}

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// A line that is none.
    #[error("line {line}: {problem}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl Configuration {
    /// Reads a file; none is an empty one.
    ///
    /// Errors: [`ServiceError::Configuration`].
    pub fn of_file(path: &Path) -> Result<Self, ServiceError> {
        let read = match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        };
        read.map_err(|source| ServiceError::Configuration { path: path.to_owned(), source })
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, ConfigurationError> {
        let mut configuration = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let words = text.split('#').next().unwrap_or_default();
            let words: Vec<_> = words.split_whitespace().collect();
            let read = configuration.add(&words);
            read.map_err(|problem| ConfigurationError::Line { line, problem })?;
        }
        Ok(configuration)
    }

    fn add(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [] => Ok(()),
            ["sockets", rest @ ..] => self.permissions.add(rest),
            ["pfkey", "icv", rest @ ..] => self.icvs.add(rest),
            ["pfkey", ..] => Err("expected `pfkey icv ALGORITHM BITS`".into()),
            [word, ..] => Err(format!("`{word}`: expected `sockets` or `pfkey`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_nothing() {
        let empty = Configuration::default();
        assert_eq!(Configuration::parse("\n# nothing\n  \n").unwrap(), empty);
        let absent = Path::new("/nonexistent/ipsecd.conf");
        assert_eq!(Configuration::of_file(absent).unwrap(), empty);
    }

    #[test]
    fn lines_of_both_kinds() {
        let text = "sockets user root ipsec # and a comment\npfkey icv hmac-sha256 128\n";
        let configuration = Configuration::parse(text).unwrap();
        assert_ne!(configuration.permissions, Permissions::default());
        assert_ne!(configuration.icvs, Icvs::default());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let problem = |text: &str| Configuration::parse(text).unwrap_err().to_string();
        for (text, expected) in [
            ("\nsockets all ipsec", "line 2: expected `sockets user|group|unit NAME ACTION...`"),
            (
                "sockets user 1 none",
                "line 1: `none` is no action: expected ipsec, bypass, discard, entrust",
            ),
            ("sockets user 1", "line 1: nothing is allowed: add ipsec, bypass, discard, entrust"),
            (
                "sockets user no_such_user_here ipsec",
                "line 1: there is no user `no_such_user_here`",
            ),
            ("sockets unit / ipsec", "line 1: every process is in cgroup /: name users or groups"),
            ("pfkey window 64", "line 1: expected `pfkey icv ALGORITHM BITS`"),
            ("socket user 1 ipsec", "line 1: `socket`: expected `sockets` or `pfkey`"),
        ] {
            assert_eq!(problem(text), expected);
        }
    }
}
