//! C programs with the library.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod programs;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use programs::{Programs, output_of};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept, bind,
    listen, recv, send, socket_with,
};

/// Two programs, since one that is linked to a fixed address has `__ipsec_errcode` in itself.
#[test]
fn every_error_has_its_number_and_text() {
    let programs = Programs::new();
    let expected = fs::read_to_string(programs::source("errors.expected")).unwrap();
    let numbers = expected.lines().filter_map(|line| line.split(' ').next()?.parse().ok());
    let numbers: BTreeSet<u32> = numbers.collect();
    assert_eq!(numbers, (0..=30).collect());
    for flags in [&["-fPIE", "-pie"], &["-fno-pie", "-no-pie"]] {
        let output = programs.command("errors", flags).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{flags:?}");
        assert!(output.status.success());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let printed = "libipsec: syntax error while parsing \"sideways\"\n";
        assert!(stderr.contains(printed), "{stderr}");
    }
}

#[test]
#[cfg(target_endian = "little")]
fn policies_are_the_bytes_of_the_table() {
    let programs = Programs::new();
    let output =
        programs.command("policies", &[]).arg(programs::source("policies.table")).output().unwrap();
    assert_eq!(output_of(&output), "79 policies, 0 sockets\nexit status: 0");
}

#[test]
#[cfg(target_endian = "little")]
fn messages_are_the_bytes_that_were_expected() {
    let output = Programs::new().command("sent", &[]).output().unwrap();
    let expected = fs::read_to_string(programs::source("sent.expected")).unwrap();
    assert_eq!(output_of(&output), format!("{expected}exit status: 0"));
}

#[test]
#[cfg(target_endian = "little")]
fn what_is_printed_stands_in_order() {
    let output = Programs::new().command("print", &[]).output().unwrap();
    let expected = fs::read_to_string(programs::source("print.expected")).unwrap();
    assert_eq!(output_of(&output), format!("{expected}exit status: 0"));
}

#[test]
fn without_pf_key_errno_is_set() {
    let programs = Programs::new();
    let mut command = programs.command("kernel", &[]);
    command.env("XFRM_TOOLS_PFKEY", "service").env("XFRM_TOOLS_PFKEY_SOCKET", "/nonexistent");
    assert_eq!(
        output_of(&command.output().unwrap()),
        "pfkey_open: Address family not supported by protocol, EAFNOSUPPORT\nexit status: 1"
    );
}

#[test]
fn a_variable_that_cannot_be_used_is_named() {
    let programs = Programs::new();
    let mut command = programs.command("kernel", &[]);
    let output = command.env("XFRM_TOOLS_PFKEY", "neither").output().unwrap();
    let expected =
        "libipsec: XFRM_TOOLS_PFKEY is `neither`: expected `service` or `kernel`: ignored\n";
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.matches(expected).count(), 1, "{error}");
}

/// The stand-in for the service sends a message back as it is.
#[test]
fn a_service_takes_the_place_of_af_key() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root has PF_KEY sockets");
        return;
    }
    let programs = Programs::new();
    let path = programs.directory().join("pfkey.sock");
    let flags = SocketFlags::CLOEXEC;
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    listen(&listener, 1).unwrap();
    let service = thread::spawn(move || {
        let connection = accept(&listener).unwrap();
        let mut message = [0; 64];
        let (length, _) = recv(&connection, &mut message, RecvFlags::empty()).unwrap();
        send(&connection, &message[..length], SendFlags::empty()).unwrap();
        message[..length].to_vec()
    });
    let mut command = programs.command("kernel", &[]);
    command.arg("-D").env("XFRM_TOOLS_PFKEY", "service").env("XFRM_TOOLS_PFKEY_SOCKET", &path);
    assert_eq!(output_of(&command.output().unwrap()), "no ADDRESS_SRC extension.\nexit status: 0");
    let dump = service.join().unwrap();
    assert_eq!((dump.len(), dump[1]), (16, 10));
}

/// Where Linux has dropped its headers, those of the library say the same.
#[test]
fn own_definitions_are_those_of_linux() {
    let linux = Path::new("/usr/include/linux/ipsec.h");
    assert!(linux.exists(), "{}: install linux-libc-dev", linux.display());
    let (own, linux) = (Definitions::of(true), Definitions::of(false));
    assert!(own.blocks.len() > 20 && own.numbers.len() > 100);
    assert_eq!(own.blocks, linux.blocks);
    assert_eq!(own.numbers, linux.numbers);
}

/// What the headers define.
struct Definitions {
    /// Structures and enumerations, without blanks.
    blocks: Vec<String>,
    /// Macros that are numbers.
    numbers: BTreeMap<String, String>,
}

impl Definitions {
    fn of(own: bool) -> Self {
        let preprocessed = |flag: &str| {
            let mut cc = programs::cc();
            cc.args(["-E", "-P", flag, "-include", "libipsec/ipsec.h"]);
            cc.args(own.then_some("-DLIBIPSEC_OWN_DEFINITIONS")).args(["-x", "c", "/dev/null"]);
            let output = cc.output().unwrap();
            assert!(output.status.success(), "{}", output_of(&output));
            String::from_utf8(output.stdout).unwrap()
        };
        let text = preprocessed("-DPLAIN")
            .replace("__be", "__u")
            .replace("__u8 ", "uint8_t ")
            .replace("__u8\t", "uint8_t ");
        let text = ["16", "32", "64"]
            .iter()
            .fold(text, |text, bits| text.replace(&format!("__u{bits}"), &format!("uint{bits}_t")));
        let blanks_gone: String = text.split_whitespace().collect();
        let starts =
            |block: &&str| block.starts_with("structsadb_") || block.starts_with("enum{IPSEC");
        let blocks = blanks_gone.split_inclusive("};").flat_map(|part| part.split_inclusive("));"));
        let mut blocks: Vec<String> = blocks.filter(starts).map(str::to_owned).collect();
        blocks.sort();
        let macros = preprocessed("-dM");
        let words =
            macros.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
        let prefixes = ["SADB_", "PF_KEY", "PFKEYV2", "IPSEC_"];
        let numbers = words.filter(|(name, value)| {
            prefixes.iter().any(|prefix| name.starts_with(prefix))
                && value.starts_with(|first: char| first.is_ascii_digit())
        });
        let value = |value: &str| value.trim_end().to_owned();
        let numbers = numbers.map(|(name, number)| (name.to_owned(), value(number))).collect();
        Self { blocks, numbers }
    }
}

#[test]
fn the_headers_are_cpp_too() {
    let mut cpp = Command::new("c++");
    cpp.args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", programs::INCLUDE]);
    cpp.args(["-include", "libipsec/libipsec.h", "-x", "c++", "/dev/null"]);
    assert_eq!(output_of(&cpp.output().unwrap()), "exit status: 0");
}

/// As a package does it, and a program that is built with the package.
#[test]
fn installed_it_is_found_by_pkg_config() {
    let programs = Programs::new();
    let root = programs.directory().join("root");
    let built = programs.directory().join("built");
    fs::create_dir_all(&built).unwrap();
    symlink(programs::library(), built.join("liblibipsec.so")).unwrap();
    let top = programs::top();
    let mut make = Command::new("make");
    make.current_dir(&top).args(["-s", "install-libipsec", "PREFIX=/usr"]);
    make.arg(format!("DESTDIR={}", root.display())).arg(format!("BUILT={}", built.display()));
    let output = make.arg("LIBDIR=/usr/lib").output().unwrap();
    assert_eq!(output_of(&output), "exit status: 0");
    for path in ["lib/libipsec.so.0", "lib/libipsec.so", "share/man/man3/ipsec_set_policy.3"] {
        assert!(root.join("usr").join(path).exists(), "{path}");
    }
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.args(["--cflags", "--libs", "libipsec"]).env("PKG_CONFIG_SYSROOT_DIR", &root);
    let output = pkg_config
        .env("PKG_CONFIG_PATH", root.join("usr/lib/pkgconfig"))
        .env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1")
        .env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output_of(&output));
    let flags = String::from_utf8(output.stdout).unwrap();
    // A program for the BSDs: their headers lead to the library's.
    for header in ["netinet/ipsec.h", "netinet6/ipsec.h", "netipsec/ipsec.h"] {
        let program = programs.directory().join("bsd");
        let mut cc = Command::new("cc");
        cc.arg(programs::source("bsd.c")).arg(format!("-DIPSEC_H=<{header}>"));
        let output = cc.arg("-o").arg(&program).args(flags.split_whitespace()).output().unwrap();
        assert_eq!(output_of(&output), "exit status: 0", "{header}");
        let mut command = Command::new(&program);
        let output = command.env("LD_LIBRARY_PATH", root.join("usr/lib")).output().unwrap();
        assert_eq!(output_of(&output), "out prio def ipsec esp/transport//require\nexit status: 0");
    }
}

/// Structures, functions and their types, with the kernel's headers and without them.
#[test]
fn it_is_the_interface_of_ipsec_tools() {
    let programs = Programs::new();
    for flags in [&[][..], &["-DLIBIPSEC_OWN_DEFINITIONS"]] {
        let output = programs.command("interface", flags).output().unwrap();
        assert_eq!(output_of(&output), "exit status: 0", "{flags:?}");
    }
    let interface = fs::read_to_string(programs::source("interface.c")).unwrap();
    for symbol in exported() {
        assert!(words(&interface).any(|word| word == symbol), "{symbol} is not of ipsec-tools");
    }
}

/// The names that programs of ipsec-tools link against, and no others.
#[test]
fn the_header_has_what_the_library_exports() {
    let exported = exported();
    let header = |name: &str| {
        fs::read_to_string(PathBuf::from(programs::INCLUDE).join("libipsec").join(name)).unwrap()
    };
    let headers = header("libpfkey.h") + &header("ipsec_strerror.h");
    for symbol in &exported {
        assert!(words(&headers).any(|word| word == symbol), "{symbol} is in no header");
    }
    let declared =
        words(&headers).filter(|name| name.starts_with("pfkey_") || name.starts_with("ipsec_"));
    let types = ["ipsec_policy_t", "pfkey_send_sa_args"];
    // A name in a comment may be the beginning of several.
    for name in declared.filter(|name| !types.contains(name) && !name.ends_with('_')) {
        assert!(exported.iter().any(|symbol| symbol == name), "{name} is not in the library");
    }
}

/// What the library offers to the linker.
fn exported() -> Vec<String> {
    let mut nm = Command::new("nm");
    let output = nm.args(["-D", "--defined-only"]).arg(programs::library()).output().unwrap();
    let symbols = String::from_utf8(output.stdout).unwrap();
    let names = symbols.lines().filter_map(|line| line.split(' ').next_back());
    let names: Vec<_> = names.map(str::to_owned).collect();
    assert!(!names.is_empty(), "{}", programs::library().display());
    names
}

/// The words of a C program.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric())
}
