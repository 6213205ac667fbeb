//! Printing variables.

use std::io;

use model::Variable;
use rustix::io::Errno;

use crate::{
    error::{Error, errno},
    format::{Output, What},
    hint,
    host::HostVariables,
    name::{self, Name},
    options::{CommandLine, Unknown},
    proc::{self, File},
    report::Report,
    tree::{self, Node},
};

/// procps passes these over: the first two have better names, the last one is read for its effect.
const DEPRECATED: [&str; 2] = ["base_reachable_time", "retrans_time"];
const EFFECT: &str = "stat_refresh";

/// Prints variables.
pub struct Reader<'a> {
    /// The options, which decide how they are printed.
    pub command: &'a CommandLine,
    /// Where complaints go.
    pub report: &'a Report,
}

impl Reader<'_> {
    /// Prints the variable of this name, or those below it. The result is what it adds to the exit
    /// status.
    pub fn print(&self, text: &str, host: &mut HostVariables, out: &mut Output) -> io::Result<i32> {
        if text.is_empty() {
            self.report.error(&Error::NoName(text.to_owned()));
            return Ok(-1);
        }
        if let Some(rest) = name::repeated_separator(text) {
            self.report.note(&format!("separators should not be repeated: {rest}"));
        }
        let name = Name::parse(text);
        if name.is_top() {
            self.report.error(&Error::Outside(name.as_folder()));
            return Ok(-1);
        }
        let is_folder = name::ends_in_separator(text);
        match tree::find(&name) {
            Err(source) => {
                let name = if is_folder { name.as_folder() } else { name };
                Ok(self.unknown(name, source, self.command.unknown))
            }
            Ok(Node::Ours(_) | Node::File(_)) if is_folder => {
                let source = Errno::NOTDIR.into();
                Ok(self.unknown(name.as_folder(), source, self.command.unknown))
            }
            Ok(Node::Ours(variable)) => self.ours(variable, false, host, out),
            Ok(Node::File(File { readable: false, .. })) => Ok(0),
            Ok(_) if leaves(&name) => {
                self.report.error(&Error::Outside(name));
                Ok(-1)
            }
            Ok(Node::Folder) => self.folder(&name, host, out),
            Ok(Node::File(_)) => self.file(&name, false, out),
        }
    }

    /// Prints all that is below a name.
    pub fn folder(
        &self,
        folder: &Name,
        host: &mut HostVariables,
        out: &mut Output,
    ) -> io::Result<i32> {
        let Ok(children) = tree::children(folder, self.command.scope) else {
            self.report.error(&Error::Folder(folder.clone()));
            return Ok(1);
        };
        let mut status = 0;
        for name in children {
            if name.last() == EFFECT
                || (!self.command.deprecated && DEPRECATED.contains(&name.last()))
            {
                continue;
            }
            status |= match tree::find(&name) {
                Err(source) => self.unknown(name, source, self.command.unknown),
                Ok(Node::Ours(variable)) => self.ours(variable, true, host, out)?,
                Ok(Node::File(file)) if file.readable => self.file(&name, true, out)?,
                Ok(Node::File(_)) => 0,
                // What fails further below does not fail procps.
                Ok(Node::Folder) => {
                    self.folder(&name, host, out)?;
                    0
                }
            };
        }
        Ok(status)
    }

    /// Complains of a name that nothing has.
    pub fn unknown(&self, name: Name, source: io::Error, unknown: Unknown) -> i32 {
        let hint = hint::of(&name.dotted());
        if self.command.dialect.is_bsd() && self.command.writing.quiet {
            return i32::from(unknown == Unknown::Error);
        }
        if unknown == Unknown::Error {
            self.report.error(&Error::Unknown { name, source });
        }
        if let Some(hint) = hint.filter(|_| unknown != Unknown::Silence) {
            self.report.note(&hint);
        }
        i32::from(unknown == Unknown::Error)
    }

    fn ours(
        &self,
        variable: &Variable,
        in_passing: bool,
        host: &mut HostVariables,
        out: &mut Output,
    ) -> io::Result<i32> {
        if !self.command.filter.takes(variable.name) {
            return Ok(0);
        }
        match self.command.format.what {
            What::Names => return out.name(variable.name).map(|()| 0),
            What::Descriptions { .. } => {
                return out.description(variable.name, Some(variable.description)).map(|()| 0);
            }
            _ => {}
        }
        match host.value(variable) {
            Ok(value) => out.ours(variable, value).map(|()| 0),
            // Linux's own variable is not in every network namespace: no reason to fail `-a`.
            Err((Error::Read { source: Errno::NOENT, .. }, _)) if in_passing => Ok(0),
            Err((error, why)) => {
                self.report.error(&error);
                if let Some(why) = why {
                    self.report.note(&why);
                }
                Ok(1)
            }
        }
    }

    fn file(&self, name: &Name, in_passing: bool, out: &mut Output) -> io::Result<i32> {
        let dotted = name.dotted();
        if !self.command.filter.takes(&dotted) {
            return Ok(0);
        }
        match self.command.format.what {
            What::Names => return out.name(&dotted).map(|()| 0),
            What::Descriptions { .. } if in_passing => return Ok(0),
            What::Descriptions { .. } => return out.description(&dotted, None).map(|()| 0),
            _ => {}
        }
        match proc::read(name).map_err(|error| errno(&error)) {
            Ok(text) => out.file(&dotted, &text).map(|()| 0),
            // net.ipv6.conf.*.stable_secret, where none is set.
            Err(Errno::IO) => Ok(1),
            Err(Errno::NOENT) if self.command.unknown == Unknown::Silence => Ok(0),
            Err(source) => {
                self.report.error(&Error::Read { name: dotted, source });
                Ok(1)
            }
        }
    }
}

/// Whether there is something under this name, but not below /proc/sys.
fn leaves(name: &Name) -> bool {
    proc::find(name).is_ok() && !proc::is_below(name)
}
