//! The user namespaces of other processes. The kernel shows them to a process with CAP_SYS_PTRACE that
//! is under no rule of landlock(7) (`ptrace_may_access`, also for the ioctls of a pidfd). With that
//! capability a process can read the memory of every other one, so the daemon does not keep it: a
//! process of its own has it, which can do nothing but stat(2) and answer.

use std::{io, os::fd::OwnedFd, process, time::Duration};

use rustix::{
    fs::stat,
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect,
        recv, send, socket_with, socketpair,
        sockopt::{Timeout, set_socket_timeout},
    },
    process::getpid,
    stdio::stdin,
    thread::{CapabilitySet, capabilities, set_name},
};
use tracing::{error, warn};

use super::{Account, capabilities::reduce, failed, system_calls};
use crate::{Error, Handover};

/// The name of the connection in a [`Handover`].
const NAME: &str = "user-namespaces";

/// Where systemd starts the process, for a daemon that never has the capability
/// (dist/systemd/ipsecd-userns.socket).
const SERVICE: &str = "/run/ipsecd-userns.sock";

/// Requests and answers are datagrams.
const KIND: SocketType = SocketType::SEQPACKET;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads in which user namespaces processes are: by a process of its own, or by this one.
#[derive(Debug, Default)]
pub struct UserNamespaces(Option<OwnedFd>);

/// An answer: the inode number of the user namespace, and the errno of stat(2) or 0, each in the byte
/// order of this machine.
type Answer = [u8; 12];

impl UserNamespaces {
    /// Starts the process, or continues with that of the previous daemon. To be called while this one
    /// has a single thread and all of its capabilities. Without CAP_SYS_PTRACE it connects to the
    /// service of `ipsecd-userns.socket`, if that listens.
    ///
    /// Errors: [`Error::Confinement`].
    pub(crate) fn start(handover: &mut Handover, account: Option<&Account>) -> Result<Self, Error> {
        let inherited = handover.take(NAME).map(|socket| Self(Some(socket)));
        let found = inherited.filter(|it| it.ask(own_pid()).is_ok()).or_else(Self::connect);
        if let Some(found) = found {
            return Ok(found);
        }
        let failed = failed("starting the process that reads user namespaces");
        let (ours, its) =
            socketpair(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None).map_err(&failed)?;
        let detached = sys::process::detach(its, &[], || answer_all(account));
        detached.map_err(|source| Error::Confinement { doing: "starting a process", source })?;
        let started = Self::with_timeout(ours).map_err(&failed)?;
        if let Err(errno) = decode(started.ask(own_pid()).map_err(failed)?) {
            warn!(%errno, "programs with more capabilities than the daemon cannot use PF_KEY");
        }
        Ok(started)
    }

    fn connect() -> Option<Self> {
        if capabilities(None).ok()?.permitted.contains(CapabilitySet::SYS_PTRACE) {
            return None;
        }
        let socket = socket_with(AddressFamily::UNIX, KIND, SocketFlags::CLOEXEC, None).ok()?;
        connect(&socket, &SocketAddrUnix::new(SERVICE).ok()?).ok()?;
        Self::with_timeout(socket).ok().filter(|it| it.ask(own_pid()).is_ok())
    }

    fn with_timeout(socket: OwnedFd) -> Result<Self, Errno> {
        set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
        Ok(Self(Some(socket)))
    }

    /// Adds the connection to a handover to the program that this process executes.
    pub(crate) fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        self.0.iter().try_for_each(|socket| handover.push(NAME, socket))
    }

    /// The inode number of the user namespace of a process. To be called by one thread. Ends this process if the one that reads
    /// them has ended: a service manager starts both again.
    ///
    /// Errors: those of stat(2): ENOENT if there is no such process, EACCES without CAP_SYS_PTRACE.
    pub fn of(&self, pid: i32) -> Result<u64, Errno> {
        if self.0.is_none() {
            return namespace(pid);
        }
        decode(self.ask(pid).unwrap_or_else(|error| {
            error!(%error, "user namespaces cannot be read any more, the daemon ends");
            process::exit(1);
        }))
    }

    fn ask(&self, pid: i32) -> Result<Answer, Errno> {
        let Some(socket) = &self.0 else { return Ok(encode(namespace(pid))) };
        retry_on_intr(|| send(socket, &pid.to_ne_bytes(), SendFlags::NOSIGNAL))?;
        let mut answer = Answer::default();
        let (_, length) = retry_on_intr(|| recv(socket, &mut answer[..], RecvFlags::empty()))?;
        if length != answer.len() {
            return Err(Errno::PIPE);
        }
        Ok(answer)
    }
}

fn own_pid() -> i32 {
    getpid().as_raw_nonzero().get()
}

/// Answers on standard input until the daemon closes its end (`ipsecd --user-namespaces`).
pub(crate) fn answer_all(account: Option<&Account>) {
    let _ = set_name(c"ipsecd-userns");
    if reduce(CapabilitySet::SYS_PTRACE, account).is_err()
        || system_calls::restrict_to_stat().is_err()
    {
        return;
    }
    let mut request = [0; 4];
    while let Ok((_, 4)) = retry_on_intr(|| recv(stdin(), &mut request[..], RecvFlags::empty())) {
        let answer = encode(namespace(i32::from_ne_bytes(request)));
        if send(stdin(), &answer, SendFlags::NOSIGNAL).is_err() {
            return;
        }
    }
}

fn namespace(pid: i32) -> Result<u64, Errno> {
    stat(format!("/proc/{pid}/ns/user")).map(|file| file.st_ino)
}

fn encode(namespace: Result<u64, Errno>) -> Answer {
    let (inode, errno) = namespace.map_or_else(|errno| (0, errno.raw_os_error()), |it| (it, 0));
    let mut answer = Answer::default();
    answer[..8].copy_from_slice(&inode.to_ne_bytes());
    answer[8..].copy_from_slice(&errno.to_ne_bytes());
    answer
}

fn decode(answer: Answer) -> Result<u64, Errno> {
    let [inode @ .., e0, e1, e2, e3] = answer;
    match i32::from_ne_bytes([e0, e1, e2, e3]) {
        0 => Ok(u64::from_ne_bytes(inode)),
        errno => Err(Errno::from_raw_os_error(errno)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_written() {
        for answer in [Ok(0), Ok(4_026_531_837), Ok(u64::MAX), Err(Errno::ACCESS)] {
            assert_eq!(decode(encode(answer)), answer);
        }
    }

    #[test]
    fn without_a_process_this_one_reads() {
        let namespaces = UserNamespaces::default();
        let own = stat("/proc/self/ns/user").unwrap().st_ino;
        assert_eq!(namespaces.of(own_pid()), Ok(own));
        assert_eq!(namespaces.of(i32::MAX), Err(Errno::NOENT));
    }
}
