//! `/etc/xfrm-tools/ipsecd.conf`, ipsecd.conf(5).

use std::{fs, io, path::Path};

use crate::{Error, pfkey::IcvLengths, sockets::Permissions};

/// The configuration of the daemon and its services.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// The lines `sockets`.
    pub permissions: Permissions,
    /// The lines `pfkey icv`.
    pub icv_lengths: IcvLengths,
    /// The line `user`: the user that the daemon runs as.
    pub user: Option<String>,
}

impl Configuration {
    /// Reads a file. A file that does not exist is an empty configuration.
    ///
    /// Errors: [`Error::ConfigurationUnreadable`], [`Error::ConfigurationLine`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(Error::ConfigurationUnreadable { path: path.to_owned(), source }),
        }
    }

    /// Reads the text of a file; `path` is for the error.
    ///
    /// Errors: [`Error::ConfigurationLine`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut configuration = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let words = text.split('#').next().unwrap_or_default();
            let words: Vec<_> = words.split_whitespace().collect();
            let added = configuration.add(&words);
            let path = || path.to_owned();
            added.map_err(|problem| Error::ConfigurationLine { path: path(), line, problem })?;
        }
        Ok(configuration)
    }

    fn add(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [] => Ok(()),
            ["sockets", rest @ ..] => self.permissions.add(rest),
            ["pfkey", "icv", rest @ ..] => self.icv_lengths.add(rest),
            ["pfkey", ..] => Err("expected `pfkey icv ALGORITHM BITS`".into()),
            ["user", name] => {
                self.user = Some((*name).to_owned());
                Ok(())
            }
            ["user", ..] => Err("expected `user NAME`".into()),
            [word, ..] => Err(format!("`{word}`: expected `sockets`, `pfkey` or `user`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, Error> {
        Configuration::parse(text, Path::new("/ipsecd.conf"))
    }

    #[test]
    fn an_empty_and_an_absent_file_are_the_default() {
        let empty = Configuration::default();
        assert_eq!(parse("\n# nothing\n  \n").unwrap(), empty);
        let absent = Path::new("/nonexistent/ipsecd.conf");
        assert_eq!(Configuration::read(absent).unwrap(), empty);
    }

    #[test]
    fn lines_of_all_kinds() {
        let text =
            "user ipsecd\nsockets user root ipsec # and a comment\npfkey icv hmac-sha256 128\n";
        let configuration = parse(text).unwrap();
        assert_eq!(configuration.user.as_deref(), Some("ipsecd"));
        assert_ne!(configuration.permissions, Permissions::default());
        assert_ne!(configuration.icv_lengths, IcvLengths::default());
    }

    #[test]
    fn errors_name_the_line() {
        let problem = |text: &str| parse(text).unwrap_err().to_string();
        for (text, expected) in [
            ("\nsockets all ipsec", "line 2: expected `sockets user|group|unit NAME ACTION...`"),
            (
                "sockets user 1 none",
                "line 1: `none` is not an action: expected ipsec, bypass, discard, entrust",
            ),
            ("sockets user 1", "line 1: nothing is allowed: add ipsec, bypass, discard, entrust"),
            (
                "sockets user no_such_user_here ipsec",
                "line 1: there is no user `no_such_user_here`",
            ),
            ("sockets unit / ipsec", "line 1: every process is in cgroup /: name users or groups"),
            ("pfkey window 64", "line 1: expected `pfkey icv ALGORITHM BITS`"),
            ("socket user 1 ipsec", "line 1: `socket`: expected `sockets`, `pfkey` or `user`"),
            ("user", "line 1: expected `user NAME`"),
        ] {
            assert_eq!(problem(text), format!("/ipsecd.conf: {expected}"));
        }
    }
}
