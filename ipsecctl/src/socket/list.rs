//! Which sockets have policies.
//!
//! The kernel's SPD has the policies of sockets, but does not name the sockets. Those that
//! xfrm-tools has set bear the lower half of their socket's cookie (`sockpolicy`); the socket with
//! that cookie is in the descriptors of some process.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    io::{self, Write},
    net::SocketAddr,
    process,
};

use engine::SocketEntry;
use model::{Direction, SocketPolicy, visible};
use rustix::{
    fd::{AsFd, OwnedFd},
    io::Errno,
    net::{
        SocketType, getpeername, getsockname, ipproto,
        sockopt::{socket_protocol, socket_type},
    },
};
use sockpolicy::Socket;
use sys::close::close_without_lingering;

use super::process::Process;
use crate::Error;

/// The policies that bear the cookie of one socket: its own, and their copies in the sockets that
/// it has accepted.
#[derive(Default)]
struct Owned {
    policies: Vec<SocketPolicy>,
    found: bool,
}

/// Copies of descriptors that are closed together.
const COPIES: usize = 256;

/// The line for a socket.
#[derive(Clone)]
struct Found {
    owner: u32,
    text: String,
}

/// Writes the list to standard output.
pub fn print() -> Result<(), Error> {
    let (mut owners, others) = by_owner(engine::socket_policies()?);
    let mut copies = Copies::default();
    let mut out = io::stdout().lock();
    let mut known: HashMap<u64, Option<Found>> = HashMap::new();
    // This process has nothing but copies of them.
    let own = i64::from(process::id());
    for process in Process::all()?.filter(|process| i64::from(process.pid()) != own) {
        for (fd, inode) in process.sockets() {
            let known = match known.entry(inode) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(copies.add(&process, fd)?.and_then(found)),
            };
            let Some(found) = known else { continue };
            let Some(owned) = owners.get_mut(&found.owner) else { continue };
            owned.found = true;
            write_socket(&mut out, &process, fd, &found.text, &owned.policies)?;
        }
    }
    Ok(write_rest(&mut out, &owners, others)?)
}

/// Copies of other processes' sockets. If a process has closed its own meanwhile, the last close is the
/// one here, and would take as long as the process has set with `SO_LINGER`.
#[derive(Default)]
struct Copies(Vec<OwnedFd>);

impl Copies {
    /// Copies a descriptor; `None` if it is closed by now, or cannot be had.
    ///
    /// Errors: EMFILE.
    fn add(&mut self, process: &Process, fd: i32) -> Result<Option<&OwnedFd>, Error> {
        if self.0.len() == COPIES {
            self.close();
        }
        let mut copy = process.take(fd);
        if matches!(copy, Err(Errno::MFILE)) {
            self.close();
            copy = process.take(fd);
        }
        match copy {
            Ok(copy) => {
                self.0.push(copy);
                Ok(self.0.last())
            }
            Err(errno @ Errno::MFILE) => {
                let (pid, error) = (process.pid(), errno.into());
                Err(Error::Descriptor { pid, fd, error })
            }
            Err(_) => Ok(None),
        }
    }

    fn close(&mut self) {
        close_without_lingering(std::mem::take(&mut self.0));
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        self.close();
    }
}

/// The policies by the number that they bear, and how many bear none.
fn by_owner(entries: Vec<SocketEntry>) -> (BTreeMap<u32, Owned>, usize) {
    let (mut owners, mut others) = (BTreeMap::<u32, Owned>::new(), 0);
    for SocketEntry { owner, entry } in entries {
        let policy = SocketPolicy::of_policy(entry.policy);
        match owner {
            Some(owner) => owners.entry(owner).or_default().policies.push(policy),
            None => others += 1,
        }
    }
    (owners, others)
}

/// Looks at a socket, if it is one of IPv4 or IPv6 in this network namespace.
fn found(descriptor: &OwnedFd) -> Option<Found> {
    let socket = Socket::of(descriptor).ok()?;
    let owner = socket.cookie().ok()?.as_owner();
    socket.is_here().ok()?.then(|| Found { owner, text: text(descriptor) })
}

/// `tcp 192.0.2.1:80 192.0.2.2:4711`.
fn text(socket: &OwnedFd) -> String {
    let protocol = socket_protocol(socket).ok().flatten();
    let protocol = match (socket_type(socket), protocol) {
        (Ok(SocketType::RAW), protocol) => {
            format!("raw {}", protocol.map_or(0, |protocol| protocol.as_raw().get()))
        }
        (_, Some(ipproto::TCP)) => "tcp".into(),
        (_, Some(ipproto::UDP)) => "udp".into(),
        (_, Some(ipproto::ICMP | ipproto::ICMPV6)) => "ping".into(),
        (_, protocol) => protocol.map_or(0, |protocol| protocol.as_raw().get()).to_string(),
    };
    let fd = socket.as_fd();
    let own = getsockname(fd).ok().and_then(|address| SocketAddr::try_from(address).ok());
    let peer = getpeername(fd).ok().flatten();
    let peer = peer.and_then(|address| SocketAddr::try_from(address).ok());
    let ends = [own, peer].into_iter().flatten();
    ends.fold(protocol, |text, end| format!("{text} {end}"))
}

fn write_socket(
    out: &mut impl Write,
    process: &Process,
    fd: i32,
    text: &str,
    policies: &[SocketPolicy],
) -> io::Result<()> {
    writeln!(out, "{} {} {fd} {text}", process.pid(), visible(&process.name()))?;
    let mut copies = BTreeMap::new();
    for policy in policies {
        let grammar::Written { text, lost, .. } = grammar::text_of_socket_policy(policy);
        let text = match &lost[..] {
            [] => text.to_string(),
            lost => format!("{} # without: {}", *text, lost.join(", ")),
        };
        *copies.entry((policy.direction() == Direction::Out, text)).or_insert(0) += 1;
    }
    for ((_, text), count) in copies {
        match count {
            1 => writeln!(out, "\t{text}")?,
            _ => writeln!(out, "\t{text} ({count} sockets: this one and those it has accepted)")?,
        }
    }
    Ok(())
}

/// The policies whose sockets were not found.
fn write_rest(
    out: &mut impl Write,
    owners: &BTreeMap<u32, Owned>,
    others: usize,
) -> io::Result<()> {
    let lost = owners.values().filter(|owned| !owned.found);
    let lost: usize = lost.map(|owned| owned.policies.len()).sum();
    if lost > 0 {
        writeln!(
            out,
            "{lost} policies of sockets that no visible process has, or whose listener is closed"
        )?;
    }
    if others > 0 {
        writeln!(out, "{others} policies that xfrm-tools has not set: their sockets are unknown")?;
    }
    Ok(())
}
