//! The arguments of `socket(2)`, checked as the kernel checks them.

use std::{num::NonZeroU32, time::Duration};

use rustix::{
    fd::OwnedFd,
    io::{Errno, ioctl_fionbio, retry_on_intr},
    net::{
        AddressFamily, Protocol, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
};

use crate::VERSION;

/// How long a call waits for a service that has many connections to accept.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The bits of the type argument that are the type (`SOCK_TYPE_MASK`, linux/net.h).
const TYPE_MASK: u32 = 0xf;
/// The first number that is no type (`SOCK_MAX`, linux/net.h).
const TYPE_MAX: u32 = 11;
/// The one protocol of the family.
const PF_KEY_V2: i32 = VERSION as i32;
/// The family: [`super::PF_KEY`].
const FAMILY: AddressFamily = AddressFamily::from_raw(15);

/// A call of `socket(PF_KEY, type, protocol)`.
#[derive(Clone, Copy, Debug)]
pub struct SocketCall {
    kind: SocketType,
    flags: SocketFlags,
    protocol: i32,
}

impl SocketCall {
    /// Takes the arguments `type` and `protocol`. EINVAL for a flag or a type that no family has
    /// (`__sys_socket`, `__sock_create`).
    pub fn new(kind: i32, protocol: i32) -> Result<Self, Errno> {
        let bits = kind.cast_unsigned();
        let flags = SocketFlags::from_bits_retain(bits & !TYPE_MASK);
        let known = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        if !known.contains(flags) || bits & TYPE_MASK >= TYPE_MAX {
            return Err(Errno::INVAL);
        }
        Ok(Self { kind: SocketType::from_raw(bits & TYPE_MASK), flags, protocol })
    }

    /// Whether the socket closes when the program executes another (`SOCK_CLOEXEC`).
    #[must_use]
    pub fn closes_on_exec(self) -> bool {
        self.flags.contains(SocketFlags::CLOEXEC)
    }

    /// AF_KEY's checks of the call, in its order (`pfkey_create`).
    pub(crate) fn check(self, net_admin: bool) -> Result<(), Errno> {
        if !net_admin {
            Err(Errno::PERM)
        } else if self.kind != SocketType::RAW {
            Err(Errno::SOCKTNOSUPPORT)
        } else if self.protocol != PF_KEY_V2 {
            Err(Errno::PROTONOSUPPORT)
        } else {
            Ok(())
        }
    }

    /// The kernel's own socket.
    pub(crate) fn kernel(self) -> Result<OwnedFd, Errno> {
        let protocol = NonZeroU32::new(self.protocol.cast_unsigned()).map(Protocol::from_raw);
        socket_with(FAMILY, self.kind, self.flags, protocol)
    }

    /// A connection to the service, with the flags of the call. Errors: those of connect(2); ENOBUFS if
    /// the service does not accept connections for [`PATIENCE`].
    pub(crate) fn connect(self, service: &SocketAddrUnix) -> Result<OwnedFd, Errno> {
        // A non-blocking socket would not wait for a service that has many waiting.
        let flags = self.flags - SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
        // socket(2) is not interrupted by signals, so this must not be either.
        retry_on_intr(|| connect(&socket, service)).map_err(|errno| match errno {
            // The backlog is full. AF_KEY has no such limit: it has no memory then.
            Errno::AGAIN => Errno::NOBUFS,
            errno => errno,
        })?;
        set_socket_timeout(&socket, Timeout::Send, None)?;
        if self.flags.contains(SocketFlags::NONBLOCK) {
            ioctl_fionbio(&socket, true)?;
        }
        Ok(socket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: i32 = 3;

    fn flag(flags: SocketFlags) -> i32 {
        flags.bits().cast_signed()
    }

    #[test]
    fn the_flags_are_separated_from_the_type() {
        let call = SocketCall::new(RAW | flag(SocketFlags::CLOEXEC), PF_KEY_V2).unwrap();
        assert!(call.closes_on_exec());
        assert_eq!(call.check(true), Ok(()));
        assert!(
            !SocketCall::new(RAW | flag(SocketFlags::NONBLOCK), PF_KEY_V2)
                .unwrap()
                .closes_on_exec()
        );
    }

    #[test]
    fn what_no_family_has_is_invalid() {
        for kind in [11, 15, -1, RAW | 0x10, RAW | 1 << 30] {
            assert_eq!(SocketCall::new(kind, PF_KEY_V2).unwrap_err(), Errno::INVAL, "type {kind}");
        }
    }

    #[test]
    fn af_key_looks_at_the_privilege_then_the_type_then_the_protocol() {
        let call = |kind, protocol| SocketCall::new(kind, protocol).unwrap();
        assert_eq!(call(1, 0).check(false), Err(Errno::PERM));
        assert_eq!(call(1, 0).check(true), Err(Errno::SOCKTNOSUPPORT));
        assert_eq!(call(0, PF_KEY_V2).check(true), Err(Errno::SOCKTNOSUPPORT));
        assert_eq!(call(RAW, 0).check(true), Err(Errno::PROTONOSUPPORT));
        assert_eq!(call(RAW, -1).check(true), Err(Errno::PROTONOSUPPORT));
    }
}
