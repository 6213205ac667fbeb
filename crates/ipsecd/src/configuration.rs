//! `/etc/xfrm-tools/ipsecd.conf`, ipsecd.conf(5).

use std::{io, path::Path};

use metrics::By;
use model::UnknownWord;
use tracing::error;

use crate::{Error, metrics::Address, pfkey::IcvLengths, sockets::Permissions};

/// The most bytes of a configuration.
const MOST: u64 = 1 << 20;

/// The configuration of the daemon and its services.
#[derive(Debug, Default)]
pub struct Configuration {
    /// The lines `sockets`.
    pub permissions: Permissions,
    /// The lines `pfkey icv`; `None` if a line that may be one is wrong.
    pub icv_lengths: Option<IcvLengths>,
    /// The lines that are wrong. They permit nothing; the others are used.
    pub errors: Vec<Error>,
    /// The line `user`: the user that the daemon runs as.
    pub user: Option<String>,
    /// The line `metrics ADDRESS`: where metrics are served; without it they are not.
    pub metrics: Option<Address>,
    /// The line `metrics by`: what a series of metrics is for.
    pub metrics_by: Option<By>,
}

impl Configuration {
    /// Reads a file. One that does not exist is empty; one that cannot be read is wrong as a whole.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        match sys::bounded::read_file(path, MOST) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::parse(&[], path),
            Err(source) => {
                let error = Error::ConfigurationUnreadable { path: path.to_owned(), source };
                Self { errors: vec![error], ..Self::default() }
            }
        }
    }

    /// Reads the text of a file; `path` is for the errors.
    #[must_use]
    pub fn parse(text: &[u8], path: &Path) -> Self {
        let mut configuration =
            Self { icv_lengths: Some(IcvLengths::default()), ..Self::default() };
        for (line, text) in (1..).zip(String::from_utf8_lossy(text).lines()) {
            let words = text.split('#').next().unwrap_or_default();
            let words: Vec<_> = words.split_whitespace().collect();
            if let Err(problem) = configuration.add(&words) {
                let path = path.to_owned();
                configuration.errors.push(Error::ConfigurationLine { path, line, problem });
                if !matches!(words.first(), Some(&("sockets" | "metrics"))) {
                    configuration.icv_lengths = None;
                }
            }
        }
        configuration
    }

    /// Logs the lines that are wrong.
    pub(crate) fn log_errors(&self) {
        for error in &self.errors {
            error!(%error, "configuration line not used");
        }
    }

    fn add(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            [] => Ok(()),
            ["sockets", rest @ ..] => self.permissions.add(rest),
            ["pfkey", "icv", rest @ ..] => {
                self.icv_lengths.as_mut().map_or(Ok(()), |lengths| lengths.add(rest))
            }
            ["pfkey", ..] => Err("expected `pfkey icv ALGORITHM BITS`".into()),
            ["user", name] => {
                self.user = Some((*name).to_owned());
                Ok(())
            }
            ["metrics", "by", word] => {
                set(&mut self.metrics_by, word.parse().map_err(|it| by_what(&it))?)
            }
            ["metrics", address] => set(&mut self.metrics, address.parse()?),
            ["metrics", ..] => {
                Err(format!("expected `metrics ADDRESS` or `metrics by {}`", by_words()))
            }
            ["user", ..] => Err("expected `user NAME`".into()),
            [word, ..] => {
                Err(format!("`{word}`: expected `sockets`, `pfkey`, `metrics` or `user`"))
            }
        }
    }
}

fn set<T>(setting: &mut Option<T>, value: T) -> Result<(), String> {
    match setting.replace(value) {
        None => Ok(()),
        Some(_) => Err("the line is there already".into()),
    }
}

fn by_words() -> String {
    By::ALL.iter().map(|it| it.word()).collect::<Vec<_>>().join("|")
}

fn by_what(error: &UnknownWord) -> String {
    format!("{error}: expected {}", by_words())
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn parse(text: &str) -> Configuration {
        Configuration::parse(text.as_bytes(), Path::new("/ipsecd.conf"))
    }

    fn errors(configuration: &Configuration) -> Vec<String> {
        configuration.errors.iter().map(Error::to_string).collect()
    }

    #[test]
    fn an_empty_and_an_absent_file_permit_nothing() {
        let absent = Configuration::read(Path::new("/nonexistent/ipsecd.conf"));
        for empty in [parse("\n# nothing\n  \n"), absent] {
            assert_eq!(empty.permissions, Permissions::default());
            assert_eq!(empty.icv_lengths, Some(IcvLengths::default()));
            assert!(empty.errors.is_empty());
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_permits_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for (path, expected) in [
            (Path::new("/"), "Is a directory"),
            (Path::new("/dev/zero"), "it has more than 1 MiB"),
            (&fifo, "it is a FIFO, not a file"),
        ] {
            let unreadable = Configuration::read(path);
            assert_eq!(unreadable.permissions, Permissions::default());
            assert_eq!(unreadable.icv_lengths, None);
            let [error] = &errors(&unreadable)[..] else { panic!("{:?}", unreadable.errors) };
            assert!(error.starts_with(&format!("{}: {expected}", path.display())), "{error}");
        }
    }

    #[test]
    fn lines_of_all_kinds() {
        let text = "user ipsecd\nmetrics unix\nmetrics by reqid\nsockets user root ipsec # and a comment\npfkey icv hmac-sha256 128\n";
        let configuration = parse(text);
        assert_eq!(configuration.user.as_deref(), Some("ipsecd"));
        assert_eq!(configuration.metrics, Some(Address::Unix));
        assert_eq!(configuration.metrics_by, Some(By::ReqId));
        assert_ne!(configuration.permissions, Permissions::default());
        assert_ne!(configuration.icv_lengths, Some(IcvLengths::default()));
        assert!(configuration.errors.is_empty());
    }

    #[test]
    fn a_wrong_line_permits_nothing_and_the_others_are_used() {
        let right = parse("sockets user 1 ipsec");
        let wrong = parse("sockets user 2 ipsec everything\nsockets user 1 ipsec\n");
        assert_eq!(wrong.permissions, right.permissions);
        assert_eq!(wrong.icv_lengths, right.icv_lengths);
        assert_eq!(wrong.errors.len(), 1);
        let bytes = Configuration::parse(b"# \xff\nsockets user 1 ipsec", Path::new("/x"));
        assert_eq!((bytes.permissions, bytes.errors.len()), (right.permissions, 0));
        for line in ["pfkey icv hmac-sha256 12x", "pkfey icv hmac-sha256 128"] {
            let text = format!("{line}\npfkey icv hmac-sha1 96\n");
            assert_eq!(parse(&text).icv_lengths, None, "{line}");
        }
    }

    #[test]
    fn errors_name_the_line() {
        let words = "ipsec, tunnel, use, unique:NUMBER, unique:any, bypass, discard or entrust";
        for (text, expected) in [
            (
                "\nsockets all ipsec",
                "line 2: expected `sockets user|group|unit NAME PERMISSION...`",
            ),
            (
                "sockets user 1 none",
                &format!("line 1: `none` is not a permission: expected {words}"),
            ),
            ("sockets user 1", &format!("line 1: nothing is permitted: add {words}")),
            ("sockets user 1 tunnel", "line 1: `tunnel` extends `ipsec`: add ipsec"),
            (
                "sockets user no_such_user_here ipsec",
                "line 1: there is no user `no_such_user_here`",
            ),
            ("sockets unit / ipsec", "line 1: every process is in cgroup /: name users or groups"),
            ("pfkey window 64", "line 1: expected `pfkey icv ALGORITHM BITS`"),
            (
                "socket user 1 ipsec",
                "line 1: `socket`: expected `sockets`, `pfkey`, `metrics` or `user`",
            ),
            ("user", "line 1: expected `user NAME`"),
            ("metrics", "line 1: expected `metrics ADDRESS` or `metrics by peer|reqid|sa`"),
            ("metrics by port", "line 1: `port` is no kind of series: expected peer|reqid|sa"),
            ("metrics unix\nmetrics unix", "line 2: the line is there already"),
            (
                "metrics 192.0.2.1:9754",
                "line 1: `192.0.2.1:9754`: metrics are served without a password: an address of the \
                 loopback is needed",
            ),
        ] {
            assert_eq!(errors(&parse(text)), [format!("/ipsecd.conf: {expected}")]);
        }
    }
}
