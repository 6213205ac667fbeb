//! Network namespaces with a name (ip-netns(8)), and the numbers that they have in this one.

use std::{
    fs, io,
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
};

use netlink_packet_route::{
    RouteNetlinkMessage,
    nsid::{NsidAttribute, NsidMessage},
};
use rustix::{
    fs::{Mode, OFlags, fstat, open},
    io::Errno,
};

use crate::rtnetlink::Conversation;

/// Where ip-netns(8) keeps them.
const DIRECTORY: &str = "/run/netns";

/// "Not assigned", and in a change "any" (`NETNSA_NSID_NOT_ASSIGNED`, linux/net_namespace.h).
const NO_NUMBER: i32 = -1;

/// A network namespace with a name. It does not end as long as this value is there.
#[derive(Debug)]
pub struct NamedNamespace {
    /// Its name.
    pub name: String,
    /// Its inode, which a later namespace may have too.
    pub inode: u64,
    file: OwnedFd,
}

impl NamedNamespace {
    /// All that have a name now. One whose file cannot be opened has ended, or is another user's.
    ///
    /// Errors: those of reading `/run/netns`; none where there is no such directory.
    pub fn all() -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| Self::of_name(&name).ok()).collect())
    }

    /// The one of this name.
    ///
    /// Errors: those of open(2).
    pub fn of_name(name: &str) -> Result<Self, Errno> {
        // A FIFO is not waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = open(Path::new(DIRECTORY).join(name), flags, Mode::empty())?;
        Ok(Self { name: name.to_owned(), inode: fstat(&file)?.st_ino, file })
    }

    /// Whether it is this thread's.
    #[must_use]
    pub fn is_own(&self) -> bool {
        sys::netns::inode() == Ok(self.inode)
    }

    /// Does something in a thread in this network namespace.
    ///
    /// Errors: those of `work`, and `failed` of EPERM without CAP_SYS_ADMIN in both user namespaces, of EIO if `work`
    /// panics.
    pub fn within<T: Send, E: Send>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send,
        failed: impl FnOnce(Errno) -> E,
    ) -> Result<T, E> {
        sys::netns::within(&self.file, work).unwrap_or_else(|errno| Err(failed(errno)))
    }

    /// Whether the kernel sends its events to this process: it is of the same user namespace or of one below
    /// (`file_ns_capable` in `do_one_broadcast`, net/netlink/af_netlink.c).
    ///
    /// Errors: EPERM: it is not; ENOTTY: it is no network namespace.
    pub fn check_owner(&self) -> Result<(), Errno> {
        sys::netns::owner(&self.file).map(drop)
    }
}

/// The numbers of network namespaces in this thread's (`RTM_GETNSID`, rtnetlink(7)).
pub struct NamespaceNumbers(Conversation);

impl NamespaceNumbers {
    /// Errors: those of socket(2).
    pub fn open() -> Result<Self, Errno> {
        Ok(Self(Conversation::open()?))
    }

    /// The number of this thread's own; none: it has none.
    ///
    /// Errors: the kernel's; ENOENT without /proc.
    pub fn of_own(&self) -> Result<Option<i32>, Errno> {
        self.of(&sys::netns::current()?)
    }

    /// The number of another one, which is given one if it has none.
    ///
    /// Errors: EPERM without CAP_NET_ADMIN; EINVAL: it is no network namespace.
    pub fn assigned(&self, namespace: &NamedNamespace) -> Result<i32, Errno> {
        if let Some(number) = self.of(&namespace.file)? {
            return Ok(number);
        }
        let question = message(&namespace.file, Some(NO_NUMBER));
        match self.0.change(RouteNetlinkMessage::NewNsId(question)) {
            // Another program has been faster.
            Ok(()) | Err(Errno::EXIST) => self.of(&namespace.file)?.ok_or(Errno::NOENT),
            Err(errno) => Err(errno),
        }
    }

    fn of(&self, namespace: &OwnedFd) -> Result<Option<i32>, Errno> {
        let question = RouteNetlinkMessage::GetNsId(message(namespace, None));
        let RouteNetlinkMessage::NewNsId(answer) = self.0.ask(question)? else {
            return Err(Errno::BADMSG);
        };
        let number = answer.attributes.iter().find_map(|attribute| match attribute {
            NsidAttribute::Id(number) => Some(*number),
            _ => None,
        });
        Ok(number.filter(|number| *number != NO_NUMBER))
    }
}

fn message(namespace: &OwnedFd, number: Option<i32>) -> NsidMessage {
    let descriptor = namespace.as_raw_fd().cast_unsigned();
    let mut message = NsidMessage::default();
    message.attributes.push(NsidAttribute::Fd(descriptor));
    message.attributes.extend(number.map(NsidAttribute::Id));
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_a_number_or_none() {
        let numbers = NamespaceNumbers::open().unwrap();
        assert!(numbers.of_own().unwrap().is_none_or(|number| number >= 0));
        let file = tempfile::tempfile().unwrap().into();
        let other = NamedNamespace { name: "other".into(), inode: 0, file };
        assert!(numbers.assigned(&other).is_err() && !other.is_own());
        assert_eq!(other.check_owner(), Err(Errno::NOTTY));
        assert!(NamedNamespace::of_name("no such namespace").is_err());
    }
}
