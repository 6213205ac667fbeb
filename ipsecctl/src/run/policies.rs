//! `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY`, as `sockpolicy::option` has them, for a program that
//! the library does not reach.
//!
//! A policy is set with what the caller may do, not with what the supervisor may.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use model::Direction;
use rustix::{
    fd::{AsFd, OwnedFd},
    io::Errno,
    thread::CapabilitySet,
};
use sockpolicy::{
    Cookie, Socket,
    option::{self, Answer as Set, PolicyOption, Settings},
};

use crate::supervise::{
    Answer, Call,
    caller::Caller,
    identity::{act_for, enter},
    memory::Piece,
};

/// The longest value of the options (`PAGE_SIZE` in `xfrm_user_policy`).
const LONGEST: usize = 4096;

/// How many policies are kept for getsockopt(2): those that were set last.
const KEPT: usize = 2048;

/// Who takes the options, and what was set.
pub struct Policies {
    settings: Settings,
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    socket: Cookie,
    direction: Direction,
    value: Vec<u8>,
}

impl Policies {
    /// `None`: the kernel takes the options.
    pub fn from_environment() -> Option<Self> {
        let settings = Settings::from_environment();
        settings.are_kept().then(|| Self { settings, kept: Mutex::default() })
    }

    /// Answers setsockopt(2).
    pub fn set(&self, call: &Call<'_>) -> Result<Answer, Errno> {
        let (thread, value, length) = (call.thread()?, call.argument(3), call.int(4));
        let option = PolicyOption::of(call.int(1), call.int(2));
        let (Some(option), Ok(socket)) = (option, thread.descriptor(call.int(0))) else {
            return Ok(Answer::Kernel);
        };
        // What is no socket of IP, the kernel refuses.
        let Ok(inet) = Socket::of(&socket) else { return Ok(Answer::Kernel) };
        let caller = Caller::of(&thread)?;
        if value == 0 && length == 0 {
            call.still_waits()?;
            as_caller(&caller, inet, || inet.clear().map_err(|error| error.errno()))?;
            self.forget(inet.cookie().map_err(|error| error.errno())?);
            return Ok(Answer::Returned(0));
        }
        let length = u64::try_from(length).map_err(|_| Errno::MSGSIZE)?;
        let value = thread.memory()?.gather(&[Piece { start: value, length }], LONGEST)?;
        call.still_waits()?;
        match as_caller(&caller, inet, || Ok(self.settings.set(socket.as_fd(), option, &value)))? {
            Set::Kernel => Ok(Answer::Kernel),
            Set::Refused(errno) => Err(errno),
            Set::Set => {
                self.keep(&socket, &value);
                Ok(Answer::Returned(0))
            }
        }
    }

    /// Answers getsockopt(2): of the direction in the policy that stands where the answer is to be.
    pub fn get(&self, call: &Call<'_>) -> Result<Answer, Errno> {
        let (thread, value, length) = (call.thread()?, call.argument(3), call.argument(4));
        let Ok(socket) = thread.descriptor(call.int(0)) else { return Ok(Answer::Kernel) };
        let memory = thread.memory()?;
        let room = i32::from_ne_bytes(memory.bytes(length)?);
        let room = usize::try_from(room).map_err(|_| Errno::INVAL)?.min(LONGEST);
        let mut room = memory.gather(&[Piece { start: value, length: room as u64 }], LONGEST)?;
        let written = option::value(socket.as_fd(), &mut room, |socket, direction| {
            self.kept(socket, direction)
        })?;
        call.still_waits()?;
        memory.write(&room[..written], value)?;
        let written = u32::try_from(written).map_err(|_| Errno::INVAL)?;
        memory.write(&written.to_ne_bytes(), length)?;
        Ok(Answer::Returned(0))
    }

    fn keep(&self, socket: &OwnedFd, value: &[u8]) {
        let Ok((socket, direction)) = option::place(socket.as_fd(), value) else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| (kept.socket, kept.direction) != (socket, direction));
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Kept { socket, direction, value: value.to_vec() });
    }

    fn forget(&self, socket: Cookie) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.socket != socket);
    }

    fn kept(&self, socket: Cookie, direction: Direction) -> Option<Vec<u8>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept =
            kept.iter().filter(|kept| (kept.socket, kept.direction) == (socket, direction));
        kept.next().map(|kept| kept.value.clone())
    }
}

/// Does something with the caller's CAP_NET_ADMIN in the socket's network namespace, or without it,
/// as the caller's user, which is whom the service asks about. The service is that of the caller's
/// network namespace.
fn as_caller<T>(
    caller: &Caller,
    socket: Socket<'_>,
    act: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let held = match socket.network_namespace() {
        Ok(netns) => caller.capabilities_in(&netns)?,
        // The supervisor itself has no privilege there.
        Err(sockpolicy::Error::NoCapability) => CapabilitySet::empty(),
        Err(error) => return Err(error.errno()),
    };
    enter(caller)?;
    act_for(caller, held & CapabilitySet::NET_ADMIN, act)
}
