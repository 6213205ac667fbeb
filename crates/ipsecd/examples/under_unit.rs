//! Executes a program under the system calls that a unit allows:
//!
//!     under_unit UNIT PROGRAM [ARGUMENT...]
//!
//! What of the unit seccomp(2) expresses is in force: `SystemCallFilter`, `RestrictAddressFamilies`,
//! `RestrictNamespaces` and `MemoryDenyWriteExecute`. Without systemd-analyze(1) it exits with 77. For
//! `tests/scenarios/daemon/unit.rs`.

#[path = "../src/confinement/unit_filter.rs"]
mod unit_filter;

use std::{
    collections::BTreeMap,
    env::{self, consts::ARCH},
    fs,
    os::unix::process::CommandExt,
    process::{self, Command},
};

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// `CLONE_NEW*`.
const NEW_NAMESPACES: u64 = 0x7e02_0080;

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let [unit, program, arguments @ ..] = &words[..] else { panic!("under_unit UNIT PROGRAM") };
    let unit = fs::read_to_string(unit).expect("a unit");
    let has = |line| unit.lines().any(|it| it == line);
    assert!(has("RestrictNamespaces=yes") && has("MemoryDenyWriteExecute=yes"));
    let none = has("RestrictAddressFamilies=none");
    assert!(none || has("RestrictAddressFamilies=AF_NETLINK AF_UNIX"), "they are no others");
    let Some(allowed) = unit_filter::allowed_by(&unit) else { process::exit(77) };
    let numbers = unit_filter::numbers();
    // Other names are those of other machines.
    let allowed = allowed.iter().filter_map(|name| numbers.get(name));
    refuse(families(none), libc::EAFNOSUPPORT);
    refuse([(libc::SYS_clone3, Vec::new())].into(), libc::ENOSYS);
    refuse(namespaces_and_memory(), libc::EPERM);
    let rules = allowed.map(|number| (*number, Vec::new())).collect();
    install(rules, errno(libc::EPERM), SeccompAction::Allow);
    panic!("{}", Command::new(program).args(arguments).exec());
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.cast_unsigned())
}

fn refuse(rules: Rules, number: i32) {
    install(rules, SeccompAction::Allow, errno(number));
}

fn install(rules: Rules, others: SeccompAction, these: SeccompAction) {
    let arch = TargetArch::try_from(ARCH).expect("a machine that seccompiler knows");
    let filter = SeccompFilter::new(rules, others, these, arch).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("a program");
    apply_filter(&program).expect("it is installed");
}

fn rule<const N: usize>(conditions: [(u8, Op, u64); N]) -> SeccompRule {
    let condition =
        |(at, op, value)| SeccompCondition::new(at, Len::Dword, op, value).expect("a condition");
    SeccompRule::new(conditions.map(condition).into()).expect("a rule")
}

/// The families of sockets: none, or AF_NETLINK and AF_UNIX.
fn families(none: bool) -> Rules {
    let family = |number: i32| u64::from(number.cast_unsigned());
    let others = [(0, Op::Ne, family(libc::AF_NETLINK)), (0, Op::Ne, family(libc::AF_UNIX))];
    let rules = if none { Vec::new() } else { vec![rule(others)] };
    [(libc::SYS_socket, rules)].into()
}

/// No namespace is made or entered, and no memory is executed that was written.
fn namespaces_and_memory() -> Rules {
    let [write, exec] = [libc::PROT_WRITE, libc::PROT_EXEC].map(|it| u64::from(it.cast_unsigned()));
    let makes = |at| {
        let flags = (0..32).map(|bit| 1 << bit).filter(|flag| NEW_NAMESPACES & flag != 0);
        flags.map(|flag| rule([(at, Op::MaskedEq(flag), flag)])).collect()
    };
    let executes = || vec![rule([(2, Op::MaskedEq(exec), exec)])];
    let rules: [(c_long, Vec<SeccompRule>); 6] = [
        (libc::SYS_unshare, makes(0)),
        (libc::SYS_clone, makes(0)),
        (libc::SYS_setns, Vec::new()),
        (libc::SYS_mprotect, executes()),
        (libc::SYS_pkey_mprotect, executes()),
        (libc::SYS_mmap, vec![rule([(2, Op::MaskedEq(write | exec), write | exec)])]),
    ];
    rules.into()
}
