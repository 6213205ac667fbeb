//! Any text as what `ip xfrm` prints: read or refused, never a panic. What was read is a statement or a comment.

#![no_main]

use iproute2::text::{EntryOfText, MOST, entries};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    for entry in entries(text) {
        match entry {
            Ok(placed) => match placed.entry {
                EntryOfText::Sa(entry) => {
                    let _ = grammar::script_of_sa(&entry.sa);
                    let _ = iproute2::batch::sa(&entry.sa);
                }
                EntryOfText::Policy(entry) => {
                    let _ = grammar::script_of_policy(&entry.policy);
                    let _ = iproute2::batch::policy(&entry.policy, entry.installation);
                }
                EntryOfText::SocketPolicy | EntryOfText::OfLinux => {}
            },
            Err(error) => {
                assert!(error.line >= 1 && error.column >= 1 && error.to_string().len() < 4 * MOST);
            }
        }
    }
});
