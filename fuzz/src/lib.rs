//! What several targets check.

use std::net::IpAddr;

use grammar::{Script, Written, lower, script_of_policy, script_of_sa};
use model::{
    Dialect, Names, Operation,
    names::{LookUp, NotFound, Transport},
};

/// Numeric addresses, and one for every other name: nothing is asked outside.
pub struct Offline;

impl Names for Offline {
    fn addresses(&self, host: &str, look_up: LookUp) -> Result<Vec<IpAddr>, NotFound> {
        match host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) if look_up.numeric => Err(NotFound("Name or service not known".into())),
            Err(_) => Ok(vec![[192, 0, 2, 1].into()]),
        }
    }

    fn service(&self, _: &str, _: Transport) -> Result<u16, NotFound> {
        Err(NotFound("Servname not supported for ai_socktype".into()))
    }

    fn is_local(&self, _: IpAddr) -> bool {
        false
    }
}

/// An SA or a policy is written in the language as it is, or the rest is named.
pub fn write_back(operation: &Operation) {
    let Written { text, lost, .. } = match operation {
        Operation::AddSa(sa) => script_of_sa(sa),
        Operation::AddPolicy(policy) => script_of_policy(policy),
        _ => return,
    };
    if !lost.is_empty() {
        return;
    }
    let mut expected = operation.clone();
    if let Operation::AddSa(sa) = &mut expected {
        // A statement has the installed mode, and answers no ACQUIRE.
        sa.mode = sa.mode.installed().into();
        sa.seq = Default::default();
    }
    let again = Script::new(text.as_bytes(), Dialect::Linux).next();
    let again = again.and_then(Result::ok).and_then(|again| lower(&again, &Offline).ok());
    let again = again.and_then(|mut lowered| lowered.operations.pop());
    assert_eq!(again.as_ref(), Some(&Ok(expected)), "{}", *text);
}
