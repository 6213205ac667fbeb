//! A rehearsal: operations are carried out in a copy of the tables, in a network namespace that ends with it.
//! So the kernel itself reports what it would refuse: what it lacks, what is there already, what makes no
//! sense to it.

use std::{fs::Permissions, io, os::unix::fs::PermissionsExt, thread};

use model::{Operation, SaState, Variables};
use tempfile::TempDir;
use xfrm::{Change, SaImage};

use super::snapshot::Snapshot;
use crate::{Engine, Error, Namespace, Options, Outcome, Sink, state::host::Host};

/// What came of a rehearsal.
#[derive(Debug)]
pub enum Rehearsal {
    /// The refusals have reached the sink.
    Done,
    /// It needs a network namespace, which this process may not make (CAP_SYS_ADMIN), or the kernel has none.
    Impossible(rustix::io::Errno),
}

impl Engine {
    /// Carries out operations in a copy of the tables. Only refusals reach the sink. Devices are not copied, so
    /// that nothing is offloaded.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`], those of the sink.
    pub fn rehearse(
        &mut self,
        operations: &[(usize, Operation)],
        sink: &mut dyn Sink,
    ) -> Result<Rehearsal, Error> {
        let tables = Snapshot::read(&mut self.host)?;
        let variables = self.host.variables()?;
        let options = self.options;
        // A namespace is a thread's own.
        let rehearsing = move || -> Result<Result<Vec<(usize, Outcome)>, _>, Error> {
            if let Err(errno) = sys::netns::leave() {
                return Ok(Err(errno));
            }
            let root = directory()?;
            let mut copy = Copy::of(&tables, &variables, options, root.path())?;
            Ok(Ok(copy.carry_out(operations)?))
        };
        let joined = thread::scope(|scope| scope.spawn(rehearsing).join());
        match joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))? {
            Err(errno) => Ok(Rehearsal::Impossible(errno)),
            Ok(refusals) => {
                for (line, refusal) in refusals {
                    sink.outcome(line, refusal)?;
                }
                Ok(Rehearsal::Done)
            }
        }
    }
}

/// A directory that no other user can enter, whatever the umask.
fn directory() -> io::Result<TempDir> {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir()
}

/// The copy of the tables, in this thread's network namespace.
struct Copy(Engine);

impl Copy {
    fn of(
        Snapshot { sas, policies, records }: &Snapshot,
        variables: &Variables,
        options: Options,
        root: &std::path::Path,
    ) -> Result<Self, Error> {
        let namespace = Namespace::within(root);
        namespace.make()?;
        let mut host = Host::within(namespace)?;
        host.kept_variables.keep(variables)?;
        if !records.is_empty() {
            host.store.keep(records)?;
        }
        let is_copied = |sa: &&SaImage| {
            sa.entry().state != SaState::Larval
                && sa.entry().sa.offload.is_none()
                && !sa.is_redacted()
        };
        let sas = sas.iter().filter(is_copied).map(Change::RestoreSa);
        let mut batch = host.kernel.batch();
        for change in sas.chain(policies.iter().map(Change::RestorePolicy)) {
            batch.push(&change);
            if batch.is_full() {
                host.kernel.send(&mut batch)?;
            }
        }
        // What the copy lacks is found out as the operations are carried out.
        host.kernel.send(&mut batch)?;
        Ok(Self(Engine::of(host, options)))
    }

    /// Carries out operations, and gives the refusals.
    fn carry_out(
        &mut self,
        operations: &[(usize, Operation)],
    ) -> Result<Vec<(usize, Outcome)>, Error> {
        let mut refusals = Vec::new();
        let mut sink = |line: usize, outcome: Outcome| {
            if let Outcome::Refused(_) = outcome {
                refusals.push((line, outcome));
            }
            Ok(())
        };
        for (line, operation) in operations {
            let mut operation = operation.clone();
            match &mut operation {
                Operation::DumpSad(_) | Operation::DumpSpd => continue,
                Operation::AddSa(sa) | Operation::UpdateSa(sa) => sa.offload = None,
                _ => {}
            }
            self.0.submit(*line, Ok(operation), &mut sink)?;
        }
        self.0.flush(&mut sink)?;
        Ok(refusals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_user_enters_its_directory() {
        let directory = directory().unwrap();
        assert_eq!(directory.path().metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    }
}
