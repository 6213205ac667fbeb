//! Any bytes as a script, in every dialect: read or refused, never a panic, and a tree that was read
//! prints as text that reads as the same tree.

#![no_main]

use std::net::IpAddr;

use grammar::{Script, Statement, lower, script_of_policy, script_of_sa};
use model::{
    Dialect, Names, Operation,
    names::{LookUp, NotFound},
};
use libfuzzer_sys::fuzz_target;

/// Numeric addresses, and one for every other name: nothing is asked outside.
struct Offline;

impl Names for Offline {
    fn addresses(&self, host: &str, look_up: LookUp) -> Result<Vec<IpAddr>, NotFound> {
        match host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) if look_up.numeric => Err(NotFound("Name or service not known".into())),
            Err(_) => Ok(vec![[192, 0, 2, 1].into()]),
        }
    }

    fn service(&self, _: &str) -> Result<u16, NotFound> {
        Err(NotFound("Servname not supported for ai_socktype".into()))
    }
}

fuzz_target!(|bytes: &[u8]| {
    for &dialect in Dialect::ALL {
        for statement in Script::new(bytes, dialect) {
            match statement {
                Ok(statement) => read(&statement),
                Err(error) => describe(&error),
            }
        }
    }
});

fn read(statement: &Statement) {
    let dialect = statement.source.dialect();
    let text = statement.to_string();
    // A label or tag that is no text prints as something else.
    if !text.contains(char::REPLACEMENT_CHARACTER) {
        let again = Script::new(text.as_bytes(), dialect).next();
        let again = again.and_then(Result::ok).map(|statement| statement.command);
        assert_eq!(again.as_ref(), Some(&statement.command), "{text}");
    }
    match lower(statement, &Offline) {
        Ok(lowered) => lowered.operations.into_iter().flatten().for_each(|done| write_back(&done)),
        Err(error) => describe(&error),
    }
}

/// What a script has said can be written in the language, and reads as the same.
fn write_back(operation: &Operation) {
    let written = match operation {
        Operation::AddSa(sa) => script_of_sa(sa),
        Operation::AddPolicy(policy) => script_of_policy(policy),
        _ => return,
    };
    if !written.lost.is_empty() {
        return;
    }
    let mut expected = operation.clone();
    if let Operation::AddSa(sa) = &mut expected {
        // A statement has the installed mode.
        sa.mode = sa.mode.installed().into();
    }
    let again = Script::new(written.text.as_bytes(), Dialect::Linux).next();
    let again = again.and_then(Result::ok).and_then(|again| lower(&again, &Offline).ok());
    let again = again.and_then(|mut lowered| lowered.operations.pop());
    assert_eq!(again.as_ref(), Some(&Ok(expected)), "{}", *written.text);
}

fn describe(error: &grammar::Error) {
    let excerpt = error.excerpt();
    assert!(excerpt.text.get(excerpt.span.start..excerpt.span.end).is_some());
    let _ = (error.original(), error.expected(), error.help(), error.detail(), error.to_string());
}
