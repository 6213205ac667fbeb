//! `ipsecctl run` with the library, installed beside the command.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../crates/preload/tests/stand_in/mod.rs"]
mod stand_in;

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use stand_in::output_of;

/// A folder with the command in `sbin/` and the library in a folder of libraries.
struct Installed(tempfile::TempDir);

static INSTALLED: LazyLock<Installed> = LazyLock::new(|| Installed::new("", "lib"));

impl Installed {
    fn new(prefix: &str, libraries: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
        // Cargo builds it for this test as for its own.
        let library = env::current_exe().unwrap().with_file_name("libpfkey_preload.so");
        for (file, place) in [
            (Path::new(env!("CARGO_BIN_EXE_ipsecctl")), PathBuf::from("sbin/ipsecctl")),
            (&library, Path::new(libraries).join("libpfkey-preload.so")),
        ] {
            let place = folder.path().join(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::copy(file, &place).unwrap();
            fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(folder)
    }

    fn library(&self) -> PathBuf {
        self.0.path().join("lib/libpfkey-preload.so")
    }

    fn run(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.0.path().join("sbin/ipsecctl"));
        command.arg("run").args(words);
        command
    }

    /// The variable in the environment of the program.
    fn variable(&self, words: &[&str]) -> String {
        let output = self.run(words).env_remove("LD_PRELOAD").output().unwrap();
        let environment = String::from_utf8(output.stdout).unwrap();
        let value = environment.lines().find_map(|line| line.strip_prefix("LD_PRELOAD="));
        value.unwrap_or_default().to_owned()
    }
}

fn run(program: &[&str]) -> Command {
    INSTALLED.run(&[&["--"], program].concat())
}

#[test]
fn all_programs_are_served() {
    stand_in::all_programs_are_served(run);
}

#[test]
fn none_is_served_without_a_service() {
    stand_in::none_is_served_without_a_service(run);
}

#[test]
fn the_kernel_answers_otherwise() {
    stand_in::the_kernel_answers_otherwise(run);
}

#[test]
fn a_program_has_the_library() {
    let library = INSTALLED.library();
    let mut grep = run(&["grep", "-o", "-m1", "libpfkey-preload.so", "/proc/self/maps"]);
    assert_eq!(output_of(&grep.output().unwrap()), "exit status: 0\nlibpfkey-preload.so\n");
    assert_eq!(Path::new(&INSTALLED.variable(&["env"])), library);
    assert_eq!(INSTALLED.variable(&["--no-preload", "env"]), "");
    let output = run(&["printenv", "LD_PRELOAD"]).env("LD_PRELOAD", "libm.so.6").output().unwrap();
    assert_eq!(output.stdout, format!("{}:libm.so.6\n", library.display()).into_bytes());
}

#[test]
fn it_is_where_libraries_are_installed() {
    let architecture = format!("lib/{}-linux-gnu", env::consts::ARCH);
    for libraries in [architecture.as_str(), "lib64"] {
        let installed = Installed::new("", libraries);
        assert_ne!(installed.variable(&["env"]), "", "{libraries}");
    }
}

#[test]
fn a_library_that_others_write_or_that_cannot_be_named_is_not_used() {
    let installed = Installed::new("", "lib");
    for mode in [0o775, 0o757] {
        fs::set_permissions(installed.library(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(installed.variable(&["env"]), "", "{mode:o}");
    }
    fs::remove_file(installed.library()).unwrap();
    assert_eq!(installed.variable(&["env"]), "");
    for prefix in ["a blank", "a:colon"] {
        assert_eq!(Installed::new(prefix, "lib").variable(&["env"]), "", "{prefix}");
    }
}

/// The dynamic linker of another C library would not start the program with it.
#[test]
fn a_program_of_another_linker_goes_without() {
    let folder = tempfile::tempdir().unwrap();
    let linker = folder.path().join("ld.so");
    let [program, script] = ["program", "script"].map(|name| folder.path().join(name));
    symlink("/lib64/ld-linux-x86-64.so.2", &linker).unwrap();
    let source = folder.path().join("program.c");
    fs::write(&source, "#include <stdlib.h>\nint main(void){return system(\"env\");}").unwrap();
    let compiled = |words: &[&str]| {
        let mut cc = Command::new("cc");
        assert!(cc.args(words).arg("-o").arg(&program).arg(&source).status().unwrap().success());
        fs::write(&script, format!("#!{}\n", program.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        [&program, &script].map(|file| INSTALLED.variable(&[file.to_str().unwrap()]))
    };
    if linker.exists() {
        assert_eq!(compiled(&[&format!("-Wl,-I{}", linker.display())]), ["", ""]);
    }
    for words in [&[][..], &["-static"]] {
        assert!(compiled(words).iter().all(|value| Path::new(value) == INSTALLED.library()));
    }
}
