//! The service or the kernel: what the environment selects, and what there is.

use std::{ffi::OsString, path::Path};

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    io::Errno,
    net::SocketAddrUnix,
};

use sys::run::{PFKEY_SOCKET, is_socket_address, socket_address};

use super::{SocketCall, SocketCaller};
use crate::Error;

/// Where a program gets its PF_KEY sockets from (`XFRM_TOOLS_PFKEY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The service; the kernel where no service listens.
    #[default]
    ServiceOrKernel,
    /// The service alone (`service`).
    Service,
    /// The kernel alone (`kernel`).
    Kernel,
}

/// The settings of PF_KEY sockets in the environment.
#[derive(Clone, Debug, Default)]
pub struct PfKeySettings {
    choice: Choice,
    /// In place of the service of the caller's network namespace.
    socket: Option<SocketAddrUnix>,
}

/// What a call of `socket(PF_KEY, ...)` gets.
#[derive(Debug)]
pub enum SocketResult {
    /// A connection to the service.
    Socket(OwnedFd),
    /// The call fails.
    Refused(Errno),
    /// The kernel is to answer.
    Kernel,
}

impl PfKeySettings {
    /// Reads `XFRM_TOOLS_PFKEY` and `XFRM_TOOLS_PFKEY_SOCKET`. An empty variable is as good as none.
    ///
    /// Errors: [`Error::Choice`], [`Error::ServicePath`].
    pub fn from_environment() -> Result<Self, Error> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self::new(variable("XFRM_TOOLS_PFKEY"), variable("XFRM_TOOLS_PFKEY_SOCKET"))
    }

    fn new(choice: Option<OsString>, socket: Option<OsString>) -> Result<Self, Error> {
        let choice = match choice {
            None => Choice::ServiceOrKernel,
            Some(word) if word == "service" => Choice::Service,
            Some(word) if word == "kernel" => Choice::Kernel,
            Some(word) => return Err(Error::Choice(word)),
        };
        // A relative path would mean another file to each process.
        let address = |path: OsString| match SocketAddrUnix::new(path.as_os_str()) {
            Ok(address) if Path::new(&path).is_absolute() => Ok(address),
            _ => Err(Error::ServicePath(path)),
        };
        Ok(Self { choice, socket: socket.map(address).transpose()? })
    }

    /// The service that listens at an address, and no other.
    #[must_use]
    pub fn service_at(address: SocketAddrUnix) -> Self {
        Self { choice: Choice::Service, socket: Some(address) }
    }

    /// The kernel alone.
    #[must_use]
    pub fn kernel() -> Self {
        Self { choice: Choice::Kernel, socket: None }
    }

    /// Where the sockets come from.
    #[must_use]
    pub fn choice(&self) -> Choice {
        self.choice
    }

    /// Whether the service is that of the caller's network namespace, and no other.
    #[must_use]
    pub fn is_of_namespace(&self) -> bool {
        self.socket.is_none()
    }

    /// Answers a call. Allocates nothing: a program may call `socket` where it must not, such as
    /// between fork and exec.
    #[must_use]
    pub fn answer(&self, call: SocketCall, caller: SocketCaller) -> SocketResult {
        self.answer_if(call, caller.netns, |_| caller.net_admin)
    }

    /// As [`PfKeySettings::answer`], for a caller in the network namespace with this inode.
    /// `is_permitted`: whether it has CAP_NET_ADMIN over the service that a connection leads to.
    pub fn answer_if(
        &self,
        call: SocketCall,
        netns: Option<u64>,
        is_permitted: impl FnOnce(BorrowedFd<'_>) -> bool,
    ) -> SocketResult {
        if self.choice == Choice::Kernel {
            return SocketResult::Kernel;
        }
        let connection = self.service(netns).and_then(|service| call.connect(&service));
        match connection {
            Ok(socket) => match call.check(is_permitted(socket.as_fd())) {
                Ok(()) => SocketResult::Socket(socket),
                Err(errno) => SocketResult::Refused(errno),
            },
            Err(Errno::NOENT | Errno::NOTDIR | Errno::CONNREFUSED) => self.no_service(),
            Err(Errno::ACCESS) => SocketResult::Refused(Errno::PERM),
            Err(errno) => SocketResult::Refused(errno),
        }
    }

    /// Makes a call in place of `socket(2)`, which is called where the kernel is to answer.
    pub fn open(&self, call: SocketCall, caller: SocketCaller) -> Result<OwnedFd, Errno> {
        match self.answer(call, caller) {
            SocketResult::Socket(socket) => Ok(socket),
            SocketResult::Refused(errno) => Err(errno),
            SocketResult::Kernel => call.kernel(),
        }
    }

    /// Whether this is the address of a service: of that of any network namespace, or of the one in its
    /// place. A program that is given a socket checks its peer's address so.
    #[must_use]
    pub fn is_service(&self, address: &SocketAddrUnix) -> bool {
        match &self.socket {
            Some(own) => own.path_bytes().is_some_and(|path| address.path_bytes() == Some(path)),
            None => is_socket_address(address, PFKEY_SOCKET),
        }
    }

    fn service(&self, netns: Option<u64>) -> Result<SocketAddrUnix, Errno> {
        match &self.socket {
            Some(address) => Ok(address.clone()),
            None => socket_address(netns.ok_or(Errno::NOENT)?, PFKEY_SOCKET),
        }
    }

    fn no_service(&self) -> SocketResult {
        match self.choice {
            // As of a kernel without AF_KEY.
            Choice::Service => SocketResult::Refused(Errno::AFNOSUPPORT),
            Choice::ServiceOrKernel | Choice::Kernel => SocketResult::Kernel,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::net::UnixListener, path::Path};

    use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

    use super::*;

    const ROOT: SocketCaller = SocketCaller { netns: Some(1), net_admin: true };

    fn settings(choice: &str, socket: &Path) -> PfKeySettings {
        PfKeySettings::new(Some(choice.into()), Some(socket.into())).unwrap()
    }

    fn service_at(path: &Path) -> PfKeySettings {
        PfKeySettings::service_at(SocketAddrUnix::new(path).unwrap())
    }

    fn refusal(answer: &SocketResult) -> Errno {
        let SocketResult::Refused(errno) = answer else { panic!("{answer:?}") };
        *errno
    }

    fn call() -> SocketCall {
        SocketCall::new(3, 2).unwrap()
    }

    fn listener(path: &Path) -> OwnedFd {
        let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(path).unwrap()).unwrap();
        listen(&listener, 8).unwrap();
        listener
    }

    #[test]
    fn a_service_is_known_by_its_address() {
        let address = |path: &str| SocketAddrUnix::new(path).unwrap();
        let any = PfKeySettings::default();
        assert!(any.is_service(&socket_address(4_026_531_840, PFKEY_SOCKET).unwrap()));
        for path in ["//pfkey.sock", "/1/socket.sock", "/1/2/pfkey.sock", "/a/pfkey.sock"] {
            assert!(!any.is_service(&address(&format!("/run/xfrm-tools{path}"))), "{path}");
        }
        assert!(!any.is_service(&SocketAddrUnix::new_unnamed()));
        let one = PfKeySettings::service_at(address("/tmp/pfkey.sock"));
        assert!(one.is_service(&address("/tmp/pfkey.sock")));
        assert!(!one.is_service(&socket_address(1, PFKEY_SOCKET).unwrap()));
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named() {
        let error = PfKeySettings::new(Some("Service".into()), None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "XFRM_TOOLS_PFKEY is `Service`: expected `service` or `kernel`"
        );
        for path in ["/".repeat(109), "pfkey.sock".to_owned()] {
            assert_eq!(
                PfKeySettings::new(None, Some(path.clone().into())).unwrap_err(),
                Error::ServicePath(path.into())
            );
        }
    }

    #[test]
    fn without_a_service_the_kernel_answers_or_the_family_is_unknown() {
        let directory = tempfile::tempdir().unwrap();
        let absent = directory.path().join("absent");
        let stale = directory.path().join("stale");
        drop(listener(&stale));
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [absent, stale, file.join("below")] {
            assert_eq!(
                refusal(&settings("service", &path).answer(call(), ROOT)),
                Errno::AFNOSUPPORT,
                "{path:?}"
            );
            let either = PfKeySettings::new(None, Some(path.into())).unwrap();
            assert!(matches!(either.answer(call(), ROOT), SocketResult::Kernel));
        }
        let nowhere = SocketCaller { netns: None, net_admin: true };
        assert!(matches!(PfKeySettings::default().answer(call(), nowhere), SocketResult::Kernel));
    }

    #[test]
    fn a_call_is_checked_once_the_service_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pfkey.sock");
        let _service = listener(&path);
        let service = settings("service", &path);
        assert!(matches!(service.answer(call(), ROOT), SocketResult::Socket(_)));
        let stranger = SocketCaller { net_admin: false, ..ROOT };
        assert_eq!(refusal(&service.answer(call(), stranger)), Errno::PERM);
        let datagram = SocketCall::new(2, 2).unwrap();
        assert_eq!(refusal(&service.answer(datagram, ROOT)), Errno::SOCKTNOSUPPORT);
        assert!(service_at(&path).open(call(), ROOT).is_ok());
        assert!(matches!(settings("kernel", &path).answer(call(), ROOT), SocketResult::Kernel));
    }

    #[test]
    fn a_service_that_accepts_nothing_is_waited_for_with_a_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pfkey.sock");
        let listener = listener(&path);
        listen(&listener, 0).unwrap();
        let service = settings("service", &path);
        let first = service.answer(call(), ROOT);
        assert!(matches!(first, SocketResult::Socket(_)));
        let begun = std::time::Instant::now();
        assert_eq!(refusal(&service.answer(call(), ROOT)), Errno::NOBUFS);
        assert!(begun.elapsed() < 3 * crate::client::call::PATIENCE);
    }

    #[test]
    fn a_socket_that_is_not_the_service_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stream.sock");
        let _other = UnixListener::bind(&path).unwrap();
        let either = PfKeySettings::new(None, Some(path.into())).unwrap();
        assert_eq!(refusal(&either.answer(call(), ROOT)), Errno::PROTOTYPE);
    }
}
