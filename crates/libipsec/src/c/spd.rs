//! `pfkey_send_*` that carry a policy: the bytes of ipsec_set_policy(3), passed on as they are.

use std::ffi::{c_char, c_int, c_uint};

use libc::sockaddr;
use pfkey::{MessageType, ext};

use super::{call, memory, send::transmit};
use crate::{
    error::{Code, Error},
    request::{self, SelectorArguments},
};

/// What all of them are given: two addresses with their prefix lengths, the upper-layer protocol,
/// the policy and its length.
struct Arguments {
    src: *const sockaddr,
    src_length: c_uint,
    dst: *const sockaddr,
    dst_length: c_uint,
    proto: c_uint,
    policy: *const c_char,
    policy_length: c_int,
}

impl Arguments {
    /// # Safety
    ///
    /// The addresses are null or `sockaddr`s.
    unsafe fn selector(&self) -> Result<SelectorArguments, Error> {
        // SAFETY: the caller's promise.
        let ends = unsafe { memory::ends(self.src, self.dst) }?;
        Ok(SelectorArguments {
            ends,
            lengths: (self.src_length, self.dst_length),
            proto: self.proto,
        })
    }

    /// # Safety
    ///
    /// The policy is null or as long as its length field.
    unsafe fn policy(&self) -> Result<&[u8], Code> {
        let length = usize::try_from(self.policy_length).map_err(|_| Code::InvalidArgument)?;
        // SAFETY: the caller's promise.
        unsafe { memory::bytes(self.policy.cast(), length) }
    }

    /// # Safety
    ///
    /// As for both of the above.
    unsafe fn send(
        &self,
        so: c_int,
        msg_type: MessageType,
        limits: (u64, u64),
        seq: u32,
    ) -> Result<c_int, Error> {
        // SAFETY: the caller's promise.
        let (selector, policy) = unsafe { (self.selector()?, self.policy()?) };
        let named_only = matches!(msg_type, MessageType::SPDDELETE | MessageType::SPDSETIDX);
        if named_only && policy.len() != ext::Policy::HEADER_LENGTH {
            return Err(Code::InvalidArgument.into());
        }
        transmit(so, request::policy(msg_type, selector, limits, seq)?, policy)
    }
}

/// Functions of one prototype.
macro_rules! send_policy {
    ($($(#[$doc:meta])* $name:ident $msg_type:ident;)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            so: c_int,
            src: *const sockaddr,
            src_length: c_uint,
            dst: *const sockaddr,
            dst_length: c_uint,
            proto: c_uint,
            policy: *const c_char,
            policy_length: c_int,
            seq: u32,
        ) -> c_int {
            let arguments =
                Arguments { src, src_length, dst, dst_length, proto, policy, policy_length };
            // SAFETY: the prototype promises it.
            call(-1, || unsafe { arguments.send(so, MessageType::$msg_type, (0, 0), seq) })
        }
    )*};
}

send_policy! {
    /// Adds a policy.
    pfkey_send_spdadd SPDADD;
    /// Adds a policy, or replaces the one with its selector.
    pfkey_send_spdupdate SPDUPDATE;
    /// Deletes the policy with this selector. Of the policy, which has no requests, the direction
    /// counts.
    pfkey_send_spddelete SPDDELETE;
    /// Makes a policy known by its selector. The policy has no requests.
    pfkey_send_spdsetidx SPDSETIDX;
}

/// The same with limits: seconds from when it was added, and from its last use.
macro_rules! send_limited_policy {
    ($($(#[$doc:meta])* $name:ident $msg_type:ident;)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            so: c_int,
            src: *const sockaddr,
            src_length: c_uint,
            dst: *const sockaddr,
            dst_length: c_uint,
            proto: c_uint,
            lifetime: u64,
            valid_time: u64,
            policy: *const c_char,
            policy_length: c_int,
            seq: u32,
        ) -> c_int {
            let arguments =
                Arguments { src, src_length, dst, dst_length, proto, policy, policy_length };
            let limits = (lifetime, valid_time);
            // SAFETY: the prototype promises it.
            call(-1, || unsafe { arguments.send(so, MessageType::$msg_type, limits, seq) })
        }
    )*};
}

send_limited_policy! {
    /// Adds a policy with limits.
    pfkey_send_spdadd2 SPDADD;
    /// Adds a policy with limits, or replaces the one with its selector.
    pfkey_send_spdupdate2 SPDUPDATE;
}

/// Moves SAs and policies to other addresses. The policy's requests come in pairs of old and new;
/// the first two addresses are those of the key management daemons.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pfkey_send_migrate(
    so: c_int,
    local: *const sockaddr,
    remote: *const sockaddr,
    src: *const sockaddr,
    src_length: c_uint,
    dst: *const sockaddr,
    dst_length: c_uint,
    proto: c_uint,
    policy: *const c_char,
    policy_length: c_int,
    seq: u32,
) -> c_int {
    let arguments = Arguments { src, src_length, dst, dst_length, proto, policy, policy_length };
    call(-1, || {
        // SAFETY: the prototype promises it.
        let (selector, policy) = unsafe { (arguments.selector()?, arguments.policy()?) };
        // SAFETY: they are the caller's addresses.
        let daemons = unsafe { memory::ends(local, remote) }?;
        transmit(so, request::migrate(daemons, selector, seq)?, policy)
    })
}
