//! The files that the daemon opens and the program that it executes, as a ruleset of landlock(7).

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use nix::unistd::geteuid;

use super::Status;

/// The newest rights that are asked for. An older kernel has fewer: what it has is used.
const NEWEST: ABI = ABI::V6;

/// Files that a look-up of a user or group reads, and the loader of a program.
const IN_ETC: [&str; 5] = ["passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.preload"];

/// The directories and files that the daemon uses.
#[derive(Debug, Clone)]
pub struct Files {
    /// The run directory of the network namespace, to be changed.
    pub run_directory: PathBuf,
    /// The configuration. All of its directory may be read: editors replace a file.
    pub configuration: PathBuf,
    /// The program that takes the place of this one. All of its directory may be executed: an upgrade
    /// replaces the file.
    pub program: PathBuf,
}

impl Files {
    /// Allows this thread, and those that it starts from now on, nothing else in the file system.
    pub(super) fn restrict(&self) -> Result<Status, RulesetError> {
        let every = AccessFs::from_all(NEWEST);
        let no_execute = every & !AccessFs::Execute;
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let Mapped { directories, loader } = Mapped::now();
        let directory = |path: &Path| path.parent().map(Path::to_owned);
        let of_program = directory(&self.program);
        let rules = Ruleset::default()
            .handle_access(every)?
            .handle_access(AccessNet::from_all(NEWEST))?
            .scope(scopes())?
            .create()?
            .add_rules(path_beneath_rules([&self.run_directory], no_execute))?
            .add_rules(path_beneath_rules(directory(&self.configuration), read))?
            .add_rules(path_beneath_rules(["/proc", "/dev/urandom"], read))?
            .add_rules(path_beneath_rules(["/dev/null"], read | AccessFs::WriteFile))?
            .add_rules(path_beneath_rules(etc(), read))?
            .add_rules(path_beneath_rules(directories, read))?
            .add_rules(path_beneath_rules(
                of_program.into_iter().chain(loader),
                read | AccessFs::Execute,
            ))?
            .restrict_self()?;
        Ok(match rules.ruleset {
            RulesetStatus::FullyEnforced => Status::InForce,
            RulesetStatus::PartiallyEnforced => Status::Partial,
            RulesetStatus::NotEnforced => Status::Unsupported,
        })
    }
}

/// Nothing outside is signalled, and no abstract socket connected to but that of a service manager.
fn scopes() -> BitFlags<Scope> {
    let is_abstract =
        env::var_os("NOTIFY_SOCKET").is_some_and(|name| name.as_encoded_bytes().starts_with(b"@"));
    if is_abstract { Scope::Signal.into() } else { Scope::from_all(NEWEST) }
}

/// useradd(8) and ldconfig(8) replace their files. A user other than root gets the directory, of which
/// it can read what every user can; root, which owns /etc/shadow, gets the files of now.
fn etc() -> Vec<PathBuf> {
    let etc = PathBuf::from("/etc");
    if geteuid().is_root() { IN_ETC.map(|name| etc.join(name)).into() } else { vec![etc] }
}

/// What this program has mapped: the next one needs the same.
struct Mapped {
    /// The directories of the libraries; a look-up of a user loads further ones.
    directories: BTreeSet<PathBuf>,
    /// The loader, which the kernel executes.
    loader: Option<PathBuf>,
}

impl Mapped {
    fn now() -> Self {
        let text = fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let files =
            || text.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
        let is_loader = |file: &&Path| {
            file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"ld"))
        };
        Self {
            directories: files().filter_map(|file| file.parent().map(Path::to_owned)).collect(),
            loader: files().find(is_loader).map(Path::to_owned),
        }
    }
}
