//! A rehearsal: operations are carried out in a copy of the tables, in a network namespace that ends with it.
//! So the kernel itself reports what it would refuse: what it lacks, what is there already, what makes no
//! sense to it.

use std::{fs::Permissions, io, os::unix::fs::PermissionsExt, thread};

use model::{Operation, Sa, SaState, Spi, SpiRequest, Variables};
use tempfile::TempDir;
use xfrm::{Change, Connection};

use super::images::Images;
use crate::{Engine, EngineOptions, Error, Namespace, Outcome, Refusal, Sink, state::host::Host};

/// What came of a rehearsal.
#[derive(Debug)]
pub enum Rehearsal {
    /// The refusals have reached the sink.
    Done,
    /// It needs a network namespace, which this process may not make (CAP_SYS_ADMIN), or the kernel has none.
    Impossible(rustix::io::Errno),
}

impl Engine {
    /// Carries out operations in a copy of the tables. Only refusals reach the sink. Devices are not copied: they
    /// have their names and numbers, but nothing is offloaded to one.
    ///
    /// Errors: [`Error::Kernel`], [`Error::Run`], those of the sink.
    pub fn rehearse(
        &mut self,
        operations: &[(usize, Operation)],
        sink: &mut dyn Sink,
    ) -> Result<Rehearsal, Error> {
        let tables = Images::read(&mut self.host)?;
        let variables = self.host.variables()?;
        let (options, devices) = (self.options, self.host.kernel.devices());
        let rehearsed = elsewhere(move |mut host| {
            host.kernel.set_devices(devices);
            Copy::of(tables, &variables, options, host)?.carry_out(operations)
        })?;
        match rehearsed {
            InNewNamespace::Impossible(errno) => Ok(Rehearsal::Impossible(errno)),
            InNewNamespace::Done(refusals) => {
                for (line, refusal) in refusals {
                    sink.outcome(line, Outcome::Refused(refusal))?;
                }
                Ok(Rehearsal::Done)
            }
        }
    }
}

/// What came of work in a network namespace of its own.
#[derive(Debug)]
pub enum InNewNamespace<T> {
    /// The result of the work.
    Done(T),
    /// The namespace cannot be made, as without CAP_SYS_ADMIN.
    Impossible(rustix::io::Errno),
}

/// What the kernel refuses of operations in empty tables. They are those of a network namespace that ends with
/// this call.
///
/// Errors: [`Error::Kernel`], [`Error::Run`].
pub fn refusals_in_empty_tables(
    operations: &[(usize, Operation)],
) -> Result<InNewNamespace<Vec<(usize, Refusal)>>, Error> {
    elsewhere(|host| {
        host.namespace.make()?;
        Copy(Engine::of(host, EngineOptions::default())).carry_out(operations)
    })
}

/// Does something in a new network namespace. A namespace is a thread's own.
fn elsewhere<T: Send>(
    work: impl FnOnce(Host) -> Result<T, Error> + Send,
) -> Result<InNewNamespace<T>, Error> {
    let there = move || {
        if let Err(errno) = sys::netns::leave() {
            return Ok(InNewNamespace::Impossible(errno));
        }
        let root = directory()?;
        work(Host::within(Namespace::within(root.path()))?).map(InNewNamespace::Done)
    };
    let joined = thread::scope(|scope| scope.spawn(there).join());
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A directory that no other user can enter, whatever the umask.
fn directory() -> io::Result<TempDir> {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir()
}

/// The copy of the tables, in this thread's network namespace.
struct Copy(Engine);

impl Copy {
    fn of(
        Images { sas, policies, records, .. }: Images,
        variables: &Variables,
        options: EngineOptions,
        mut host: Host,
    ) -> Result<Self, Error> {
        host.namespace.make()?;
        host.kept_variables.keep(variables)?;
        if !records.is_empty() {
            host.store.keep(&records)?;
        }
        let mut batch = host.kernel.batch();
        for sa in sas {
            if sa.entry().state == SaState::Larval {
                reserve(&mut host.kernel, &sa.entry().sa)?;
                continue;
            }
            batch.push(&Change::RestoreSa(&sa.without_offload()));
            if batch.is_full() {
                host.kernel.send(&mut batch)?;
            }
        }
        for policy in policies {
            batch.push(&Change::RestorePolicy(&policy.without_offload()));
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
    ) -> Result<Vec<(usize, Refusal)>, Error> {
        let mut refusals = Vec::new();
        let mut sink = |line: usize, outcome: Outcome| {
            if let Outcome::Refused(refusal) = outcome {
                refusals.push((line, refusal));
            }
            Ok(())
        };
        for (line, operation) in operations {
            if matches!(operation, Operation::DumpSad(_) | Operation::DumpSpd) {
                continue;
            }
            let mut operation = operation.clone();
            remove_offload(&mut operation);
            self.0.submit(*line, Ok(operation), &mut sink)?;
        }
        self.0.flush(&mut sink)?;
        Ok(refusals)
    }
}

fn remove_offload(operation: &mut Operation) {
    match operation {
        Operation::AddSa(sa) | Operation::UpdateSa(sa) => sa.offload = None,
        Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) => policy.offload = None,
        Operation::WithoutForwardCopy(operation) => remove_offload(operation),
        Operation::DeletePolicy(_)
        | Operation::FlushSpd(_)
        | Operation::DumpSpd
        | Operation::DeleteSa(..)
        | Operation::DeleteAllSa(_)
        | Operation::FlushSad(_)
        | Operation::GetSpi(_)
        | Operation::GetSa(..)
        | Operation::DumpSad(_) => {}
    }
}

/// Makes a larval SA. Without an SPI it has no name, and no operation is about it.
fn reserve(kernel: &mut Connection, sa: &Sa) -> Result<(), Error> {
    if sa.spi != Spi(0) {
        let &Sa { ends, proto, spi, mode, reqid, .. } = sa;
        let request = SpiRequest { ends, proto, spi: Some(spi), mode, reqid };
        kernel.get_spi(&request, (spi, spi))?;
    }
    Ok(())
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
