//! Confines itself as the daemon does, tries what the daemon must not be able to do, and prints a line
//! `ATTEMPT RESULT` each. For `crates/ipsecd/tests/confinement.rs`.
//!
//!     confined RUN_DIRECTORY [USER]
//!
//! A program `calls` beside it is executed at the end.

use std::{
    env, fs,
    io::{self, IoSliceMut},
    net::{TcpListener, UdpSocket},
    os::{
        fd::AsRawFd,
        unix::{fs::PermissionsExt, process::parent_id},
    },
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use ipsecd::confinement::{Account, Confined, Files, confine};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, setns, unshare},
    sys::{
        ptrace,
        signal::kill,
        uio::{RemoteIoVec, process_vm_readv},
    },
    unistd::{Pid, fexecve},
};
use rustix::{
    fs::{CWD, FileType, MemfdFlags, Mode, memfd_create, mknodat},
    net::{AddressFamily, SocketType, ipproto, netlink, socket},
    process::{
        DumpableBehavior, PidfdFlags, PidfdGetfdFlags, chroot, getpid, getppid, pidfd_getfd,
        pidfd_open, set_dumpable_behavior,
    },
};

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.is_empty() {
        // Executed by itself, after it has confined itself.
        return;
    }
    let run_directory = PathBuf::from(&words[0]);
    let account = words.get(1).map(|name| Account::to_become(Some(name)).expect("a user"));
    let program = env::current_exe().expect("its path");
    let files = Files {
        run_directory: run_directory.clone(),
        configuration: run_directory.join("ipsecd.conf"),
        program: program.clone(),
    };
    let Confined { uid, system_calls, files } =
        confine(account.flatten().as_ref(), &files).expect("confined");
    println!("uid {uid}\nseccomp {system_calls}\nlandlock {files}");
    // A thread that starts afterwards is confined as well.
    thread::spawn(move || attempts(&run_directory, &program)).join().expect("a thread");
}

fn attempts(run_directory: &Path, program: &Path) {
    let parent = parent_id();
    let written = run_directory.join("written");
    attempt("read-shadow", || fs::read("/etc/shadow"));
    attempt("read-memory", || fs::File::open(format!("/proc/{parent}/mem")));
    attempt("write-elsewhere", || fs::write(env::temp_dir().join("ipsecd-confined"), ""));
    attempt("execute", || Command::new("/bin/true").status());
    attempt("write", || fs::copy("/proc/self/exe", &written));
    attempt("execute-written", || {
        fs::set_permissions(&written, fs::Permissions::from_mode(0o755))?;
        Command::new(&written).status()
    });
    attempt("ptrace", || Ok(ptrace::attach(Pid::from_raw(parent.cast_signed()))?));
    attempt("signal", || Ok(kill(Pid::from_raw(parent.cast_signed()), None)?));
    attempt("udp", || UdpSocket::bind("127.0.0.1:0"));
    attempt("tcp", || TcpListener::bind("127.0.0.1:0"));
    attempt("udp6", || UdpSocket::bind("[::1]:0"));
    attempt("raw", || Ok(socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP))?));
    attempt("vsock", || Ok(socket(AddressFamily::VSOCK, SocketType::STREAM, None)?));
    attempt("packet", || Ok(socket(AddressFamily::PACKET, SocketType::RAW, None)?));
    for (name, protocol) in [
        ("generic", netlink::GENERIC),
        ("audit", netlink::AUDIT),
        ("connector", netlink::CONNECTOR),
        ("uevents", netlink::KOBJECT_UEVENT),
    ] {
        attempt(name, || Ok(socket(AddressFamily::NETLINK, SocketType::RAW, Some(protocol))?));
    }
    attempt("dumpable", || Ok(set_dumpable_behavior(DumpableBehavior::Dumpable)?));
    attempt("mount", || {
        Ok(mount(Some("none"), "/mnt", Some("tmpfs"), MsFlags::empty(), None::<&str>)?)
    });
    attempt("unshare", || Ok(unshare(CloneFlags::CLONE_NEWUSER)?));
    attempt("enter-namespace", || {
        // Without the right to open it, another descriptor: the call is refused whatever it has.
        let namespace = fs::File::open("/proc/self/ns/net").or_else(|_| fs::File::open("/"));
        Ok(setns(namespace?, CloneFlags::CLONE_NEWNET)?)
    });
    attempt("change-root", || Ok(chroot(run_directory)?));
    attempt("other-memory", || {
        let mut bytes = [0; 1];
        let place = [RemoteIoVec { base: 4096, len: 1 }];
        let parent = Pid::from_raw(parent.cast_signed());
        Ok(process_vm_readv(parent, &mut [IoSliceMut::new(&mut bytes)], &place)?)
    });
    attempt("take-descriptor", || {
        let process = pidfd_open(getpid(), PidfdFlags::empty())?;
        Ok(pidfd_getfd(&process, 0, PidfdGetfdFlags::empty())?)
    });
    attempt("make-device", || {
        Ok(mknodat(CWD, run_directory.join("device"), FileType::CharacterDevice, Mode::RUSR, 0)?)
    });
    attempt("execute-memory", || {
        let memory = memfd_create("program", MemfdFlags::CLOEXEC)?;
        fs::copy("/proc/self/exe", format!("/proc/self/fd/{}", memory.as_raw_fd()))?;
        Ok(fexecve(&memory, &[c"program"], &[c"A="])?)
    });
    // What the daemon does.
    attempt("read-configuration", || fs::read(run_directory.join("ipsecd.conf")));
    attempt("read-users", || fs::read("/etc/passwd"));
    attempt("read-status", || {
        fs::read(format!("/proc/{}/status", getppid().map_or(1, |pid| pid.as_raw_nonzero().get())))
    });
    attempt("netlink", || Ok(socket(AddressFamily::NETLINK, SocketType::RAW, None)?));
    for (name, protocol) in [
        ("xfrm", netlink::XFRM),
        ("nf-tables", netlink::NETFILTER),
        ("tcp-users", netlink::SOCK_DIAG),
    ] {
        attempt(name, || Ok(socket(AddressFamily::NETLINK, SocketType::RAW, Some(protocol))?));
    }
    attempt("execute-itself", || Command::new(program).status());
    // What only C can call: it is in the same directory, which is the daemon's program's.
    attempt("calls", || Command::new(program.with_file_name("calls")).status());
}

fn attempt<T>(name: &str, mut attempt: impl FnMut() -> io::Result<T>) {
    let result = attempt().map_or_else(|error| error.kind().to_string(), |_| "done".to_owned());
    println!("{name} {result}");
}
