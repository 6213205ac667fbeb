//! AF_KEY: whether the kernel has it, and whether the PF_KEY service is there in its place.

use std::path::Path;

use super::{
    condition::{Condition, Subject},
    files::Files,
    modules::{Modules, State},
};

/// The folders of modprobe.d(5).
const FOLDERS: [&str; 4] =
    ["etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d", "usr/lib/modprobe.d"];

pub fn condition(files: &Files, modules: &Modules, has_service: bool) -> Condition {
    // The module makes the file (net/key/af_key.c).
    if files.is_there("proc/net/pfkey") {
        let what = "AF_KEY is loaded; it is deprecated, and `ipsecctl run` does without";
        return Condition::ok(Subject::AfKey, what);
    }
    let state = match (blocking(files), modules.state("af_key")) {
        (Some(file), _) => format!("AF_KEY is blocked by /{file}"),
        (None, State::Loadable) => {
            "AF_KEY is loaded when a program needs it; it is deprecated".to_owned()
        }
        (None, _) => "AF_KEY is missing".to_owned(),
    };
    if has_service {
        return Condition::ok(
            Subject::AfKey,
            format!("{state}; the PF_KEY service of ipsecd is there"),
        );
    }
    let remedy = "programs that need it: `systemctl start ipsecd`, then `ipsecctl run PROGRAM`";
    Condition { remedy: Some(remedy.to_owned()), ..Condition::ok(Subject::AfKey, state) }
}

/// The file that keeps modprobe(8) from loading the module.
fn blocking(files: &Files) -> Option<String> {
    let blocks = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["blacklist", name] => ["af_key", "af-key"].contains(&name),
            ["install", name, command, ..] => {
                let is_no = command.ends_with("/false") || command.ends_with("/true");
                is_no && ["af_key", "af-key"].contains(&name)
            }
            _ => false,
        }
    };
    FOLDERS.into_iter().find_map(|folder| {
        let paths = files
            .names(folder)
            .into_iter()
            .filter(|name| Path::new(name).extension().is_some_and(|it| it == "conf"));
        let mut paths = paths.map(|name| format!("{folder}/{name}"));
        paths.find(|path| files.read(path).is_some_and(|text| text.lines().any(blocks)))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_missing_af_key_has_a_service_in_its_place() {
        let root = tempfile::tempdir().unwrap();
        let files = Files::below(root.path(), "6.1");
        let modules = Modules::read(&files);
        let line = |has_service| condition(&files, &modules, has_service).line();
        assert!(line(false).contains("AF_KEY is missing; programs that need it: `systemctl"));
        assert!(line(true).ends_with("missing; the PF_KEY service of ipsecd is there"));
        let folder = root.path().join("etc/modprobe.d");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.conf"), "# install af_key /bin/false\nalias x y\n").unwrap();
        assert!(line(true).contains("missing"), "{}", line(true));
        fs::write(folder.join("b.conf"), "install af_key /bin/false\n").unwrap();
        assert!(line(true).contains("blocked by /etc/modprobe.d/b.conf"), "{}", line(true));
        fs::create_dir_all(root.path().join("proc/net")).unwrap();
        fs::write(root.path().join("proc/net/pfkey"), "").unwrap();
        assert!(line(true).contains("loaded"), "{}", line(true));
    }
}
