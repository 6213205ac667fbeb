//! `make install`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

/// What it installs is where the units look for it, and every manual page is there.
#[test]
fn units_name_what_is_installed() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (built, root) = (directory.path().join("built"), directory.path().join("root"));
    fs::create_dir(&built).expect("a directory");
    for name in ["setkey", "sysctl-shim", "ipsecctl", "ipsecd", "libpfkey_preload.so"] {
        // The commands print their completions.
        let path = built.join(name);
        fs::write(&path, "#!/bin/sh\necho \"$@\"\n").expect("a file");
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode");
    }
    let mut make = Command::new("make");
    make.current_dir(&top).args(["-s", "install", "PREFIX=/opt", "UNITDIR=/lib/systemd/system"]);
    make.arg(format!("BUILT={}", built.display()));
    make.arg(format!("DESTDIR={}", root.display()));
    let output = make.output().expect("make runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let units = fs::read_dir(root.join("lib/systemd/system")).expect("units");
    let mut starts = 0;
    for unit in units {
        let text = fs::read_to_string(unit.expect("a unit").path()).expect("a unit");
        for line in text.lines().filter_map(|line| line.strip_prefix("ExecStart=/")) {
            let program = line.split(' ').next().expect("a word");
            assert!(root.join(program).is_file(), "{program} is not installed");
            starts += 1;
        }
    }
    assert_eq!(starts, 5);
    assert!(root.join("lib/systemd/system/ipsecd-userns.socket").is_file());
    assert!(root.join("opt/lib/sysusers.d/xfrm-tools.conf").is_file());
    for page in fs::read_dir(top.join("man")).expect("pages") {
        let page = page.expect("a page").file_name();
        let section = Path::new(&page).extension().expect("a section").to_string_lossy();
        // Those of the C library are installed with it.
        if section != "3" {
            let directory = root.join(format!("opt/share/man/man{section}"));
            assert!(directory.join(&page).is_file(), "{} is not installed", page.display());
        }
    }
    assert!(root.join("opt/lib/libpfkey-preload.so").is_file());
    for (path, options) in [
        ("bash-completion/completions/setkey", "--completions bash"),
        ("zsh/site-functions/_sysctl-shim", "--completions zsh"),
        ("fish/vendor_completions.d/ipsecctl.fish", "completions fish"),
    ] {
        let text = fs::read_to_string(root.join("opt/share").join(path)).expect("completions");
        assert_eq!(text, format!("{options}\n"), "{path}");
    }
}
