//! `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY`, as `sockpolicy::option` has them, for a program that
//! the library does not reach. The kernel's own options are answered as well, to know what they change.
//!
//! A policy is set with the caller's privilege, not with the supervisor's.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use model::Direction;
use rustix::{fd::AsFd, io::Errno, thread::CapabilitySet};
use sockpolicy::{
    Cookie, Error, IpSocket,
    option::{
        self, HEADER, LONGEST, OptionChange, OptionSettings, PolicyOption, SetOptionResult as Set,
        Stored,
    },
};
use sys::sockopt::set_bytes;

use crate::seccomp_notify::{
    Call, Response,
    caller::Caller,
    identity::{act_for, enter},
    memory::Piece,
};

/// How many policies are remembered for getsockopt(2): the ones set last.
const MOST_REMEMBERED: usize = 2048;

/// Whether the options are answered, and the policies that were set.
pub struct Policies {
    settings: OptionSettings,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    policies: VecDeque<(Cookie, Direction, Stored)>,
    /// Some are not remembered any more.
    are_lost: bool,
}

impl Policies {
    /// `None`: the kernel takes the options.
    pub fn from_environment() -> Result<Option<Self>, Error> {
        let settings = OptionSettings::from_environment()?;
        let is_served = settings.are_answered();
        Ok(is_served.then(|| Self { settings, remembered: Mutex::default() }))
    }

    /// Answers setsockopt(2).
    pub fn set(&self, call: &Call<'_>) -> Result<Response, Errno> {
        let (thread, value, length) = (call.thread()?, call.argument(3), call.int(4));
        let (level, name) = (call.int(1), call.int(2));
        let Ok(socket) = thread.descriptor(call.int(0)) else { return Ok(Response::Continue) };
        let inet = match IpSocket::of(&socket) {
            Ok(inet) => inet,
            // The kernel refuses the options for it.
            Err(Error::NotInet) => return Ok(Response::Continue),
            Err(_) if option::is_xfrm_policy(level, name) => return Ok(Response::Continue),
            Err(error) => return Err(error.errno()),
        };
        let cookie = inet.cookie().map_err(|error| error.errno())?;
        let caller = Caller::of(&thread)?;
        if value == 0 && length == 0 {
            call.still_waits()?;
            as_caller(&caller, inet, || inet.clear().map_err(|error| error.errno()))?;
            self.remember(cookie, OptionChange::Cleared);
            return Ok(Response::Value(0));
        }
        let length = option::length(length)? as u64;
        let value = thread.memory()?.gather(&[Piece { start: value, length }], LONGEST)?;
        call.still_waits()?;
        let by_kernel = || set_bytes(&socket, level, name, &value);
        let change = as_caller(&caller, inet, || match PolicyOption::of(level, name) {
            Some(option) => {
                match self.settings.set(socket.as_fd(), option, &value) {
                    Set::Kernel => by_kernel()?,
                    Set::Refused(errno) => return Err(errno),
                    Set::Set => {}
                }
                Ok(OptionChange::by_ipsec_policy(&value))
            }
            None => by_kernel().map(|()| OptionChange::by_xfrm_policy(&value)),
        })?;
        self.remember(cookie, change);
        Ok(Response::Value(0))
    }

    /// Answers getsockopt(2): the policy of the direction that the caller has put into its buffer.
    pub fn get(&self, call: &Call<'_>) -> Result<Response, Errno> {
        let (thread, value, length) = (call.thread()?, call.argument(3), call.argument(4));
        let Ok(socket) = thread.descriptor(call.int(0)) else { return Ok(Response::Continue) };
        let inet = match (PolicyOption::of(call.int(1), call.int(2)), IpSocket::of(&socket)) {
            (None, _) | (_, Err(Error::NotInet)) => return Ok(Response::Continue),
            (Some(_), inet) => inet.map_err(|error| error.errno())?,
        };
        let memory = thread.memory()?;
        let room = i32::from_ne_bytes(memory.bytes(length)?);
        let room = usize::try_from(room).map_err(|_| Errno::INVAL)?;
        let query = Piece { start: value, length: room.min(HEADER) as u64 };
        let query = memory.gather(&[query], HEADER)?;
        let policy =
            option::value(inet, &query, |socket, direction| self.remembered(socket, direction))?;
        let policy = &policy[..room.min(policy.len())];
        call.still_waits()?;
        memory.write(policy, value)?;
        let written = i32::try_from(policy.len()).map_err(|_| Errno::INVAL)?;
        memory.write(&written.to_ne_bytes(), length)?;
        Ok(Response::Value(0))
    }

    fn remember(&self, socket: Cookie, change: OptionChange) {
        let all = [Direction::In, Direction::Out];
        let changed = match change {
            OptionChange::Cleared => all.map(|direction| (direction, None)).to_vec(),
            OptionChange::Unknown => {
                all.map(|direction| (direction, Some(Stored::Unknown))).to_vec()
            }
            OptionChange::Set(direction, policy) => vec![(direction, Some(Stored::Value(policy)))],
        };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { policies, are_lost } = &mut *remembered;
        for (direction, stored) in changed {
            policies.retain(|policy| (policy.0, policy.1) != (socket, direction));
            policies.extend(stored.map(|stored| (socket, direction, stored)));
            if policies.len() > MOST_REMEMBERED {
                policies.pop_front();
                *are_lost = true;
            }
        }
    }

    fn remembered(&self, socket: Cookie, direction: Direction) -> Option<Stored> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let Remembered { policies, are_lost } = &*remembered;
        let policy = policies.iter().find(|policy| (policy.0, policy.1) == (socket, direction));
        match policy {
            Some((_, _, stored)) => Some(stored.clone()),
            None => are_lost.then_some(Stored::Unknown),
        }
    }
}

/// Acts with the caller's CAP_NET_ADMIN in the socket's network namespace, or without it,
/// as the caller's user, whose permission the service checks. The service is that of the caller's
/// network namespace.
fn as_caller<T>(
    caller: &Caller,
    socket: IpSocket<'_>,
    act: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Errno> {
    let capabilities = match socket.network_namespace() {
        Ok(netns) => caller.capabilities_in(&netns)?,
        // The supervisor itself has no privilege there.
        Err(Error::NoCapability) => CapabilitySet::empty(),
        Err(error) => return Err(error.errno()),
    };
    enter(caller)?;
    act_for(caller, capabilities & CapabilitySet::NET_ADMIN, act)
}
