use std::collections::HashSet;

use nix::unistd::{Group, User};

use super::{
    Peer,
    grant::{Grant, WORDS},
};

/// Which programs may set which policies on their sockets: the lines `sockets` of
/// `/etc/xfrm-tools/ipsecd.conf`.
///
/// ```text
/// # programs and what they may use
/// sockets user www-data ipsec
/// sockets group 1000 ipsec tunnel unique:7 entrust
/// sockets unit racoon.service ipsec bypass entrust
/// ```
///
/// A user or group is a name or a number. A unit is a service of systemd's `system.slice` or the path
/// of a cgroup, and includes the cgroups below. `bypass` allows `none` as well. A policy that no line
/// allows is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions(Vec<Permission>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Permission {
    who: Who,
    grants: HashSet<Grant>,
}

/// Whom a line is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// An effective user.
    User(u32),
    /// An effective or supplementary group.
    Group(u32),
    /// A cgroup, without a slash at the end.
    Unit(String),
}

impl Permissions {
    /// Adds a line: the words after `sockets`. The error is the text for the user.
    pub(crate) fn add(&mut self, words: &[&str]) -> Result<(), String> {
        self.0.push(permission(words)?);
        Ok(())
    }

    /// Whether a line is for a unit: for the others no cgroup is needed.
    pub(crate) fn name_units(&self) -> bool {
        self.0.iter().any(|line| matches!(line.who, Who::Unit(_)))
    }

    /// Whom the lines that are for a process are for: empty if none is.
    pub(crate) fn matching(&self, peer: &Peer) -> Vec<Who> {
        self.lines(peer).map(|line| line.who.clone()).collect()
    }

    /// The first of these grants that no line gives to a process.
    pub(crate) fn missing(&self, peer: &Peer, needed: &[Grant]) -> Option<Grant> {
        let granted: Vec<_> = self.lines(peer).flat_map(|line| &line.grants).collect();
        let is_granted = |needed: &Grant| granted.iter().any(|grant| grant.includes(*needed));
        needed.iter().copied().find(|needed| !is_granted(needed))
    }

    fn lines(&self, peer: &Peer) -> impl Iterator<Item = &Permission> {
        self.0.iter().filter(|line| line.who.is(peer))
    }
}

impl Who {
    fn is(&self, peer: &Peer) -> bool {
        match self {
            Who::User(uid) => peer.uid == *uid,
            Who::Group(gid) => peer.groups.contains(gid),
            Who::Unit(unit) => peer.cgroup.as_deref().is_some_and(|cgroup| {
                cgroup
                    .strip_prefix(unit.as_str())
                    .is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/')))
            }),
        }
    }
}

fn permission(words: &[&str]) -> Result<Permission, String> {
    let (who, words) = match words {
        ["user", name, words @ ..] => (user(name)?, words),
        ["group", name, words @ ..] => (group(name)?, words),
        ["unit", name, words @ ..] => (unit(name)?, words),
        _ => return Err("expected `sockets user|group|unit NAME PERMISSION...`".into()),
    };
    let known = |word: &&str| {
        let unknown = || format!("`{word}` is not a permission: expected {WORDS}");
        Grant::of_word(word).ok_or_else(unknown)
    };
    let grants = words.iter().map(known).collect::<Result<HashSet<_>, _>>()?;
    if grants.is_empty() {
        return Err(format!("nothing is permitted: add {WORDS}"));
    }
    let has_ipsec = grants.iter().any(|grant| grant.is_ipsec());
    match grants.iter().find(|grant| grant.extends_ipsec()) {
        Some(grant) if !has_ipsec => Err(format!("`{grant}` extends `ipsec`: add ipsec")),
        _ => Ok(Permission { who, grants }),
    }
}

fn user(name: &str) -> Result<Who, String> {
    let id = || Ok(User::from_name(name)?.map(|user| user.uid.as_raw()));
    number_or("user", name, id).map(Who::User)
}

fn group(name: &str) -> Result<Who, String> {
    let id = || Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()));
    number_or("group", name, id).map(Who::Group)
}

fn number_or(
    kind: &str,
    name: &str,
    look_up: impl FnOnce() -> nix::Result<Option<u32>>,
) -> Result<u32, String> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match look_up() {
        Ok(Some(id)) => Ok(id),
        Ok(None) => Err(format!("there is no {kind} `{name}`")),
        Err(error) => Err(format!("{kind} `{name}`: {error}")),
    }
}

fn unit(name: &str) -> Result<Who, String> {
    let cgroup = match name.strip_prefix('/') {
        Some(_) => name.trim_end_matches('/').to_owned(),
        None if name.contains('/') => {
            return Err(format!(
                "`{name}`: expected the name of a unit, or the path of a cgroup from /"
            ));
        }
        None => format!("/system.slice/{name}"),
    };
    if cgroup.is_empty() {
        return Err("every process is in cgroup /: name users or groups".into());
    }
    Ok(Who::Unit(cgroup))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32, groups: &[u32], cgroup: &str) -> Peer {
        Peer { pid: 1, uid, groups: groups.to_vec(), cgroup: Some(cgroup.into()) }
    }

    fn permissions(lines: &[&str]) -> Permissions {
        let mut permissions = Permissions::default();
        for line in lines {
            permissions.add(&line.split(' ').collect::<Vec<_>>()).unwrap();
        }
        permissions
    }

    fn may(permissions: &Permissions, peer: &Peer, word: &str) -> bool {
        permissions.missing(peer, &[Grant::of_word(word).unwrap()]).is_none()
    }

    #[test]
    fn nothing_is_permitted_by_default() {
        let (nothing, root) = (Permissions::default(), peer(0, &[0], "/"));
        assert!(nothing.matching(&root).is_empty());
        assert!(!["ipsec", "bypass"].into_iter().any(|word| may(&nothing, &root, word)));
    }

    #[test]
    fn lines_are_cumulative_and_each_word_is_its_own() {
        let permissions = permissions(&[
            "user root ipsec",
            "group 50 ipsec tunnel unique:7 bypass",
            "user 7 ipsec unique:any use",
        ]);
        let granted = |uid, group| {
            let words = ["ipsec", "tunnel", "use", "unique:7", "unique:8", "bypass", "discard"];
            let peer = peer(uid, &[9, group], "/");
            words.into_iter().filter(|word| may(&permissions, &peer, word)).collect::<Vec<_>>()
        };
        assert_eq!(granted(0, 1), ["ipsec"]);
        assert_eq!(granted(1, 50), ["ipsec", "tunnel", "unique:7", "bypass"]);
        assert_eq!(granted(7, 1), ["ipsec", "use", "unique:7", "unique:8"]);
        assert_eq!(granted(7, 50).len(), 6);
        assert!(granted(1, 1).is_empty());
        assert_eq!(permissions.matching(&peer(7, &[50], "/")), [Who::Group(50), Who::User(7)]);
    }

    #[test]
    fn what_extends_ipsec_is_not_granted_without() {
        let line = |text: &str| permission(&text.split(' ').collect::<Vec<_>>());
        for word in ["tunnel", "use", "unique:7", "unique:any"] {
            let refused = line(&format!("user 1 bypass {word}")).unwrap_err();
            assert_eq!(refused, format!("`{word}` extends `ipsec`: add ipsec"));
        }
    }

    #[test]
    fn a_unit_is_its_cgroup_and_what_is_below() {
        let permissions = permissions(&["unit racoon.service ipsec", "unit /a/b/ bypass"]);
        let may = |cgroup, word| may(&permissions, &peer(1, &[], cgroup), word);
        assert!(may("/system.slice/racoon.service", "ipsec"));
        assert!(may("/system.slice/racoon.service/child", "ipsec"));
        assert!(!may("/system.slice/racoon.service2", "ipsec"));
        // Every user can make one of this name below their own.
        assert!(!may("/user.slice/user@1.service/racoon.service", "ipsec"));
        assert!(may("/a/b", "bypass") && !may("/a", "bypass"));
        assert!(permissions.matching(&Peer { cgroup: None, ..peer(1, &[], "") }).is_empty());
    }
}
