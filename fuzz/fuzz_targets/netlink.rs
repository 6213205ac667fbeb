//! Any bytes as a datagram of the kernel's XFRM: read or refused, never a panic. What was read can be
//! printed in every form, and written as a script.

#![no_main]

use cli::{Keys, PolicyJson, SaJson, json::Fingerprints};
use libfuzzer_sys::fuzz_target;
use model::Operation;
use pfkey::{
    Kdebug,
    dump::{Frame, PolicyText, SaText},
    event,
};
use xfrm_tools_fuzz::write_back;

fuzz_target!(|bytes: &[u8]| {
    let read = xfrm::fuzzing::datagram(bytes);
    for event in &read.events {
        if let Ok(Some(message)) = event::message(event) {
            let _ = (message.encode(), Kdebug::of(&message).to_string());
        }
    }
    let (frame, fingerprints) = (Frame::default(), Fingerprints::new(&[7; 32]));
    for entry in read.sas {
        let _ = (SaText::of_entry(&entry, &frame).to_string(), format!("{entry:?}"));
        let _ = serde_json::to_string(&SaJson::new(&entry, Keys::Shown, &fingerprints));
        write_back(&Operation::AddSa(Box::new(entry.sa)));
    }
    for entry in read.policies {
        let _ = (PolicyText::of_entry(&entry, &frame).to_string(), format!("{entry:?}"));
        let _ = serde_json::to_string(&PolicyJson::new(&entry));
        write_back(&Operation::AddPolicy(Box::new(entry.policy)));
    }
});
