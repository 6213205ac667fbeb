//! What lies under /run: a directory for each network namespace, named by its inode number, so that it
//! goes with the SAD and SPD at a reboot.

use std::{
    fs::DirBuilder,
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rustix::{io::Errno, net::SocketAddrUnix};

use crate::owner::{give_to_owner_of_directory, set_mode};

/// The directory of the directories.
pub const DIRECTORY: &str = "/run/xfrm-tools";

/// The socket of the PF_KEY service (`SOCK_SEQPACKET`).
pub const PFKEY_SOCKET: &str = "pfkey.sock";

/// The socket at which the PF_KEY service reports its clients (`SOCK_STREAM`).
pub const CLIENTS_SOCKET: &str = "clients.sock";

/// The socket at which a daemon fetches the descriptors of one that has crashed (`SOCK_SEQPACKET`).
pub const HANDOVER_SOCKET: &str = "handover.sock";

/// The socket of the service that sets policies of sockets (`SOCK_SEQPACKET`).
pub const POLICY_SOCKET: &str = "socket.sock";

/// The mode of the directories: every user can read them.
const MODE: u32 = 0o755;

/// The directory of a network namespace, given its inode number.
#[must_use]
pub fn directory(netns: u64) -> PathBuf {
    directory_below(Path::new(DIRECTORY), netns)
}

/// As [`directory`], below another one than [`DIRECTORY`].
#[must_use]
pub fn directory_below(root: &Path, netns: u64) -> PathBuf {
    root.join(netns.to_string())
}

/// Makes a directory that every user can read, whatever the umask, and those above it. Returns whether
/// it was not there.
///
/// Errors: those of mkdir(2).
pub fn make_directory(path: &Path) -> io::Result<bool> {
    match (DirBuilder::new().mode(MODE).create(path), path.parent()) {
        (Ok(()), _) => {
            set_mode(path, MODE)?;
            give_to_owner_of_directory(path);
            Ok(true)
        }
        (Err(error), _) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(parent)?;
            make_directory(path)
        }
        (Err(error), _) => Err(error),
    }
}

/// As [`make_directory`], for a service. The directory of a network namespace may be that of a former one
/// of the same number, which was closed to other users: it is opened again.
///
/// Errors: those of mkdir(2) and chmod(2).
pub fn open_directory(path: &Path) -> io::Result<()> {
    let is_ours = path.parent() == Some(Path::new(DIRECTORY));
    if !make_directory(path)? && is_ours {
        set_mode(path, MODE)?;
    }
    Ok(())
}

/// The address of a socket in the directory of a network namespace. Allocates nothing: it is needed
/// between fork and exec.
///
/// Errors: ENAMETOOLONG.
pub fn socket_address(netns: u64, name: &str) -> Result<SocketAddrUnix, Errno> {
    let mut path = [0; 64];
    let mut rest = &mut path[..];
    write!(rest, "{DIRECTORY}/{netns}/{name}").map_err(|_| Errno::NAMETOOLONG)?;
    let unused = rest.len();
    SocketAddrUnix::new(&path[..path.len() - unused])
}

/// Whether an address is one of [`socket_address`], of any network namespace.
#[must_use]
pub fn is_socket_address(address: &SocketAddrUnix, name: &str) -> bool {
    let netns = address.path_bytes().and_then(|path| {
        let rest = path.strip_prefix(DIRECTORY.as_bytes())?.strip_prefix(b"/")?;
        rest.strip_suffix(name.as_bytes())?.strip_suffix(b"/")
    });
    netns.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn each_namespace_has_a_directory() {
        assert_eq!(directory(4_026_531_840), Path::new("/run/xfrm-tools/4026531840"));
        for (netns, path) in [
            (4_026_531_840, "/run/xfrm-tools/4026531840/pfkey.sock"),
            (u64::MAX, "/run/xfrm-tools/18446744073709551615/pfkey.sock"),
        ] {
            let address = socket_address(netns, PFKEY_SOCKET).unwrap();
            assert_eq!(address.path().unwrap().to_str(), Ok(path));
            assert_eq!(directory(netns).join(PFKEY_SOCKET), Path::new(path));
            assert!(is_socket_address(&address, PFKEY_SOCKET));
            assert!(!is_socket_address(&address, POLICY_SOCKET));
        }
        assert_eq!(socket_address(1, &"x".repeat(64)).unwrap_err(), Errno::NAMETOOLONG);
    }

    #[test]
    fn a_directory_has_its_mode_whatever_the_umask() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("above/1");
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let made = (make_directory(&path).unwrap(), make_directory(&path).unwrap());
        rustix::process::umask(before);
        assert_eq!(made, (true, false));
        for directory in [path.as_path(), path.parent().unwrap()] {
            assert_eq!(fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o755);
        }
    }

    #[test]
    fn other_addresses_are_not_mistaken_for_one() {
        for path in ["//pfkey.sock", "/1/socket.sock", "/1/2/pfkey.sock", "/a/pfkey.sock"] {
            let address = SocketAddrUnix::new(format!("{DIRECTORY}{path}")).unwrap();
            assert!(!is_socket_address(&address, PFKEY_SOCKET), "{path}");
        }
        assert!(!is_socket_address(&SocketAddrUnix::new_unnamed(), PFKEY_SOCKET));
    }
}
