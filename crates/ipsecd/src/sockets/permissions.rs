use std::collections::HashSet;

use model::{ActionKind, SocketAction, SocketPolicy};
use nix::unistd::{Group, User};

use super::Peer;

/// Which programs may set which policies on their sockets: the lines `sockets` of
/// `/etc/xfrm-tools/ipsecd.conf`.
///
/// ```text
/// # programs and the actions that they may use
/// sockets user www-data ipsec
/// sockets group 1000 ipsec entrust
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
    actions: HashSet<ActionKind>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    User(u32),
    Group(u32),
    /// A cgroup, without a slash at the end.
    Unit(String),
}

/// The actions that a line can allow.
const ACTIONS: [ActionKind; 4] =
    [ActionKind::Ipsec, ActionKind::Bypass, ActionKind::Discard, ActionKind::Entrust];

/// Their words, for a message.
fn action_words() -> String {
    ACTIONS.map(ActionKind::word).join(", ")
}

impl Permissions {
    /// Adds a line: the words after `sockets`. The error is the text for the user.
    pub(crate) fn add(&mut self, words: &[&str]) -> Result<(), String> {
        self.0.push(permission(words)?);
        Ok(())
    }

    /// Whether a process may set this policy on a socket.
    #[must_use]
    pub fn allow(&self, peer: &Peer, policy: &SocketPolicy) -> bool {
        let action = match policy.action() {
            // Without templates packets pass in clear.
            SocketAction::Ipsec(templates) if templates.is_empty() => ActionKind::Bypass,
            action => action.kind(),
        };
        self.0.iter().any(|line| line.who.is(peer) && line.actions.contains(&action))
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
    let (who, actions) = match words {
        ["user", name, actions @ ..] => (user(name)?, actions),
        ["group", name, actions @ ..] => (group(name)?, actions),
        ["unit", name, actions @ ..] => (unit(name)?, actions),
        _ => return Err("expected `sockets user|group|unit NAME ACTION...`".into()),
    };
    let known = |word: &&str| {
        let action = ACTIONS.into_iter().find(|action| action.word() == *word);
        action.ok_or_else(|| format!("`{word}` is not an action: expected {}", action_words()))
    };
    let allowed = actions.iter().map(known).collect::<Result<HashSet<_>, _>>()?;
    if allowed.is_empty() {
        return Err(format!("nothing is allowed: add {}", action_words()));
    }
    Ok(Permission { who, actions: allowed })
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
    use model::Dialect;
    use sys::SystemNames;

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

    fn policy(text: &str) -> SocketPolicy {
        grammar::socket_policy(text, Dialect::Linux, &SystemNames).unwrap()
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let nothing = Permissions::default();
        for action in ["ipsec esp/transport//require", "bypass", "discard", "entrust"] {
            assert!(!nothing.allow(&peer(0, &[0], "/"), &policy(&format!("out {action}"))));
        }
    }

    #[test]
    fn each_action_is_allowed_by_itself() {
        let permissions =
            permissions(&["user root ipsec", "group 50 bypass", "user 7 discard entrust"]);
        let may =
            |uid, group, text: &str| permissions.allow(&peer(uid, &[9, group], "/"), &policy(text));
        assert!(may(0, 1, "in ipsec esp/transport//use"));
        assert!(!may(0, 1, "in bypass"));
        // Which is as good as that.
        assert!(!may(0, 1, "in ipsec"));
        assert!(may(0, 50, "in ipsec"));
        assert!(may(1, 50, "in none"));
        assert!(!may(1, 50, "in discard"));
        assert!(may(7, 1, "out discard") && may(7, 1, "out entrust") && !may(7, 1, "out bypass"));
    }

    #[test]
    fn a_unit_is_its_cgroup_and_what_is_below() {
        let permissions = permissions(&["unit racoon.service ipsec", "unit /a/b/ bypass"]);
        let may = |cgroup, text| permissions.allow(&peer(1, &[], cgroup), &policy(text));
        let esp = "out ipsec esp/transport//require";
        assert!(may("/system.slice/racoon.service", esp));
        assert!(may("/system.slice/racoon.service/child", esp));
        assert!(!may("/system.slice/racoon.service2", esp));
        // Anybody can make one of this name below their own.
        assert!(!may("/user.slice/user@1.service/racoon.service", esp));
        assert!(may("/a/b", "in bypass") && !may("/a", "in bypass"));
        assert!(!permissions.allow(&Peer { cgroup: None, ..peer(1, &[], "") }, &policy(esp)));
    }
}
