//! The host's variables, as they were set: a text file for sysctl.conf(5), which every user can read
//! and which is replaced as a whole.

mod earlier;
mod lines;

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use lines::Lines;
use model::{IpVersion, Variables, variable::VARIABLES};
use rustix::fs::{Mode, OFlags, open};
use sys::{bounded::Bounded, replaced::replace_as_only_writer};

use super::files;
use crate::{Error, Namespace};

/// The file in a namespace's directory that holds its variables.
pub const VARIABLES_FILE: &str = "variables.conf";

/// The first line of the file, before the cookie of its namespace.
const HEADER: &str = "# ipsec(4) variables of network namespace ";

const DAMAGE: &str = "it does not begin as a file of variables";

/// More than all variables need, in bytes.
const MOST: u64 = 64 << 10;

/// The file with the variables of one network namespace.
pub struct KeptVariables {
    namespace: Namespace,
    path: PathBuf,
}

/// What the file contains.
#[derive(Debug, PartialEq, Eq)]
pub enum Contents {
    /// These were set; also if there is no file.
    Values(Variables),
    /// These were set, and the lines for the default policy of these IP versions are wrong.
    WithoutDefaultPolicy(Variables, Vec<IpVersion>),
    /// An earlier version's file has these.
    Earlier(Variables),
    /// It is unreadable, for this reason. Nothing of it counts.
    Damaged(String),
}

impl KeptVariables {
    pub fn of(namespace: &Namespace) -> Self {
        let path = namespace.directory().join(VARIABLES_FILE);
        Self { namespace: namespace.clone(), path }
    }

    /// Reads the file. Takes no lock, and cannot be delayed by another reader. Lines that are no
    /// setting are reported and passed over.
    ///
    /// Errors: [`Error::Run`], also without permission: then there may be variables.
    pub fn read(&self) -> Result<Contents, Error> {
        let text = match self.bytes() {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let earlier = earlier::read(&self.namespace)?;
                return Ok(
                    earlier.map_or(Contents::Values(Variables::default()), Contents::Earlier)
                );
            }
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                return Ok(Contents::Damaged(error.to_string()));
            }
            Err(source) => return Err(Error::run(&self.path, source)),
        };
        let Some((cookie, lines)) = std::str::from_utf8(&text).ok().and_then(split_header) else {
            return Ok(Contents::Damaged(DAMAGE.into()));
        };
        if cookie != self.namespace.cookie {
            // Those of a former namespace of the same number.
            return Ok(Contents::Values(Variables::default()));
        }
        let lines = Lines::parse(lines);
        lines.warn(&self.path);
        let unknown = lines.unknown_default_policies();
        Ok(if unknown.is_empty() {
            Contents::Values(lines.variables)
        } else {
            Contents::WithoutDefaultPolicy(lines.variables, unknown)
        })
    }

    fn open(&self) -> io::Result<File> {
        // A FIFO in its place is not waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(open(&self.path, flags, Mode::empty())?.into())
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Bounded::new(self.open()?, MOST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Keeps exactly these, or fails and leaves what was kept. The caller has the exclusive lock of
    /// the namespace.
    ///
    /// Errors: [`Error::Run`].
    pub fn keep(&self, values: &Variables) -> Result<(), Error> {
        let mut text = format!("{HEADER}{}\n", self.namespace.cookie);
        for (meaning, value) in values.set_values() {
            // Of two names of one variable, the first in the table is kept.
            if let Some(variable) = VARIABLES.iter().find(|variable| variable.meaning == meaning) {
                text.extend([variable.name, " = ", &value.to_string(), "\n"]);
            }
        }
        replace_as_only_writer(&self.path, text.as_bytes(), files::READABLE)
            .map_err(|source| Error::run(&self.path, source))
    }

    /// Reports that the file is damaged, once.
    pub fn warn_damaged(&self, reason: &str) {
        files::warn_once(&self.path, &reason);
    }

    /// Copies a damaged file, which [`KeptVariables::keep`] replaces: until then it is there, and the
    /// default policy is not taken for unset. Of a file that is too long, the beginning is copied. The
    /// caller has the exclusive lock of the namespace.
    pub fn copy_aside(&self, reason: &str) {
        let mut bytes = Vec::new();
        let file = self.open().map(|file| file.take(MOST));
        if file.and_then(|mut file| file.read_to_end(&mut bytes)).is_ok() {
            files::copy_aside(&self.path, &bytes, &reason);
        }
    }
}

/// The cookie of the first line, and the lines after it.
fn split_header(text: &str) -> Option<(u64, &str)> {
    let (header, lines) = text.split_once('\n')?;
    Some((header.strip_prefix(HEADER)?.parse().ok()?, lines))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use model::Variable;

    use super::*;

    fn set(values: &mut Variables, name: &str, value: i64) {
        values.set(Variable::of_name(name).unwrap().set(value).unwrap());
    }

    #[test]
    fn what_one_process_sets_another_reads() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        namespace.make().unwrap();
        let (writer, reader) = (KeptVariables::of(&namespace), KeptVariables::of(&namespace));
        assert_eq!(reader.read().unwrap(), Contents::Values(Variables::default()));
        for value in [1, 2] {
            let mut values = Variables::default();
            set(&mut values, "net.inet.ipsec.esp_net_deflev", value);
            set(&mut values, "net.inet6.ipsec6.debug", value);
            writer.keep(&values).unwrap();
            assert_eq!(reader.read().unwrap(), Contents::Values(values));
        }
        let path = namespace.directory().join(VARIABLES_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        let text = fs::read_to_string(path).unwrap();
        let expected = "net.inet.ipsec.esp_net_deflev = 2\nnet.inet.ipsec.debug = 2\n";
        assert_eq!(text.split_once('\n').unwrap().1, expected);
    }

    #[test]
    fn a_wrong_line_of_the_default_policy_does_not_leave_it_unset() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        namespace.make().unwrap();
        let kept = KeptVariables::of(&namespace);
        let path = namespace.directory().join(VARIABLES_FILE);
        let mut expected = Variables::default();
        set(&mut expected, "net.inet.ipsec.dfbit", 1);
        let lines = "net.inet.ipsec.dfbit = 1\nnet.inet6.ipsec6.def_policy = O\n";
        fs::write(&path, format!("{HEADER}{}\n{lines}", namespace.cookie)).unwrap();
        let unknown = vec![IpVersion::V6];
        assert_eq!(kept.read().unwrap(), Contents::WithoutDefaultPolicy(expected, unknown));
    }

    #[test]
    fn a_damaged_file_has_no_values() {
        let root = tempfile::tempdir().unwrap();
        let mut namespace = Namespace::within(root.path());
        namespace.make().unwrap();
        let kept = KeptVariables::of(&namespace);
        let path = namespace.directory().join(VARIABLES_FILE);
        let long = format!("{HEADER}{}\n{}", namespace.cookie, "#".repeat(64 << 10));
        let no_header = &b"net.inet.ipsec.ecn = 0\n"[..];
        for bytes in [&b"\xff\xfe\0\x01"[..], b"", no_header, b"# ipsec", long.as_bytes()] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(kept.read(), Ok(Contents::Damaged(_))), "{bytes:?}");
            kept.copy_aside(DAMAGE);
            assert!(matches!(kept.read(), Ok(Contents::Damaged(_))), "until it is replaced");
            kept.keep(&Variables::default()).unwrap();
            assert!(matches!(kept.read(), Ok(Contents::Values(_))));
        }
        let mut values = Variables::default();
        set(&mut values, "net.inet.ipsec.ecn", 0);
        kept.keep(&values).unwrap();
        namespace.cookie += 1;
        let former = KeptVariables::of(&namespace);
        assert_eq!(former.read().unwrap(), Contents::Values(Variables::default()));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        let namespace = Namespace::within(root.path());
        fs::create_dir_all(namespace.directory().join(VARIABLES_FILE)).unwrap();
        let error = KeptVariables::of(&namespace).read().unwrap_err();
        assert_eq!(error.errno(), rustix::io::Errno::ISDIR);
        assert!(error.to_string().contains(VARIABLES_FILE), "{error}");
    }
}
