//! `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY`, as `sockpolicy::option` has them, for a program that
//! the library does not reach.
//!
//! A policy is set with the caller's privilege, not with the supervisor's.

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

use crate::seccomp_notify::{
    Call, Response,
    caller::Caller,
    identity::{act_for, enter},
    memory::Piece,
};

/// The longest value of the options (`PAGE_SIZE` in `xfrm_user_policy`).
const LONGEST: usize = 4096;

/// How many policies are remembered for getsockopt(2): the ones set last.
const MOST_REMEMBERED: usize = 2048;

/// Whether the options are answered, and the policies that were set.
pub struct Policies {
    settings: Settings,
    remembered: Mutex<VecDeque<Remembered>>,
}

struct Remembered {
    socket: Cookie,
    direction: Direction,
    value: Vec<u8>,
}

impl Policies {
    /// `None`: the kernel takes the options.
    pub fn from_environment() -> Option<Self> {
        let settings = Settings::from_environment();
        settings.are_answered().then(|| Self { settings, remembered: Mutex::default() })
    }

    /// Answers setsockopt(2).
    pub fn set(&self, call: &Call<'_>) -> Result<Response, Errno> {
        let (thread, value, length) = (call.thread()?, call.argument(3), call.int(4));
        let option = PolicyOption::of(call.int(1), call.int(2));
        let (Some(option), Ok(socket)) = (option, thread.descriptor(call.int(0))) else {
            return Ok(Response::Continue);
        };
        // The kernel refuses the option for other sockets.
        let Ok(inet) = Socket::of(&socket) else { return Ok(Response::Continue) };
        let caller = Caller::of(&thread)?;
        if value == 0 && length == 0 {
            call.still_waits()?;
            as_caller(&caller, inet, || inet.clear().map_err(|error| error.errno()))?;
            self.forget(inet.cookie().map_err(|error| error.errno())?);
            return Ok(Response::Value(0));
        }
        let length = u64::try_from(length).map_err(|_| Errno::MSGSIZE)?;
        let value = thread.memory()?.gather(&[Piece { start: value, length }], LONGEST)?;
        call.still_waits()?;
        match as_caller(&caller, inet, || Ok(self.settings.set(socket.as_fd(), option, &value)))? {
            Set::Kernel => Ok(Response::Continue),
            Set::Refused(errno) => Err(errno),
            Set::Set => {
                self.remember(&socket, &value);
                Ok(Response::Value(0))
            }
        }
    }

    /// Answers getsockopt(2): the policy of the direction that the caller has put into its buffer.
    pub fn get(&self, call: &Call<'_>) -> Result<Response, Errno> {
        let (thread, value, length) = (call.thread()?, call.argument(3), call.argument(4));
        let Ok(socket) = thread.descriptor(call.int(0)) else { return Ok(Response::Continue) };
        let memory = thread.memory()?;
        let room = i32::from_ne_bytes(memory.bytes(length)?);
        let room = usize::try_from(room).map_err(|_| Errno::INVAL)?.min(LONGEST);
        let mut room = memory.gather(&[Piece { start: value, length: room as u64 }], LONGEST)?;
        let written = option::value(socket.as_fd(), &mut room, |socket, direction| {
            self.remembered(socket, direction)
        })?;
        call.still_waits()?;
        memory.write(&room[..written], value)?;
        let written = u32::try_from(written).map_err(|_| Errno::INVAL)?;
        memory.write(&written.to_ne_bytes(), length)?;
        Ok(Response::Value(0))
    }

    fn remember(&self, socket: &OwnedFd, value: &[u8]) {
        let Ok((socket, direction)) = option::key(socket.as_fd(), value) else { return };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered
            .retain(|remembered| (remembered.socket, remembered.direction) != (socket, direction));
        if remembered.len() == MOST_REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back(Remembered { socket, direction, value: value.to_vec() });
    }

    fn forget(&self, socket: Cookie) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|remembered| remembered.socket != socket);
    }

    fn remembered(&self, socket: Cookie, direction: Direction) -> Option<Vec<u8>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut remembered = remembered
            .iter()
            .filter(|remembered| (remembered.socket, remembered.direction) == (socket, direction));
        remembered.next().map(|remembered| remembered.value.clone())
    }
}

/// Acts with the caller's CAP_NET_ADMIN in the socket's network namespace, or without it,
/// as the caller's user, whose permission the service checks. The service is that of the caller's
/// network namespace.
fn as_caller<T>(
    caller: &Caller,
    socket: Socket<'_>,
    act: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let capabilities = match socket.network_namespace() {
        Ok(netns) => caller.capabilities_in(&netns)?,
        // The supervisor itself has no privilege there.
        Err(sockpolicy::Error::NoCapability) => CapabilitySet::empty(),
        Err(error) => return Err(error.errno()),
    };
    enter(caller)?;
    act_for(caller, capabilities & CapabilitySet::NET_ADMIN, act)
}
