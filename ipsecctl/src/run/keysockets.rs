//! The PF_KEY sockets of the program, and the numbers that they have there.

pub mod renew;

use std::{fs::File, os::fd::AsRawFd};

use pfkey::client::{PfKeySettings, SocketCall, SocketResult};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::sockopt::socket_cookie,
    process::{Resource, getrlimit},
};

use super::{
    authority::authorise,
    interests::Interests,
    socket_table::{SocketTable, Successor},
};
use crate::seccomp_notify::{
    Call, Response, Thread,
    caller::Caller,
    response::{NewDescriptor, Numbers},
};
use renew::Renewals;

/// How many numbers are kept for PF_KEY sockets.
const COUNT: u32 = 32;

/// `FD_SETSIZE`: select(2) takes descriptors below it.
const END: u32 = 1024;

/// What gives the program its PF_KEY sockets.
pub struct KeySockets {
    settings: PfKeySettings,
    /// `None`: the program may have so few descriptors that none can be kept.
    numbers: Option<Numbers>,
    known: SocketTable,
    renewals: Renewals,
}

/// One of them.
pub struct KeySocket {
    /// A copy of the program's descriptor.
    pub file: OwnedFd,
    /// What the kernel knows it by.
    pub cookie: u64,
}

impl KeySockets {
    /// Settings that let the service answer.
    pub fn new(settings: PfKeySettings) -> Self {
        Self {
            settings,
            numbers: numbers(),
            known: SocketTable::default(),
            renewals: Renewals::default(),
        }
    }

    /// The numbers that the sockets have in the program, as long as there are free ones.
    pub fn numbers(&self) -> Option<Numbers> {
        self.numbers
    }

    /// Answers socket(2). The service sees the supervisor's privilege, so the supervisor looks at the
    /// caller's.
    pub fn open(&self, call: &Call<'_>) -> Result<Response, Errno> {
        let arguments = SocketCall::new(call.int(1), call.int(2))?;
        let thread = call.thread().map_err(|_| Errno::PERM)?;
        let caller = Caller::of(&thread).map_err(|_| Errno::PERM)?;
        let mut service = None;
        let is_permitted = |connection: BorrowedFd<'_>| {
            service = authorise(&self.settings, &caller, connection).ok();
            service.is_some()
        };
        let answer = self.settings.answer_if(arguments, caller.netns_inode(), is_permitted);
        Ok(match (answer, service) {
            (SocketResult::Socket(file), Some(netns)) => {
                let netns = self.known.shared(netns);
                let successor = Successor { interests: Interests::default(), netns };
                self.known.remember(socket_cookie(&file)?, successor);
                let closes_on_exec = arguments.closes_on_exec();
                Response::Descriptor(NewDescriptor { file, closes_on_exec, numbers: self.numbers })
            }
            (other, _) => other.into(),
        })
    }

    /// Answers dup(2), and fcntl(2) with F_DUPFD and F_DUPFD_CLOEXEC: the duplicate of a PF_KEY
    /// socket has one of the numbers, too.
    pub fn duplicate(&self, call: &Call<'_>) -> Result<Response, Errno> {
        let (is_fcntl, least) = (call.number() == libc::SYS_fcntl, call.int(2));
        let least = if is_fcntl { u32::try_from(least).unwrap_or(u32::MAX) } else { 0 };
        let numbers = self.numbers.map(|numbers| numbers.from(least));
        let thread = call.thread()?;
        let free = numbers.and_then(|numbers| numbers.free(&thread));
        let (Some(KeySocket { file, .. }), Some(_)) = (self.find(&thread, call.int(0)), free)
        else {
            return Ok(Response::Continue);
        };
        let closes_on_exec = is_fcntl && call.int(1) == libc::F_DUPFD_CLOEXEC;
        Ok(Response::Descriptor(NewDescriptor { file, closes_on_exec, numbers }))
    }

    /// The PF_KEY socket that a descriptor of the thread is, if it is one and can be had.
    pub fn find(&self, thread: &Thread<'_>, number: i32) -> Option<KeySocket> {
        let file = thread.descriptor(number).ok()?;
        let cookie = socket_cookie(file.as_fd()).ok()?;
        self.known.has(cookie).then_some(KeySocket { file, cookie })
    }

    /// Which service gives them.
    pub fn settings(&self) -> &PfKeySettings {
        &self.settings
    }

    /// All that were handed in.
    pub fn known(&self) -> &SocketTable {
        &self.known
    }

    /// What those have in common that wait for the service.
    pub fn renewals(&self) -> &Renewals {
        &self.renewals
    }
}

/// The last numbers that the program may have, so that its other files do not have them.
fn numbers() -> Option<Numbers> {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let end = u32::try_from(limit).unwrap_or(END).min(END);
    let first = end.checked_sub(COUNT)?;
    // This process's own files, of which it does not ask itself, have the lowest that are free.
    let lowest = File::open("/dev/null").ok()?.as_raw_fd().cast_unsigned();
    (lowest + COUNT <= first).then_some(Numbers { first, count: COUNT })
}
