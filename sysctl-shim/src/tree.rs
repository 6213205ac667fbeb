//! The tree of all variables: those of ipsec(4) among those of /proc/sys.

use std::{collections::BTreeSet, io};

use glob::Pattern;
use model::{
    Variable,
    variable::{UNSUPPORTED, VARIABLES},
};

use crate::{
    name::Name,
    proc::{self, File},
};

/// What there is under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    /// A variable of ipsec(4).
    Ours(&'static Variable),
    /// A variable of /proc/sys.
    File(File),
    /// A folder of either or both.
    Folder,
}

/// What there is under this name.
pub fn find(name: &Name) -> io::Result<Node> {
    match ours(name) {
        Some(variable) => Ok(Node::Ours(variable)),
        None => find_in_proc(name),
    }
}

/// What there is under a name that is of no variable of ipsec(4).
pub fn find_in_proc(name: &Name) -> io::Result<Node> {
    match proc::find(name) {
        Err(_) if ours_in(name).next().is_some() => Ok(Node::Folder),
        found => Ok(found?.map_or(Node::Folder, Node::File)),
    }
}

/// The variable of ipsec(4) of this name.
pub fn ours(name: &Name) -> Option<&'static Variable> {
    Variable::of_name(&name.dotted())
}

/// Whether a name is in a folder of ipsec(4), whether there is such a variable or not.
pub fn is_in_our_folders(name: &str) -> bool {
    let folder = name.rsplit_once('.').map(|split| split.0);
    VARIABLES.iter().any(|variable| variable.name.rsplit_once('.').map(|split| split.0) == folder)
}

/// Why Linux has nothing for a variable that the BSDs have.
pub fn unsupported(name: &str) -> Option<&'static str> {
    UNSUPPORTED.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// The parts that come next in names of ipsec(4) below this folder.
fn ours_in(folder: &Name) -> impl Iterator<Item = &'static str> {
    let prefix = match folder.path() {
        "" => String::new(),
        _ => format!("{}.", folder.dotted()),
    };
    VARIABLES.iter().filter_map(move |variable| {
        let rest = variable.name.strip_prefix(prefix.as_str())?;
        rest.split('.').next()
    })
}

/// Which variables are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those of ipsec(4) alone (`--ours`).
    Ours,
}

/// What a folder holds, in the order in which /proc/sys lists it: that of the bytes.
pub fn children(folder: &Name, scope: Scope) -> io::Result<Vec<Name>> {
    let mut parts = ours_in(folder).map(str::to_owned).collect::<BTreeSet<_>>();
    if scope == Scope::All {
        match proc::list(folder) {
            Ok(listed) => parts.extend(listed),
            Err(error) if parts.is_empty() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(parts.iter().map(|part| folder.child(part)).collect())
}

/// Whether a name stands for several.
pub fn is_pattern(name: &Name) -> bool {
    name.path().contains(['*', '?', '['])
}

/// The names that a pattern stands for: a wildcard is for one part of a name.
pub fn expand(pattern: &Name, scope: Scope) -> Vec<Name> {
    let mut names = vec![Name::top()];
    for part in pattern.parts() {
        let Ok(part) = Pattern::new(part) else { return Vec::new() };
        let below = names.iter().flat_map(|name| children(name, scope).unwrap_or_default());
        names = below.filter(|name| part.matches(name.last())).collect();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<String> {
        let found = expand(&Name::parse(pattern), Scope::Ours);
        found.iter().map(Name::dotted).collect()
    }

    #[test]
    fn our_variables_are_in_folders() {
        let folder = Name::parse("net.inet6");
        assert_eq!(find(&folder).unwrap(), Node::Folder);
        let children = children(&folder, Scope::Ours).unwrap();
        assert_eq!(children, [Name::parse("net.inet6.ipsec6")]);
        assert!(matches!(find(&Name::parse("net/key/spi_minval")), Ok(Node::Ours(_))));
        assert!(find(&Name::parse("net.key.spi")).is_err());
    }

    #[test]
    fn a_wildcard_is_for_one_part() {
        assert_eq!(names("net.inet.ipsec.dfb?t"), ["net.inet.ipsec.dfbit"]);
        assert_eq!(names("net.*.ipsec*.def_policy").len(), 2);
        assert_eq!(names("net.*_deflev"), [""; 0]);
        assert_eq!(names("net.inet.ipsec.*_deflev").len(), 4);
    }

    #[test]
    fn folders_of_ours() {
        assert!(is_in_our_folders("net.key.nonsense"));
        assert!(is_in_our_folders("net.inet6.ipsec6.used"));
        assert!(!is_in_our_folders("net.inet.ip"));
        assert!(!is_in_our_folders("net.ipv4.ip_forward"));
        assert!(unsupported("net.key.prefered_oldsa").is_some());
        assert!(unsupported("net.key.spi_minval").is_none());
    }
}
