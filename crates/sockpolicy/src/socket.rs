use std::net::{IpAddr, SocketAddr};

use model::{IpVersion, Variables};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::fstat,
    io::Errno,
    net::{
        AddressFamily, SocketAddrAny, SocketFlags, SocketType, getpeername, getsockname, ipproto,
        netlink, socket_with,
        sockopt::{ipv6_v6only, socket_cookie, socket_domain, socket_protocol, socket_type},
    },
};

use sys::{netns, sockopt::set_xfrm_policy};

use crate::{Error, SocketPolicies, cookie::Cookie};

/// A socket of IPv4 or IPv6.
#[derive(Debug, Clone, Copy)]
pub struct IpSocket<'fd> {
    fd: BorrowedFd<'fd>,
    family: IpVersion,
    /// Of the packets that its policies are for.
    version: IpVersion,
    left_to_spd: Option<IpVersion>,
}

impl<'fd> IpSocket<'fd> {
    /// Looks at a socket.
    ///
    /// Errors: [`Error::NotInet`], [`Error::Multipath`], [`Error::Sctp`], [`Error::Socket`].
    pub fn of(socket: &'fd impl AsFd) -> Result<Self, Error> {
        let fd = socket.as_fd();
        let family = match socket_domain(fd) {
            Ok(AddressFamily::INET) => IpVersion::V4,
            Ok(AddressFamily::INET6) => IpVersion::V6,
            Ok(_) | Err(Errno::NOTSOCK | Errno::BADF) => return Err(Error::NotInet),
            Err(errno) => return Err(Error::Socket(errno)),
        };
        let protocol = socket_protocol(fd).map_err(Error::Socket)?;
        match protocol {
            Some(ipproto::MPTCP) => return Err(Error::Multipath),
            Some(ipproto::SCTP) => return Err(Error::Sctp),
            _ => {}
        }
        let (version, left_to_spd) = match family {
            IpVersion::V4 => (IpVersion::V4, None),
            IpVersion::V6 => versions(fd).map_err(Error::Socket)?,
        };
        Ok(Self { fd, family, version, left_to_spd })
    }

    /// Whether its options are those of IPv4 or of IPv6: AF_INET or AF_INET6.
    #[must_use]
    pub fn family(self) -> IpVersion {
        self.family
    }

    /// The IP version of the packets that its policies are for.
    #[must_use]
    pub fn version(self) -> IpVersion {
        self.version
    }

    /// The other version, if the socket may carry that too: the SPD decides of those packets, since
    /// the kernel keeps one policy a direction, of one version. `IPV6_V6ONLY` rules it out.
    #[must_use]
    pub fn left_to_spd(self) -> Option<IpVersion> {
        self.left_to_spd
    }

    /// Its number.
    ///
    /// Errors: [`Error::Socket`].
    pub fn cookie(self) -> Result<Cookie, Error> {
        socket_cookie(self.fd).map(Cookie).map_err(Error::Socket)
    }

    /// Its network namespace.
    ///
    /// Errors: [`Error::NoCapability`], [`Error::Socket`].
    pub fn network_namespace(self) -> Result<OwnedFd, Error> {
        netns::of_socket(self.fd).map_err(|errno| match errno {
            Errno::PERM => Error::NoCapability,
            errno => Error::Socket(errno),
        })
    }

    /// Whether its network namespace is this thread's.
    ///
    /// Errors: as [`IpSocket::network_namespace`].
    pub fn is_here(self) -> Result<bool, Error> {
        let namespace = self.network_namespace()?;
        let same = || Ok(fstat(&namespace)?.st_ino == netns::inode()?);
        same().map_err(Error::Socket)
    }

    /// Sets policies; their `default` levels are resolved by the variables. Connections continue;
    /// their next packet is the first that the policies decide of.
    ///
    /// Errors: all but those of [`IpSocket::of`] and [`Error::Twice`].
    pub fn set(self, policies: &SocketPolicies, variables: &Variables) -> Result<(), Error> {
        if policies.entrust_all() {
            return self.clear();
        }
        let values = policies.values(self.version, variables, self.cookie()?)?;
        let mut set = None;
        for (direction, value) in values {
            match self.hand_over(Some(&value)) {
                Ok(()) => set = Some(direction),
                Err(errno) => {
                    let refused = match errno {
                        Errno::PERM => Error::NoCapability,
                        Errno::NOPROTOOPT => Error::NoXfrm,
                        errno => Error::Refused { direction, errno },
                    };
                    return Err(set.map_or(refused, |set| Error::Half { set, errno }));
                }
            }
        }
        Ok(())
    }

    /// Takes its policies away, in both directions: the SPD decides. Nothing happens to a socket
    /// that has none.
    ///
    /// Errors: [`Error::NoCapability`], [`Error::NoXfrm`], [`Error::Socket`].
    pub fn clear(self) -> Result<(), Error> {
        self.hand_over(None).map_err(|errno| match errno {
            Errno::PERM => Error::NoCapability,
            Errno::NOPROTOOPT => Error::NoXfrm,
            errno => Error::Socket(errno),
        })
    }

    fn hand_over(self, value: Option<&[u8]>) -> Result<(), Errno> {
        let family = match self.family {
            IpVersion::V4 => AddressFamily::INET,
            IpVersion::V6 => AddressFamily::INET6,
        };
        match set_xfrm_policy(self.fd, family, value) {
            // The module with the option may not be loaded: opening a netlink socket loads it.
            Err(Errno::INVAL | Errno::OPNOTSUPP) if value.is_some() => {
                let flags = SocketFlags::CLOEXEC;
                let protocol = Some(netlink::XFRM);
                match socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol) {
                    Err(Errno::PROTONOSUPPORT) => Err(Errno::NOPROTOOPT),
                    _ => set_xfrm_policy(self.fd, family, value),
                }
            }
            result => result,
        }
    }
}

/// The IP version of what a socket of AF_INET6 carries, and the other one if it may carry both.
fn versions(fd: BorrowedFd<'_>) -> Result<(IpVersion, Option<IpVersion>), Errno> {
    let kind = socket_type(fd)?;
    let is_icmp = socket_protocol(fd)? == Some(ipproto::ICMPV6);
    if kind == SocketType::RAW || is_icmp || ipv6_v6only(fd)? {
        return Ok((IpVersion::V6, None));
    }
    let peer = getpeername(fd).ok().flatten().and_then(address);
    let own = getsockname(fd).ok().and_then(address).filter(|own| !own.is_unspecified());
    let is_settled = kind == SocketType::STREAM || peer.is_none();
    Ok(match peer.or(own) {
        None => (IpVersion::V6, Some(IpVersion::V4)),
        // The kernel lets a datagram socket that is connected send to others, too.
        Some(address) => {
            let version = IpVersion::of(address.to_canonical());
            let other = IpVersion::ALL.into_iter().find(|other| *other != version);
            (version, other.filter(|_| !is_settled))
        }
    })
}

fn address(address: SocketAddrAny) -> Option<IpAddr> {
    SocketAddr::try_from(address).ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        net::{TcpListener, TcpStream, UdpSocket},
        os::unix::net::UnixDatagram,
    };

    use rustix::net::sockopt::set_ipv6_v6only;

    use super::*;

    fn versions_of(socket: &impl AsFd) -> (IpVersion, Option<IpVersion>) {
        let socket = IpSocket::of(socket).unwrap();
        (socket.version(), socket.left_to_spd())
    }

    #[test]
    fn other_descriptors_have_no_policy() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(IpSocket::of(&file).unwrap_err(), Error::NotInet);
        let unix = UnixDatagram::unbound().unwrap();
        assert_eq!(IpSocket::of(&unix).unwrap_err(), Error::NotInet);
    }

    #[test]
    fn a_connection_is_of_one_version() {
        let listener = TcpListener::bind("[::]:0").unwrap();
        assert_eq!(versions_of(&listener), (IpVersion::V6, Some(IpVersion::V4)));
        let port = listener.local_addr().unwrap().port();
        for (peer, version) in [("127.0.0.1", IpVersion::V4), ("::1", IpVersion::V6)] {
            let client = TcpStream::connect((peer, port)).unwrap();
            assert_eq!(versions_of(&client), (version, None));
            assert_eq!(versions_of(&listener.accept().unwrap().0), (version, None));
        }
    }

    #[test]
    fn an_address_or_an_option_decides_the_version() {
        let bound = UdpSocket::bind("[::1]:0").unwrap();
        assert_eq!(versions_of(&bound), (IpVersion::V6, None));
        let mapped = UdpSocket::bind("[::ffff:127.0.0.1]:0").unwrap();
        assert_eq!(versions_of(&mapped), (IpVersion::V4, None));
        mapped.connect(mapped.local_addr().unwrap()).unwrap();
        assert_eq!(versions_of(&mapped), (IpVersion::V4, Some(IpVersion::V6)));
        let tcp = socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let tcp = tcp.unwrap();
        set_ipv6_v6only(&tcp, true).unwrap();
        assert_eq!(versions_of(&tcp), (IpVersion::V6, None));
    }

    #[test]
    fn every_socket_has_its_number() {
        let [a, b] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let [a, b] = [&a, &b].map(|socket| IpSocket::of(socket).unwrap().cookie().unwrap());
        assert_ne!(a.as_owner(), b.as_owner());
    }
}
