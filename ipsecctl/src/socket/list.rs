//! Which sockets have policies.
//!
//! The kernel's SPD has the policies of sockets, but does not name the sockets. Those that
//! xfrm-tools has set bear the lower half of their socket's cookie (`sockpolicy`); the socket with
//! that cookie is in the descriptors of some process.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    io::{self, Write},
    net::SocketAddr,
    process::{self, ExitCode},
};

use cli::json::{DescriptorJson, Document, SocketPolicyJson, SocketsJson};
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
use sockpolicy::IpSocket;
use sys::close::close_without_lingering;

use super::process::DescriptorOwner;
use crate::{Error, output};

/// The policies that bear the cookie of one socket: its own, and their copies in the sockets that
/// it has accepted.
#[derive(Default)]
struct Owned {
    policies: Vec<SocketPolicy>,
    found: bool,
}

/// Copies of descriptors that are closed together.
const COPIES: usize = 256;

/// A socket, and the number that its policies bear.
#[derive(Clone)]
struct Found {
    owner: u32,
    protocol: String,
    local: Option<String>,
    peer: Option<String>,
}

/// Prints the list.
pub fn print(is_json: bool) -> Result<ExitCode, Error> {
    let sockets = read()?;
    output::print(|out| {
        if !is_json {
            return Ok(write_list(out, &sockets)?);
        }
        let document = Document { sockets: Some(sockets), ..Document::default() };
        Ok(document.write(out)?)
    })
}

fn read() -> Result<SocketsJson, Error> {
    let (mut owners, of_other_programs) = by_owner(engine::socket_policies()?);
    let (mut copies, mut descriptors) = (Copies::default(), Vec::new());
    let mut known: HashMap<u64, Option<Found>> = HashMap::new();
    // This process has nothing but copies of them.
    let own = i64::from(process::id());
    for process in DescriptorOwner::all()?.filter(|process| i64::from(process.pid()) != own) {
        for (fd, inode) in process.sockets() {
            let known = match known.entry(inode) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(copies.add(&process, fd)?.and_then(found)),
            };
            let Some(Found { owner, protocol, local, peer }) = known.clone() else { continue };
            let Some(owned) = owners.get_mut(&owner) else { continue };
            owned.found = true;
            descriptors.push(DescriptorJson {
                pid: process.pid(),
                program: visible(&process.name()).clone(),
                fd,
                protocol,
                local,
                peer,
                policies: counted(&owned.policies),
            });
        }
    }
    let without = owners.values().filter(|owned| !owned.found);
    let without_socket = without.map(|owned| owned.policies.len()).sum();
    Ok(SocketsJson { descriptors, without_socket, of_other_programs })
}

/// Copies of other processes' sockets. If a process has closed its own meanwhile, the last close is the
/// one here, and would take as long as the process has set with `SO_LINGER`.
#[derive(Default)]
struct Copies(Vec<OwnedFd>);

impl Copies {
    /// Copies a descriptor; `None` if it is closed by now, or cannot be had.
    ///
    /// Errors: EMFILE.
    fn add(&mut self, process: &DescriptorOwner, fd: i32) -> Result<Option<&OwnedFd>, Error> {
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
    let socket = IpSocket::of(descriptor).ok()?;
    let owner = socket.cookie().ok()?.as_owner();
    socket.is_here().ok()?.then(|| {
        let fd = descriptor.as_fd();
        let local = getsockname(fd).ok().and_then(|address| SocketAddr::try_from(address).ok());
        let peer = getpeername(fd).ok().flatten();
        let peer = peer.and_then(|address| SocketAddr::try_from(address).ok());
        let [local, peer] = [local, peer].map(|end| end.map(|end| end.to_string()));
        Found { owner, protocol: protocol(descriptor), local, peer }
    })
}

fn protocol(socket: &OwnedFd) -> String {
    let protocol = socket_protocol(socket).ok().flatten();
    let number = protocol.map_or(0, |protocol| protocol.as_raw().get());
    match (socket_type(socket), protocol) {
        (Ok(SocketType::RAW), _) => format!("raw {number}"),
        (_, Some(ipproto::TCP)) => "tcp".into(),
        (_, Some(ipproto::UDP)) => "udp".into(),
        (_, Some(ipproto::ICMP | ipproto::ICMPV6)) => "ping".into(),
        _ => number.to_string(),
    }
}

/// The policies, those for `in` first, each with the number of sockets that have it.
fn counted(policies: &[SocketPolicy]) -> Vec<SocketPolicyJson> {
    let mut copies = BTreeMap::new();
    for policy in policies {
        let grammar::Written { text, lost, .. } = grammar::text_of_socket_policy(policy);
        let is_out = policy.direction() == Direction::Out;
        *copies.entry((is_out, text.to_string(), lost)).or_insert(0) += 1;
    }
    let counted = copies.into_iter();
    counted.map(|((_, policy, lost), sockets)| SocketPolicyJson { policy, lost, sockets }).collect()
}

/// `4711 iked 7 udp 192.0.2.1:500`, the policies below, and in the end those whose sockets were not found.
fn write_list(out: &mut impl Write, list: &SocketsJson) -> io::Result<()> {
    let SocketsJson { descriptors, without_socket, of_other_programs } = list;
    for DescriptorJson { pid, program, fd, protocol, local, peer, policies } in descriptors {
        write!(out, "{pid} {program} {fd} {protocol}")?;
        [local, peer].into_iter().flatten().try_for_each(|end| write!(out, " {end}"))?;
        writeln!(out)?;
        for SocketPolicyJson { policy, lost, sockets } in policies {
            write!(out, "\t{policy}")?;
            if !lost.is_empty() {
                write!(out, " # without: {}", lost.join(", "))?;
            }
            match sockets {
                1 => writeln!(out)?,
                _ => writeln!(out, " ({sockets} sockets: this one and those it has accepted)")?,
            }
        }
    }
    if *without_socket > 0 {
        writeln!(
            out,
            "{without_socket} policies of sockets that no visible process has, or whose listener is closed"
        )?;
    }
    if *of_other_programs > 0 {
        writeln!(
            out,
            "{of_other_programs} policies that xfrm-tools has not set: their sockets are unknown"
        )?;
    }
    Ok(())
}
