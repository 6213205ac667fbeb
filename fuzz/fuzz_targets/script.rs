//! Any bytes as a script, in every dialect: read or refused, never a panic. A tree that was read
//! prints as text that reads as the same tree, and so does what it means.

#![no_main]

use grammar::{Script, Statement, lower};
use libfuzzer_sys::fuzz_target;
use model::Dialect;
use xfrm_tools_fuzz::{Offline, write_back};

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

fn describe(error: &grammar::Error) {
    let excerpt = error.excerpt();
    assert!(excerpt.text.get(excerpt.span.start..excerpt.span.end).is_some());
    let _ = (error.original(), error.expected(), error.help(), error.detail(), error.to_string());
}
