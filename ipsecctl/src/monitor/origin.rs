//! Which process has requested a change: the one that has the netlink port of the request.

use std::collections::HashMap;

use cli::json::OriginJson;
use model::Origin;
use rustix::{io::Errno, process::Pid};
use sys::pidfd::Process;

/// The most ports that are remembered.
const MOST: usize = 256;

/// A network namespace, whose ports are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortsOf {
    /// That of this process, by its inode.
    This(u64),
    /// Another one, by its inode.
    Another(u64),
    /// One that is not known.
    Unknown,
}

/// Processes by the netlink ports of their requests.
#[derive(Default)]
pub struct Origins(HashMap<(PortsOf, u32), OriginJson>);

impl Origins {
    /// The process of a request in a network namespace; `None` if the kernel acted by itself, or the request does not have
    /// its port, as those of ip(8).
    ///
    /// A process is the one that has the port as its number, which the kernel gives to the first netlink
    /// socket of a process. It may have ended. A process with CAP_NET_ADMIN over a network namespace can write another's
    /// number into its requests, so the other has to be in the same network namespace: who may not administer this one
    /// names no process of it.
    pub fn find(&mut self, origin: Origin, ports: PortsOf) -> Option<OriginJson> {
        let port = origin.pid;
        if port == 0 {
            return None;
        }
        if let Some(known) = self.0.get(&(ports, port)) {
            return Some(known.clone());
        }
        let program = program(port, ports);
        let found = OriginJson { port, pid: program.is_some().then_some(port), program };
        if self.0.len() == MOST {
            self.0.clear();
        }
        self.0.insert((ports, port), found.clone());
        Some(found)
    }
}

/// The name of the process with this number, if it is in a network namespace. Both are of one process, though it ends
/// meanwhile and another one gets its number.
fn program(number: u32, ports: PortsOf) -> Option<String> {
    let number = i32::try_from(number).ok().and_then(Pid::from_raw)?;
    let process = Process::open(number).ok()?;
    let name = process.read("comm").ok()?;
    is_in(&process, ports).then(|| name.trim_end().to_owned())
}

/// Whether a process is in a network namespace. One of another user may not be asked: it may be in this one.
fn is_in(process: &Process, ports: PortsOf) -> bool {
    let namespace = process.stat("ns/net").map(|it| it.st_ino);
    match ports {
        PortsOf::This(own) => namespace == Ok(own) || namespace == Err(Errno::ACCESS),
        PortsOf::Another(other) => namespace == Ok(other),
        PortsOf::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_by_its_number() {
        let mut origins = Origins::default();
        let this = PortsOf::This(sys::netns::inode().unwrap());
        assert_eq!(origins.find(Origin { seq: 1, pid: 0 }, this), None);
        let own = origins.find(Origin { seq: 1, pid: std::process::id() }, this).unwrap();
        assert_eq!(own.pid, Some(std::process::id()));
        assert!(own.program.is_some());
        let other = origins.find(Origin { seq: 1, pid: u32::MAX }, this).unwrap();
        assert_eq!((other.port, other.pid), (u32::MAX, None));
    }

    /// Root of a container chooses the number of a process that is not in it.
    #[test]
    fn a_process_of_another_namespace_is_not_named() {
        let mut origins = Origins::default();
        let own = std::process::id();
        for ports in [PortsOf::Another(7), PortsOf::This(7), PortsOf::Unknown] {
            let found = origins.find(Origin { seq: 1, pid: own }, ports).unwrap();
            assert_eq!((found.port, found.pid, found.program), (own, None, None));
        }
    }
}
