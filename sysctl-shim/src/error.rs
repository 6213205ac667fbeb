//! What goes wrong, in the words of each sysctl.

use std::{io, path::PathBuf};

use model::{Dialect, VariableError};
use rustix::io::Errno;
use sys::{errno_text, without_number};

use crate::{
    name::Name,
    proc::{self, FOLDER},
};

/// What goes wrong with one variable or file.
#[derive(Debug)]
pub enum Error {
    /// A name without a letter.
    NoName(String),
    /// Nothing has this name.
    Unknown {
        /// The name.
        name: Name,
        /// What stat(2) said.
        source: io::Error,
    },
    /// A name that leads out of /proc/sys.
    Outside(Name),
    /// A folder that cannot be listed.
    Folder(Name),
    /// A variable that cannot be read.
    Read {
        /// Its name.
        name: String,
        /// The errno of the system call.
        source: Errno,
    },
    /// A variable that this user may not set.
    Forbidden {
        /// Its name.
        name: String,
        /// A failure is not to matter.
        ignored: bool,
    },
    /// Letters for a variable that takes a number.
    NotANumber {
        /// Its name.
        name: String,
        /// The value.
        value: String,
        /// A failure is not to matter.
        ignored: bool,
    },
    /// A value that a variable does not take.
    Refused {
        /// Its name.
        name: String,
        /// The value.
        value: String,
        /// The errno of the system call.
        source: Errno,
        /// A failure is not to matter.
        ignored: bool,
    },
    /// Not `name=value`.
    Syntax {
        /// The file.
        file: String,
        /// The line.
        line: usize,
    },
    /// A file of settings that cannot be opened, or has no end.
    Open {
        /// The file.
        file: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
    /// NetBSD sets nothing without `-w`.
    NotWriting,
}

impl Error {
    /// A value that a variable of ipsec(4) does not take.
    pub fn of_value(error: &VariableError, name: &str, value: &str, ignored: bool) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        match error {
            VariableError::NotANumber { .. } => Error::NotANumber { name, value, ignored },
            _ => Error::Refused { name, value, source: error.errno(), ignored },
        }
    }

    /// A variable that was not set, by the errno of open(2).
    pub fn of_open(name: &str, value: &str, source: Errno, ignored: bool) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        match source {
            Errno::PERM | Errno::ROFS | Errno::ACCESS => Error::Forbidden { name, ignored },
            _ => Error::Refused { name, value, source, ignored },
        }
    }

    /// In the words of a sysctl.
    pub fn words(&self, dialect: Dialect) -> String {
        match (self, dialect) {
            (Error::Unknown { name, .. }, Dialect::NetBsd) => level(name),
            (Error::NoName(text), Dialect::FreeBsd) => format!("unknown oid '{text}'"),
            (Error::Unknown { name, .. }, Dialect::FreeBsd) => {
                format!("unknown oid '{}'", name.dotted())
            }
            (Error::Read { name, source }, Dialect::NetBsd | Dialect::FreeBsd)
            | (Error::Refused { name, source, .. }, Dialect::NetBsd) => {
                format!("{name}: {}", errno_text(*source))
            }
            (Error::Forbidden { name, .. }, Dialect::NetBsd | Dialect::FreeBsd) => {
                format!("{name}: {}", errno_text(Errno::PERM))
            }
            (Error::NotANumber { value, .. }, Dialect::NetBsd) => format!("{value}: not a number"),
            (Error::NotANumber { value, .. }, Dialect::FreeBsd) => {
                format!("invalid integer '{value}'")
            }
            (Error::Refused { name, source: Errno::OPNOTSUPP, .. }, Dialect::FreeBsd) => {
                format!("{name}: value is not available")
            }
            (Error::Refused { name, source: Errno::ISDIR, .. }, Dialect::FreeBsd) => {
                format!("oid '{name}' isn't a leaf node")
            }
            (Error::Refused { name, value, source, .. }, Dialect::FreeBsd) => {
                format!("{name}={value}: {}", errno_text(*source))
            }
            _ => self.procps(),
        }
    }

    fn procps(&self) -> String {
        let ignoring = |ignored: bool| if ignored { ", ignoring" } else { "" };
        let setting = |name: &str, ignored, source| {
            format!("setting key \"{name}\"{}: {}", ignoring(ignored), errno_text(source))
        };
        match self {
            Error::NoName(text) => format!("\"{text}\" is an unknown key"),
            Error::Unknown { name, source } => {
                format!(
                    "cannot stat {}: {}",
                    proc::path(name).display(),
                    without_number(source.to_string())
                )
            }
            Error::Outside(name) => {
                format!("Path is not under {FOLDER}: {}", proc::path(name).display())
            }
            Error::Folder(name) => {
                format!("unable to open directory \"{}/\"", proc::path(name).display())
            }
            Error::Read { name, source: Errno::NOENT } => format!("\"{name}\" is an unknown key"),
            Error::Read { name, source: Errno::ACCESS } => {
                format!("permission denied on key '{name}'")
            }
            Error::Read { name, source } => {
                format!("reading key \"{name}\": {}", errno_text(*source))
            }
            Error::Forbidden { name, ignored } => {
                format!("permission denied on key \"{name}\"{}", ignoring(*ignored))
            }
            Error::Refused { name, source, ignored, .. } => setting(name, *ignored, *source),
            Error::NotANumber { name, ignored, .. } => setting(name, *ignored, Errno::INVAL),
            Error::Syntax { file, line } => {
                format!("{file}({line}): invalid syntax, continuing...")
            }
            Error::Open { file, source } => {
                let action = match source.kind() {
                    io::ErrorKind::FileTooLarge => "read",
                    _ => "open",
                };
                let reason = without_number(source.to_string());
                format!("cannot {action} \"{}\": {reason}", file.display())
            }
            Error::NotWriting => "Must specify -w to set variables".to_owned(),
        }
    }
}

/// NetBSD's words for a name that nothing has: which of its parts is the first wrong one.
fn level(name: &Name) -> String {
    const LEVELS: [&str; 12] = [
        "top", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth",
        "tenth", "eleventh", "twelfth",
    ];
    let mut folder = Name::top();
    for (part, level) in name.parts().zip(LEVELS) {
        folder = folder.child(part);
        if crate::tree::find(&folder).is_err() {
            return format!("{level} level name '{part}' in '{}' is invalid", name.dotted());
        }
    }
    format!("'{}' is invalid", name.dotted())
}

/// The errno of a failure.
pub fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
