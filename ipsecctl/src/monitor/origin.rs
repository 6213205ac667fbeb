//! Which process has requested a change: the one that has the netlink port of the request.

use std::{collections::HashMap, fs};

use cli::json::OriginJson;
use model::Origin;

/// The most ports that are remembered.
const MOST: usize = 256;

/// Processes by the netlink ports of their requests.
#[derive(Default)]
pub struct Origins(HashMap<u32, OriginJson>);

impl Origins {
    /// The process of a request; `None` if the kernel acted by itself, or the request does not have its
    /// port, as those of ip(8).
    ///
    /// A process is the one that has the port as its number, which the kernel gives to the first netlink
    /// socket of a process. It may have ended; no other can be found by a port.
    pub fn find(&mut self, origin: Origin) -> Option<OriginJson> {
        let port = origin.pid;
        if port == 0 {
            return None;
        }
        if let Some(known) = self.0.get(&port) {
            return Some(known.clone());
        }
        let program = fs::read_to_string(format!("/proc/{port}/comm")).ok();
        let program = program.map(|name| name.trim_end().to_owned());
        let found = OriginJson { port, pid: program.is_some().then_some(port), program };
        if self.0.len() == MOST {
            self.0.clear();
        }
        self.0.insert(port, found.clone());
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_by_its_number() {
        let mut origins = Origins::default();
        assert_eq!(origins.find(Origin { seq: 1, pid: 0 }), None);
        let own = origins.find(Origin { seq: 1, pid: std::process::id() }).unwrap();
        assert_eq!(own.pid, Some(std::process::id()));
        assert!(own.program.is_some());
        let other = origins.find(Origin { seq: 1, pid: u32::MAX }).unwrap();
        assert_eq!((other.port, other.pid), (u32::MAX, None));
    }
}
