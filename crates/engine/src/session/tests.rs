//! The engine on this machine's kernel, in a network namespace of its own.

use std::{env, fs, process::Command};

use model::{
    Action, AddressPair, Direction, Level, Mode, Policy, PolicyId, Prefix, Proto, ReqId, Selector,
    Spi, SpiRequest, Template, TemplateMode,
};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::*;
use crate::Namespace;

/// Runs a test of this file again, alone, in a network namespace of its own.
fn in_a_namespace(name: &str, test: fn()) {
    const INSIDE: &str = "ENGINE_NAMESPACE";
    if env::var_os(INSIDE).is_some() {
        return test();
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--map-root-user"]).arg(env::current_exe().unwrap());
    unshare.args(["--exact", &format!("{module}::{name}")]).env(INSIDE, "yes");
    let output = unshare.output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && report.contains("1 passed"), "{report}");
}

fn engine(root: &tempfile::TempDir) -> Engine {
    let namespace = Namespace::within(root.path());
    Engine::of(Host::within(namespace).unwrap(), EngineOptions::default())
}

fn ends() -> AddressPair {
    AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap()
}

fn policy(number: u8, action: Action) -> Policy {
    let net = Prefix::new([10, number, 0, 0].into(), Some(16)).unwrap();
    Policy::new(PolicyId::new(Selector::within(net), Direction::Out), action)
}

fn through_a_tunnel(number: u8, level: Level) -> Policy {
    let mode = TemplateMode::Tunnel(ends());
    policy(number, Action::Ipsec(vec![Template::new(Proto::Esp, mode, level)]))
}

/// Records errnos of refusals by line.
#[derive(Default)]
struct Results(Vec<(usize, Option<Errno>)>);

impl Sink for Results {
    fn outcome(&mut self, line: usize, outcome: Outcome) -> std::io::Result<()> {
        if let Outcome::Refused(refusal) = outcome {
            self.0.push((line, Some(refusal.errno())));
        }
        Ok(())
    }

    fn accepted(&mut self, line: usize, _seq: u32) -> std::io::Result<()> {
        self.0.push((line, None));
        Ok(())
    }
}

/// The second bytes of the addresses of all policies.
fn installed(engine: &mut Engine) -> Vec<u8> {
    let mut numbers = Vec::new();
    for entry in engine.policies().unwrap() {
        match entry.unwrap().0.policy.id.selector.src().addr() {
            std::net::IpAddr::V4(addr) => numbers.push(addr.octets()[1]),
            std::net::IpAddr::V6(_) => {}
        }
    }
    numbers.sort_unstable();
    numbers
}

fn is_unlocked(engine: &Engine) -> bool {
    engine.host.namespace.lock(Access::Exclusive).is_ok()
}

#[test]
fn no_lock_outlives_its_batch() {
    in_a_namespace("no_lock_outlives_its_batch", || {
        let root = tempfile::tempdir().unwrap();
        let mut engine = engine(&root);
        let sink = &mut Results::default();
        engine
            .submit(1, Ok(Operation::AddPolicy(through_a_tunnel(1, Level::Use).into())), sink)
            .unwrap();
        assert!(!is_unlocked_now(&engine), "the batch has a change that depends on variables");
        engine.finish(sink).unwrap();
        assert!(is_unlocked(&engine));
        // A larval SA in transport mode between the ends of the tunnel: it needs no change when a
        // policy is added that refers to the tunnel.
        let (proto, mode, reqid) = (Proto::Esp, Mode::Transport, None);
        let larval = SpiRequest {
            ends: ends(),
            proto,
            spi: Some(Spi(0x1000)),
            mode: model::SaMode::Of(mode),
            reqid,
        };
        engine.submit(2, Ok(Operation::GetSpi(larval)), sink).unwrap();
        let unique = through_a_tunnel(2, Level::Unique(ReqId::new(7)));
        let operations = [
            Operation::DeletePolicy(through_a_tunnel(9, Level::Use).id),
            Operation::UpdatePolicy(unique.into()),
        ];
        for (line, operation) in operations.into_iter().enumerate() {
            engine.submit(3 + line, Ok(operation), sink).unwrap();
        }
        engine.finish(sink).unwrap();
        assert!(is_unlocked(&engine));
        assert_eq!(installed(&mut engine), [1, 2]);
    });
}

/// Whether the lock is free, without waiting for it.
fn is_unlocked_now(engine: &Engine) -> bool {
    let path = engine.host.namespace.directory().join("lock");
    let file = fs::File::options().append(true).open(&path).unwrap();
    flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

#[test]
fn a_change_that_failed_is_never_carried_out() {
    in_a_namespace("a_change_that_failed_is_never_carried_out", || {
        let root = tempfile::tempdir().unwrap();
        let mut engine = engine(&root);
        engine.host.namespace.make().unwrap();
        // A folder where the records should be: they cannot be kept.
        let records = engine.host.namespace.directory().join("store.sqlite");
        fs::create_dir(&records).unwrap();
        let add = |number, action| Operation::AddPolicy(policy(number, action).into());
        let partial = |number| Operation::AddPolicy(through_a_tunnel(number, Level::Use).into());
        let mut results = Results::default();
        for (line, operation) in
            [add(1, Action::Discard), partial(2), add(3, Action::Discard), partial(4)]
                .into_iter()
                .enumerate()
        {
            let submitted = engine.submit(line, Ok(operation), &mut results);
            assert!(submitted.is_ok() || line % 2 == 1, "line {line}");
            assert!(is_unlocked(&engine) || submitted.is_ok());
        }
        // Where the record of a policy is missing, the policy is not installed.
        let _ = engine.finish(&mut results);
        assert!(is_unlocked_now(&engine));
        fs::remove_dir(&records).unwrap();
        engine.submit(9, Ok(add(9, Action::Discard)), &mut results).unwrap();
        engine.finish(&mut results).unwrap();
        let accepted = results.0.iter().filter(|(_, errno)| errno.is_none());
        let accepted: Vec<u8> = accepted.map(|(line, _)| u8::try_from(*line).unwrap()).collect();
        let expected: Vec<u8> =
            accepted.iter().map(|line| if *line == 9 { 9 } else { line + 1 }).collect();
        assert_eq!(installed(&mut engine), expected);
        assert!(expected.contains(&1) && expected.contains(&9));
        assert!(!expected.contains(&2) && !expected.contains(&4));
    });
}
