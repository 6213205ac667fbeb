//! Setting variables.

use std::{env, io, net::IpAddr};

use model::{Dialect, Setting, Variable, Variables};
use rustix::io::Errno;

use crate::{
    apply_report,
    assignment::{Assignment, AssignmentTarget},
    error::{Error, errno},
    format::Output,
    host::{self, HostVariables},
    name::Name,
    options::{CommandLine, Unknown, Writing},
    proc::{self, Failed, File},
    read::Reader,
    report::Report,
    ssh_session,
    tree::{self, Node},
};

/// Sets the variables of one call.
pub struct Writer<'a> {
    command: &'a CommandLine,
    report: &'a Report,
    batch: Batch,
    /// The values of ours before the next line of output.
    before: Variables,
}

/// The variables of ipsec(4) in one call, which are set together or not at all.
#[derive(Debug)]
enum Batch {
    /// They were not tried yet.
    Pending(Vec<Setting>),
    /// They are set.
    Applied,
    /// None was tried: one of them does not take its value.
    Invalid,
    /// None was tried: this one would cut the session.
    Guarded(Setting, IpAddr),
    /// None is set. The reason is reported once.
    Failed(Errno, Option<String>),
}

impl<'a> Writer<'a> {
    /// Sets all these, as they come by.
    pub fn new<'b>(
        command: &'a CommandLine,
        report: &'a Report,
        assignments: impl Iterator<Item = &'b Assignment>,
    ) -> Self {
        let mut settings = Vec::new();
        let mut is_valid = true;
        for assignment in assignments {
            match &assignment.target {
                AssignmentTarget::Variable { setting: Ok(setting), .. } => settings.push(*setting),
                AssignmentTarget::Variable { setting: Err(_), .. } => {
                    is_valid &= assignment.tolerant;
                }
                AssignmentTarget::Proc => {}
            }
        }
        let batch = if is_valid { Batch::Pending(settings) } else { Batch::Invalid };
        Writer { command, report, batch, before: Variables::default() }
    }

    /// Carries out one assignment. The result is what it adds to the exit status.
    pub fn write(
        &mut self,
        assignment: &Assignment,
        host: &mut HostVariables,
        out: &mut Output,
    ) -> io::Result<i32> {
        match &assignment.target {
            AssignmentTarget::Variable { variable, setting: Ok(setting) } => {
                self.ours(variable, *setting, assignment, host, out)
            }
            AssignmentTarget::Variable { variable, setting: Err(error) } => {
                let Assignment { value, tolerant, .. } = assignment;
                self.report.error(&Error::of_value(error, variable.name, value, *tolerant));
                self.report.note(&error.to_string());
                Ok(failed_unless(*tolerant))
            }
            AssignmentTarget::Proc => self.proc(assignment, out),
        }
    }

    fn proc(&self, assignment: &Assignment, out: &mut Output) -> io::Result<i32> {
        let Assignment { name, value, tolerant, .. } = assignment;
        match tree::find_in_proc(name) {
            Err(source) => {
                let reader = Reader { command: self.command, report: self.report };
                // procps' `-` is not for names that nothing has: outside our folders.
                let is_remark = *tolerant && tree::is_in_our_folders(&name.dotted());
                let unknown = match self.command.unknown {
                    Unknown::Error if is_remark => Unknown::Remark,
                    unknown => unknown,
                };
                Ok(reader.unknown(name.clone(), source, unknown))
            }
            Ok(Node::File(file)) => self.file(file, assignment, out),
            Ok(Node::Ours(_) | Node::Folder) if *name == Name::top() => {
                self.report.error(&Error::Outside(name.clone()));
                Ok(1)
            }
            Ok(Node::Ours(_) | Node::Folder) => {
                let source = Errno::ISDIR;
                let (name, value, ignored) = (name.dotted(), value.clone(), *tolerant);
                self.report.error(&Error::Refused { name, value, source, ignored });
                Ok(1)
            }
        }
    }

    fn ours(
        &mut self,
        variable: &'static Variable,
        setting: Setting,
        assignment: &Assignment,
        host: &mut HostVariables,
        out: &mut Output,
    ) -> io::Result<i32> {
        let Assignment { value, tolerant: ignored, .. } = assignment;
        self.try_batch(host);
        if let Some(status) = self.failure(&setting, assignment) {
            return Ok(status);
        }
        let old = if host::is_linux_own(variable) {
            let old = host.value(variable).ok();
            if !self.command.writing.dry_run && !self.larval_lifetime(&setting, assignment) {
                return Ok(failed_unless(*ignored));
            }
            old.map_or(String::new(), |value| value.to_string())
        } else {
            self.before.value(variable.meaning).to_string()
        };
        self.before.set(setting);
        let new = match self.command.dialect {
            Dialect::Linux => value.clone(),
            _ => setting.value().to_string(),
        };
        self.echo(variable.name, &old, &new, out)
    }

    /// If the variables of ipsec(4) are not set: reports why. The result is what that adds to the exit
    /// status.
    fn failure(&mut self, setting: &Setting, assignment: &Assignment) -> Option<i32> {
        let name = setting.variable().name;
        match &mut self.batch {
            Batch::Pending(_) | Batch::Applied => None,
            Batch::Guarded(guarded, client) if guarded == setting => {
                self.report.note(&ssh_session::words(setting, *client));
                Some(1)
            }
            Batch::Invalid | Batch::Guarded(..) => {
                let why = "another variable of ipsec(4) in this call cannot be";
                self.report.note(&format!("{name} was not set, since {why}"));
                Some(1)
            }
            Batch::Failed(source, why) => {
                let Assignment { value, tolerant, .. } = assignment;
                self.report.error(&Error::of_open(name, value, *source, *tolerant));
                if let Some(why) = why.take() {
                    self.report.note(&why);
                }
                Some(failed_unless(*tolerant))
            }
        }
    }

    /// Sets net.key.larval_lifetime, or reports why not.
    fn larval_lifetime(&self, setting: &Setting, assignment: &Assignment) -> bool {
        let Err(Failed::Open(error) | Failed::Write(error)) = host::set_larval_lifetime(setting)
        else {
            return true;
        };
        let (variable, source) = (setting.variable(), errno(&error));
        let Assignment { value, tolerant, .. } = assignment;
        self.report.error(&Error::of_open(variable.name, value, source, *tolerant));
        if source == Errno::NOENT {
            self.report.note(&host::absence(variable));
        }
        false
    }

    /// Sets those of ipsec(4), unless that was tried.
    fn try_batch(&mut self, host: &mut HostVariables) {
        if let Batch::Pending(settings) = &mut self.batch {
            let settings = std::mem::take(settings);
            self.batch = self.apply_batch(&settings, host).unwrap_or_else(|error| {
                Batch::Failed(error.errno(), Some(sys::without_number(error.to_string())))
            });
        }
    }

    fn apply_batch(
        &mut self,
        settings: &[Setting],
        host: &mut HostVariables,
    ) -> Result<Batch, engine::Error> {
        let Writing { force, renew_sas, dry_run, .. } = self.command.writing;
        self.before = host.variables()?.clone();
        let ssh = env::var("SSH_CONNECTION").ok().filter(|_| !force);
        if let Some(client) = ssh.as_deref().and_then(ssh_session::ssh_client)
            && let Some(setting) = ssh_session::cutting(settings, &self.before, client)
        {
            return Ok(Batch::Guarded(setting, client));
        }
        let of_engine = |setting: &&Setting| !host::is_linux_own(setting.variable());
        let settings = settings.iter().filter(of_engine).copied().collect::<Vec<_>>();
        if !dry_run && !settings.is_empty() {
            let applied = host.apply(&settings, renew_sas)?;
            for line in apply_report::lines(&applied) {
                self.report.note(&line);
            }
        }
        Ok(Batch::Applied)
    }

    fn file(&self, file: File, assignment: &Assignment, out: &mut Output) -> io::Result<i32> {
        let Assignment { name, value, tolerant, .. } = assignment;
        let dotted = name.dotted();
        if !proc::is_below(name) {
            self.report.error(&Error::Outside(name.clone()));
            return Ok(1);
        }
        let refused = |source, ignored| {
            let (name, value) = (dotted.clone(), value.clone());
            self.report.error(&Error::Refused { name, value, source, ignored });
        };
        if !file.writable {
            refused(Errno::PERM, false);
            return Ok(1);
        }
        // Reading some variables does something: only the BSDs print the old value.
        let old = match self.command.dialect {
            Dialect::Linux => Vec::new(),
            _ => proc::read(name).unwrap_or_default(),
        };
        if !self.command.writing.dry_run {
            match proc::write(name, value) {
                Ok(()) => {}
                Err(Failed::Open(error)) => {
                    let error = Error::of_open(&dotted, value, errno(&error), *tolerant);
                    self.report.error(&error);
                    if !tolerant {
                        return Ok(1);
                    }
                    // procps prints the value nevertheless.
                }
                // procps' `-` is for files that cannot be opened.
                Err(Failed::Write(error)) => {
                    refused(errno(&error), false);
                    return Ok(1);
                }
            }
        }
        self.echo(&dotted, String::from_utf8_lossy(&old).trim_end(), value, out)
    }

    fn echo(&self, name: &str, old: &str, new: &str, out: &mut Output) -> io::Result<i32> {
        let Writing { quiet, dry_run, .. } = self.command.writing;
        let is_quiet = quiet && !dry_run && self.command.dialect == Dialect::Linux;
        if is_quiet { Ok(0) } else { out.set(name, old, new).map(|()| 0) }
    }
}

/// What a failure adds to the exit status.
fn failed_unless(ignored: bool) -> i32 {
    i32::from(!ignored)
}
