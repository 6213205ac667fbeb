//! What this process has set, for getsockopt(2): the kernel tells nobody the policies of a socket.

use std::{
    collections::HashMap,
    ffi::c_int,
    sync::{LazyLock, Mutex, PoisonError},
};

use ipsec::Direction;
use sockpolicy::Cookie;

/// By descriptor, so that there are never more than a process can have.
static KEPT: LazyLock<Mutex<HashMap<c_int, Kept>>> = LazyLock::new(Mutex::default);

/// The policies of the socket that a descriptor meant when they were set.
struct Kept {
    socket: Cookie,
    inbound: Option<Vec<u8>>,
    outbound: Option<Vec<u8>>,
}

impl Kept {
    fn place(&mut self, direction: Direction) -> &mut Option<Vec<u8>> {
        match direction {
            Direction::In => &mut self.inbound,
            _ => &mut self.outbound,
        }
    }
}

/// Keeps the policy of a socket, as it was given.
pub(crate) fn keep(fd: c_int, socket: Cookie, direction: Direction, policy: &[u8]) {
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let none = || Kept { socket, inbound: None, outbound: None };
    let kept = all.entry(fd).or_insert_with(none);
    if kept.socket != socket {
        *kept = none();
    }
    *kept.place(direction) = Some(policy.to_vec());
}

/// The policy that was set last, by this descriptor or by another of the same socket.
pub(crate) fn policy(fd: c_int, socket: Cookie, direction: Direction) -> Option<Vec<u8>> {
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let own = all.get_mut(&fd).filter(|kept| kept.socket == socket);
    if let Some(policy) = own.and_then(|kept| kept.place(direction).clone()) {
        return Some(policy);
    }
    let mut others = all.values_mut().filter(|kept| kept.socket == socket);
    others.find_map(|kept| kept.place(direction).clone())
}
