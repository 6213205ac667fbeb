//! What the tests share: a resolver without a network, and a script run to its first error.

use std::net::IpAddr;

use grammar::{Error, Script, Warning, lower};
use model::{
    Dialect, IpVersion, Names, Operation,
    names::{LookUp, NotFound, Transport},
};

/// Numeric addresses, three hosts and a few services.
pub struct FakeNames;

impl Names for FakeNames {
    fn addresses(&self, host: &str, look_up: LookUp) -> Result<Vec<IpAddr>, NotFound> {
        let known: &[&str] = match host {
            "alice" if !look_up.numeric => &["192.0.2.1"],
            "both" if !look_up.numeric => &["192.0.2.7", "2001:db8::7"],
            "two" if !look_up.numeric => &["192.0.2.8", "192.0.2.9"],
            number => &[number],
        };
        let wanted = |address: &IpAddr| match look_up.version {
            None => true,
            Some(IpVersion::V4) => address.is_ipv4(),
            Some(IpVersion::V6) => address.is_ipv6(),
        };
        let found: Vec<_> =
            known.iter().filter_map(|text| text.parse().ok()).filter(wanted).collect();
        if found.is_empty() {
            return Err(NotFound("Name or service not known".into()));
        }
        Ok(found)
    }

    fn service(&self, name: &str, transport: Transport) -> Result<u16, NotFound> {
        match (name, transport) {
            ("domain", Transport::Udp | Transport::Tcp) => Ok(53),
            ("l2tp", Transport::Udp) => Ok(1701),
            ("ntp", Transport::Udp) => Ok(123),
            ("ssh", Transport::Tcp) => Ok(22),
            // Of one name with two numbers, the original finds the one of UDP.
            ("twin", Transport::Udp) => Ok(111),
            ("twin", Transport::Tcp) => Ok(222),
            _ => Err(NotFound("Servname not supported for ai_socktype".into())),
        }
    }

    fn is_local(&self, address: IpAddr) -> bool {
        address == IpAddr::from([192, 0, 2, 1])
    }
}

/// What a script did before it ended or stopped.
#[derive(Default)]
pub struct Run {
    pub statements: usize,
    pub operations: Vec<Result<Operation, model::Error>>,
    pub warnings: Vec<Warning>,
    pub error: Option<Error>,
}

/// Runs a script as far as ipsec-tools would.
pub fn run(script: &[u8]) -> Run {
    run_in(Dialect::Linux, script)
}

/// Runs a script as far as the dialect's original would.
pub fn run_in(dialect: Dialect, script: &[u8]) -> Run {
    let mut run = Run::default();
    for statement in Script::new(script, dialect) {
        match statement.and_then(|statement| lower(&statement, &FakeNames)) {
            Ok(lowered) => {
                run.statements += 1;
                run.operations.extend(lowered.operations);
                run.warnings.extend(lowered.warnings);
            }
            Err(error) => {
                run.error = Some(error);
                break;
            }
        }
    }
    run
}
