//! Modules of the kernel: loaded, built in, there to be loaded, or missing.

use std::collections::HashSet;

use super::{
    condition::{Condition, Subject},
    files::Files,
};

/// What the files show of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Loaded,
    BuiltIn,
    /// The kernel loads it when it is needed.
    Loadable,
    Missing,
    /// There are no lists of the kernel's modules.
    Unknown,
}

/// The kernel's modules.
pub struct Modules {
    loaded: HashSet<String>,
    built_in: Option<HashSet<String>>,
    loadable: Option<HashSet<String>>,
    package: String,
}

/// Modules that no protocol or algorithm is for: the name, its setting in the kernel's configuration, and what
/// needs it.
const OTHERS: [(&str, &str, &str); 6] = [
    ("xfrm_interface", "CONFIG_XFRM_INTERFACE", "xfrm interfaces (-ifid)"),
    ("xfrm_iptfs", "CONFIG_XFRM_IPTFS", "mode iptfs"),
    ("esp4_offload", "CONFIG_INET_ESP_OFFLOAD", "-offload with IPv4"),
    ("esp6_offload", "CONFIG_INET6_ESP_OFFLOAD", "-offload with IPv6"),
    ("nf_tables", "CONFIG_NF_TABLES", "net.inet.ipsec.dfbit=1"),
    ("drop_monitor", "CONFIG_NET_DROP_MONITOR", "`ipsecctl trace`"),
];

impl Modules {
    pub fn read(files: &Files) -> Self {
        let list = |name: &str| {
            let path = format!("lib/modules/{}/{name}", files.release);
            let text = files.read(path)?;
            Some(text.lines().filter_map(of_path).collect::<HashSet<_>>())
        };
        let loaded = files.read("proc/modules").unwrap_or_default();
        let loaded = loaded.lines().filter_map(|line| line.split(' ').next().map(normal));
        Self {
            loaded: loaded.collect(),
            built_in: list("modules.builtin"),
            loadable: list("modules.dep"),
            package: package(&files.read("etc/os-release").unwrap_or_default(), &files.release),
        }
    }

    pub fn state(&self, name: &str) -> State {
        let has =
            |list: &Option<HashSet<String>>| list.as_ref().is_some_and(|it| it.contains(name));
        if self.loaded.contains(name) {
            State::Loaded
        } else if has(&self.built_in) {
            State::BuiltIn
        } else if has(&self.loadable) {
            State::Loadable
        } else if self.loadable.is_some() {
            State::Missing
        } else {
            State::Unknown
        }
    }

    /// What to do about a module that the kernel does not have.
    pub fn remedy(&self, name: &str, setting: &str) -> String {
        match self.state(name) {
            State::Loadable => format!("`modprobe {name}`"),
            State::Unknown => format!("a kernel with {setting}"),
            State::Loaded | State::BuiltIn | State::Missing => {
                format!("{}, or a kernel with {setting}", self.package)
            }
        }
    }

    /// The modules that no protocol or algorithm is for.
    pub fn others(&self) -> Vec<Condition> {
        let with = |wanted: &[State]| {
            let names = OTHERS.iter().filter(|(name, ..)| wanted.contains(&self.state(name)));
            names.map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
        };
        let states = [
            ("loaded", &[State::Loaded][..]),
            ("built in", &[State::BuiltIn]),
            ("loaded when needed", &[State::Loadable]),
        ];
        let parts = states.map(|(word, states)| (word, with(states)));
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let there = parts.map(|(word, names)| format!("{word}: {names}")).collect::<Vec<_>>();
        let mut conditions = Vec::new();
        if !there.is_empty() {
            conditions.push(Condition::ok(Subject::Module, there.join("; ")));
        }
        let missing = OTHERS.iter().filter(|(name, ..)| self.state(name) == State::Missing);
        conditions.extend(missing.map(|(name, setting, user)| {
            let what = format!("{name} is missing, which is needed for {user} only");
            let remedy = Some(self.remedy(name, setting));
            Condition { remedy, ..Condition::ok(Subject::Module, what) }
        }));
        if self.loadable.is_none() {
            let what = "the modules of this kernel were not looked at: it has no list of them";
            let remedy = "modules.dep in /lib/modules/$(uname -r) is made by depmod(8)";
            conditions.push(Condition::unknown(Subject::Module, what, remedy));
        }
        conditions
    }
}

/// The name of the module of a path, at the beginning of a line of modules.dep or modules.builtin.
fn of_path(line: &str) -> Option<String> {
    let path = line.split(':').next()?;
    let (name, _) = path.rsplit('/').next()?.split_once(".ko")?;
    Some(normal(name))
}

/// Names have `_` and `-`, as modprobe(8) takes both.
fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// The package with more modules of the running kernel, by os-release(5).
fn package(os_release: &str, release: &str) -> String {
    let of = |field: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(field));
        line.map(|value| value.trim_matches('"').to_owned()).unwrap_or_default()
    };
    let (id, like) = (of("ID="), of("ID_LIKE="));
    let is = |name: &str| id == name || like.split(' ').any(|it| it == name);
    if is("ubuntu") {
        format!("`apt install linux-modules-extra-{release}`")
    } else if is("debian") {
        format!("`apt install linux-image-{release}` (not its -cloud variant)")
    } else if is("fedora") || is("rhel") {
        format!("`dnf install kernel-modules-{release} kernel-modules-extra-{release}`")
    } else if is("suse") || is("opensuse") {
        "`zypper install kernel-default` (not kernel-default-base)".to_owned()
    } else if is("alpine") {
        "`apk add linux-lts` (not linux-virt)".to_owned()
    } else {
        "the package with all modules of this kernel".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn host() -> (tempfile::TempDir, Modules) {
        let root = tempfile::tempdir().unwrap();
        let modules = root.path().join("lib/modules/6.1.0-x");
        fs::create_dir_all(&modules).unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        fs::create_dir_all(root.path().join("etc")).unwrap();
        fs::write(modules.join("modules.builtin"), "kernel/net/ipv4/esp4.ko\n").unwrap();
        let dep = "kernel/net/xfrm/xfrm-interface.ko.xz: kernel/net/x.ko.xz\nkernel/a/esp6.ko:\n";
        fs::write(modules.join("modules.dep"), dep).unwrap();
        fs::write(root.path().join("proc/modules"), "esp6 24576 0 - Live 0x0\n").unwrap();
        fs::write(root.path().join("etc/os-release"), "NAME=x\nID=ubuntu\nID_LIKE=debian\n")
            .unwrap();
        let read = Modules::read(&Files::below(root.path(), "6.1.0-x"));
        (root, read)
    }

    #[test]
    fn a_module_is_in_one_of_the_lists() {
        let (_root, modules) = host();
        let states = ["esp6", "esp4", "xfrm_interface", "ah4"].map(|it| modules.state(it));
        assert_eq!(states, [State::Loaded, State::BuiltIn, State::Loadable, State::Missing]);
        let empty = tempfile::tempdir().unwrap();
        let modules = Modules::read(&Files::below(empty.path(), "6.1"));
        assert_eq!(modules.state("esp4"), State::Unknown);
        assert_eq!(modules.others().len(), 1);
    }

    #[test]
    fn the_package_is_that_of_the_distribution() {
        let (_root, modules) = host();
        assert_eq!(
            modules.remedy("xfrm_interface", "CONFIG_XFRM_INTERFACE"),
            "`modprobe xfrm_interface`"
        );
        let remedy = modules.remedy("ah4", "CONFIG_INET_AH");
        let expected = "`apt install linux-modules-extra-6.1.0-x`, or a kernel with CONFIG_INET_AH";
        assert_eq!(remedy, expected);
        assert!(package("ID=\"rocky\"\nID_LIKE=\"rhel fedora\"\n", "5").starts_with("`dnf "));
        assert!(package("", "5").starts_with("the package"));
    }

    #[test]
    fn what_is_missing_has_a_line_with_its_use() {
        let (_root, modules) = host();
        let lines: Vec<_> = modules.others().iter().map(Condition::line).collect();
        assert_eq!(lines[0], "ok      module    loaded when needed: xfrm_interface");
        assert!(lines[1].contains("xfrm_iptfs is missing"), "{lines:?}");
    }
}
