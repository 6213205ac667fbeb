//! The user that the daemon runs as.

use std::io;

use nix::unistd::{Gid, Uid, User, geteuid, setgroups, setresgid, setresuid};
use rustix::io::Errno;

use crate::Error;

/// The user that the daemon becomes, if there is one of this name and none was chosen.
const USUAL: &str = "ipsecd";

/// A user that a process of root's can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name, for messages.
    pub name: String,
    /// The number of the user.
    pub uid: u32,
    /// The number of the user's group.
    pub gid: u32,
}

impl Account {
    /// The user that this process is to become; `None` if it stays the user that it is.
    ///
    /// `chosen` is a name or a number. Without one it is `ipsecd`, if there is such a user and this
    /// process is root's.
    ///
    /// Errors: [`Error::User`] if the chosen user does not exist, or this process cannot become it.
    pub fn to_become(chosen: Option<&str>) -> Result<Option<Self>, Error> {
        let own = geteuid();
        let Some(name) = chosen else {
            return if own.is_root() { Self::of(USUAL) } else { Ok(None) };
        };
        let failed =
            |reason: &str| Error::User { name: name.into(), source: io::Error::other(reason) };
        match Self::of(name)? {
            None => Err(failed("there is no such user")),
            Some(account) if account.uid == own.as_raw() => Ok(None),
            Some(_) if !own.is_root() => Err(failed("only a process of root can become it")),
            some => Ok(some),
        }
    }

    fn of(name: &str) -> Result<Option<Self>, Error> {
        let found = match name.parse() {
            Ok(number) => User::from_uid(Uid::from_raw(number)),
            Err(_) => User::from_name(name),
        };
        let found =
            found.map_err(|errno| Error::User { name: name.into(), source: errno.into() })?;
        Ok(found.map(|user| Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }))
    }

    /// Makes this process one of the user, without other groups than the user's own.
    pub(super) fn switch(&self) -> Result<(), Errno> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        setgroups(&[gid])
            .and_then(|()| setresgid(gid, gid, gid))
            .and_then(|()| setresuid(uid, uid, uid))
            .map_err(|errno| Errno::from_raw_os_error(errno as i32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_number_are_the_same_user() {
        let root = Account::of("root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(Account::of("0").unwrap(), Some(root));
    }

    #[test]
    fn a_chosen_user_must_exist() {
        let error = Account::to_become(Some("no_such_user_here")).unwrap_err();
        assert_eq!(error.to_string(), "user no_such_user_here: there is no such user");
    }

    #[test]
    fn the_own_user_needs_no_switch() {
        let own = geteuid().to_string();
        assert_eq!(Account::to_become(Some(&own)).unwrap(), None);
    }
}
