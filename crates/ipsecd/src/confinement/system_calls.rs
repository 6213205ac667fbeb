//! The system calls that the daemon makes, as a filter of seccomp(2). Any other returns EPERM.

use std::{collections::BTreeMap, env::consts::ARCH};

use libc::c_long;
use rustix::fs::{MemfdFlags, memfd_create};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::Status;

/// The calls that are allowed whatever their arguments.
#[rustfmt::skip]
const ALLOWED: &[c_long] = &[
    // Files: which ones, landlock(7) and their modes decide.
    libc::SYS_openat, libc::SYS_close, libc::SYS_close_range, libc::SYS_read, libc::SYS_readv,
    libc::SYS_pread64, libc::SYS_write, libc::SYS_writev, libc::SYS_pwrite64, libc::SYS_lseek,
    libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_faccessat, libc::SYS_faccessat2,
    libc::SYS_readlinkat, libc::SYS_getdents64, libc::SYS_getcwd, libc::SYS_fcntl, libc::SYS_flock,
    libc::SYS_ftruncate, libc::SYS_fallocate, libc::SYS_fsync, libc::SYS_fdatasync,
    libc::SYS_unlinkat, libc::SYS_renameat, libc::SYS_renameat2, libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_umask,
    libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_lsetxattr, libc::SYS_statfs, libc::SYS_fstatfs,
    libc::SYS_inotify_init1, libc::SYS_inotify_add_watch, libc::SYS_inotify_rm_watch,
    libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2, libc::SYS_eventfd2,
    // Sockets. New ones are among ARGUMENTS.
    libc::SYS_bind, libc::SYS_connect, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4,
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_getsockopt, libc::SYS_setsockopt,
    libc::SYS_sendto, libc::SYS_sendmsg, libc::SYS_sendmmsg, libc::SYS_recvfrom, libc::SYS_recvmsg,
    libc::SYS_recvmmsg, libc::SYS_shutdown, libc::SYS_ppoll, libc::SYS_pselect6,
    libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
    // Memory.
    libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise, libc::SYS_mlock,
    libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_membarrier,
    // Threads, signals, time.
    libc::SYS_futex, libc::SYS_set_robust_list, libc::SYS_set_tid_address, libc::SYS_rseq,
    libc::SYS_sched_yield, libc::SYS_sched_getaffinity,
    libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigpending, libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait, libc::SYS_sigaltstack, libc::SYS_restart_syscall, libc::SYS_tgkill,
    libc::SYS_nanosleep, libc::SYS_clock_nanosleep, libc::SYS_clock_gettime, libc::SYS_clock_getres,
    libc::SYS_gettimeofday, libc::SYS_getrandom, libc::SYS_exit, libc::SYS_exit_group,
    // This process.
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getuid, libc::SYS_geteuid,
    libc::SYS_getgid, libc::SYS_getegid, libc::SYS_getresuid, libc::SYS_getresgid, libc::SYS_getgroups,
    libc::SYS_uname, libc::SYS_sysinfo, libc::SYS_capget, libc::SYS_capset,
    libc::SYS_getrlimit, libc::SYS_setrlimit, libc::SYS_pidfd_open,
    // The program that takes its place. Which one, landlock(7) decides.
    libc::SYS_execve, libc::SYS_wait4, libc::SYS_waitid, libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self, libc::SYS_seccomp,
];

/// Calls of older architectures, which the C library makes there in place of newer ones.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_open, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink,
    libc::SYS_unlink, libc::SYS_rename, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_chmod,
    libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll, libc::SYS_select, libc::SYS_epoll_wait,
    libc::SYS_arch_prctl, libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[c_long] = &[];

/// CLONE_NEW*, but for CLONE_NEWTIME, which clone(2) cannot have.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

const DUMPABLE: u64 = libc::PR_SET_DUMPABLE.cast_unsigned() as u64;
const PTRACER: u64 = libc::PR_SET_PTRACER.cast_unsigned() as u64;
const FILE_TYPE: u64 = libc::S_IFMT as u64;
const WRITE: u64 = libc::PROT_WRITE.cast_unsigned() as u64;
const EXEC: u64 = libc::PROT_EXEC.cast_unsigned() as u64;

/// The flags that decide whether memory of memfd_create(2) can be executed.
const MEMORY: u64 = (MemfdFlags::NOEXEC_SEAL.bits() | MemfdFlags::EXEC.bits()) as u64;

/// [`MEMORY`] as it has to be: the only flags that the filter lets through, with and without it the same. Before
/// Linux 6.3 all such memory can be executed.
pub(crate) fn memory() -> MemfdFlags {
    match memfd_create("", MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL) {
        Ok(_) => MemfdFlags::NOEXEC_SEAL,
        Err(_) => MemfdFlags::empty(),
    }
}

/// The protocols of netlink that the daemon speaks: routes, owners of TCP connections, XFRM, nf_tables.
const NETLINK: [i32; 4] =
    [libc::NETLINK_ROUTE, libc::NETLINK_SOCK_DIAG, libc::NETLINK_XFRM, libc::NETLINK_NETFILTER];

/// The calls of the process that reads user namespaces: it cannot open anything.
#[rustfmt::skip]
const TO_STAT: &[c_long] = &[
    libc::SYS_newfstatat, libc::SYS_recvfrom, libc::SYS_sendto, libc::SYS_brk, libc::SYS_munmap,
    libc::SYS_rt_sigreturn, libc::SYS_restart_syscall, libc::SYS_exit, libc::SYS_exit_group,
];

/// The calls of the process that keeps descriptors: it has none that could open anything.
#[rustfmt::skip]
const TO_KEEP: &[c_long] = &[
    libc::SYS_recvmsg, libc::SYS_sendmsg, libc::SYS_accept4, libc::SYS_setsockopt, libc::SYS_ppoll, #[cfg(target_arch = "x86_64")] libc::SYS_poll,
    libc::SYS_newfstatat, libc::SYS_fstat, libc::SYS_close, libc::SYS_fcntl, libc::SYS_clock_gettime, libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_madvise,
    libc::SYS_rt_sigreturn, libc::SYS_restart_syscall, libc::SYS_exit, libc::SYS_exit_group,
];

/// Allows this process and all that it starts no other system calls than the daemon's. Reports what the
/// kernel lacks.
///
/// Errors: those of seccomp(2).
pub(super) fn restrict() -> Result<Status, seccompiler::Error> {
    let Ok(arch) = TargetArch::try_from(ARCH) else { return Ok(Status::Unsupported) };
    status(install(&allowed(arch)?).and_then(|()| install(&without_clone3(arch)?)))
}

/// Allows this process stat(2), and to receive and send on the sockets that it has.
///
/// Errors: those of seccomp(2).
pub(super) fn restrict_to_stat() -> Result<Status, seccompiler::Error> {
    restrict_to(TO_STAT)
}

/// Allows this process to receive, keep and send descriptors.
///
/// Errors: those of seccomp(2).
pub(super) fn restrict_to_keep() -> Result<Status, seccompiler::Error> {
    restrict_to(TO_KEEP)
}

fn restrict_to(calls: &[c_long]) -> Result<Status, seccompiler::Error> {
    let Ok(arch) = TargetArch::try_from(ARCH) else { return Ok(Status::Unsupported) };
    let rules = calls.iter().map(|number| (*number, Vec::new())).collect();
    status(install(&allow_list(rules, arch)?))
}

fn status(installed: Result<(), seccompiler::Error>) -> Result<Status, seccompiler::Error> {
    match installed {
        Ok(()) => Ok(Status::InForce),
        Err(error) if is_unsupported(&error) => Ok(Status::Unsupported),
        Err(error) => Err(error),
    }
}

fn install(program: &BpfProgram) -> Result<(), seccompiler::Error> {
    seccompiler::apply_filter_all_threads(program)
}

/// A kernel without filters.
fn is_unsupported(error: &seccompiler::Error) -> bool {
    let seccompiler::Error::Seccomp(error) = error else { return false };
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

fn allowed(arch: TargetArch) -> Result<BpfProgram, seccompiler::Error> {
    let always = ALLOWED.iter().chain(ALLOWED_HERE).map(|number| (*number, Vec::new()));
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = always.collect();
    rules.extend(by_arguments()?);
    // glibc makes clone3(2) first: see `without_clone3`.
    rules.insert(libc::SYS_clone3, Vec::new());
    allow_list(rules, arch)
}

fn allow_list(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    arch: TargetArch,
) -> Result<BpfProgram, seccompiler::Error> {
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)?;
    Ok(filter.try_into()?)
}

/// The flags of clone3(2) are in memory, where no filter sees them. ENOSYS has the C library call
/// clone(2).
fn without_clone3(arch: TargetArch) -> Result<BpfProgram, seccompiler::Error> {
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let rules = [(libc::SYS_clone3, Vec::new())].into_iter().collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, arch)?;
    Ok(filter.try_into()?)
}

/// The calls that are allowed with some arguments. Each rule is a set of conditions that all have to be
/// met; one of the rules of a call is enough.
fn by_arguments() -> Result<Vec<(i64, Vec<SeccompRule>)>, seccompiler::Error> {
    let argument = |at, operation, value| SeccompCondition::new(at, Len::Dword, operation, value);
    let equal = |at, value: i32| argument(at, Op::Eq, u64::from(value.cast_unsigned()));
    let without = |at, mask| argument(at, Op::MaskedEq(mask), 0);
    let not = |at, value: u64| argument(at, Op::Ne, value & u64::from(u32::MAX));
    let rule = SeccompRule::new;
    let netlink = |protocol| rule(vec![equal(0, libc::AF_NETLINK)?, equal(2, protocol)?]);
    let mut sockets = vec![rule(vec![equal(0, libc::AF_UNIX)?])?];
    for protocol in NETLINK {
        sockets.push(netlink(protocol)?);
    }
    Ok(vec![
        (libc::SYS_socket, sockets),
        (libc::SYS_socketpair, vec![rule(vec![equal(0, libc::AF_UNIX)?])?]),
        (libc::SYS_clone, vec![rule(vec![without(0, NEW_NAMESPACES)?])?]),
        // Memory that can be written is not executed.
        (libc::SYS_mmap, vec![rule(vec![without(2, WRITE)?])?, rule(vec![without(2, EXEC)?])?]),
        (libc::SYS_mprotect, vec![rule(vec![without(2, EXEC)?])?]),
        // Nor executed by its name in /proc, which landlock(7) allows.
        (
            libc::SYS_memfd_create,
            vec![rule(vec![argument(1, Op::MaskedEq(MEMORY), memory().bits().into())?])?],
        ),
        // Regular files.
        (
            libc::SYS_mknodat,
            vec![
                rule(vec![argument(
                    2,
                    Op::MaskedEq(FILE_TYPE),
                    FILE_TYPE & u64::from(libc::S_IFREG),
                )?])?,
                rule(vec![without(2, FILE_TYPE)?])?,
            ],
        ),
        // The limits of this process.
        (libc::SYS_prlimit64, vec![rule(vec![equal(0, 0)?])?]),
        // This thread.
        (libc::SYS_sched_setscheduler, vec![rule(vec![equal(0, 0)?])?]),
        // What has no core and is read by no other process remains so.
        (
            libc::SYS_prctl,
            vec![
                rule(vec![not(0, DUMPABLE)?, not(0, PTRACER)?])?,
                rule(vec![equal(0, libc::PR_SET_DUMPABLE)?, equal(1, 0)?])?,
            ],
        ),
        // Whether a process is there.
        (libc::SYS_pidfd_send_signal, vec![rule(vec![equal(1, 0)?])?]),
        // Input for the terminal that the daemon was started from.
        (libc::SYS_ioctl, vec![rule(vec![not(1, libc::TIOCSTI)?, not(1, libc::TIOCLINUX)?])?]),
    ])
}

#[cfg(test)]
mod tests;
