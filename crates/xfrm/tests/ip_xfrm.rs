//! Messages of the newest ip(8), most of which no test kernel takes: each is read as the statement that has its meaning,
//! and the statement is written as the same message.
#![expect(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::{fs, path::Path};

use grammar::{Script, Written, lower, script_of_policy, script_of_sa};
use model::{Dialect, Installation, Operation};
use sys::SystemNames;
use xfrm::{Change, Devices, InstalledPolicy, bytes};

/// `struct xfrm_usersa_info` and `struct xfrm_userpolicy_info`, in bytes.
const SA: usize = 224;
const POLICY: usize = 168;

/// Where the family of a selector is (little endian), and that of an SA.
const SELECTOR_FAMILY: usize = 40;
const SA_FAMILY: usize = 212;
/// Where a policy's index and direction are.
const POLICY_INDEX: usize = 156;
const POLICY_DIRECTION: usize = 160;
/// Where the flags of an SA are, and among them `XFRM_STATE_AF_UNSPEC`.
const SA_FLAGS: usize = 216;
const AF_UNSPEC: u8 = 32;

/// The number of `XFRMA_REPLAY_ESN_VAL`, and where the bitmap begins behind it: the kernel has zeros for one that is left out
/// (`xfrm_alloc_replay_state_esn`).
const REPLAY_ESN: [u8; 2] = [23, 0];
const BITMAP: usize = 26;

/// A command of `ip` and its message.
struct Case {
    command: String,
    message: Vec<u8>,
}

#[test]
fn each_message_is_a_statement_and_the_statement_that_message() {
    let devices = Devices::of_any_socket().unwrap();
    let cases = cases();
    let statements = file("statements");
    let expected: Vec<&str> = statements.lines().collect();
    assert_eq!(cases.len(), expected.len());
    for (Case { command, message }, expected) in cases.iter().zip(expected) {
        let (Written { text, lost, .. }, size) = if command.contains(" state ") {
            (script_of_sa(&bytes::read_sa(message, &devices).unwrap().sa), SA)
        } else {
            let entry = bytes::read_policy(&numbered(message), &devices).unwrap().unwrap();
            (script_of_policy(&entry.policy), POLICY)
        };
        if !lost.is_empty() {
            assert_eq!(format!("# without: {}", lost.join(", ")), expected, "{command}");
            continue;
        }
        assert_eq!(text.as_str(), expected, "{command}");
        assert_eq!(parts(&written(&text, &devices), size), parts(message, size), "{command}");
    }
}

/// A policy's message with an index, from which the direction is read: the kernel chooses one.
fn numbered(message: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    message[POLICY_INDEX] = 8 | message[POLICY_DIRECTION];
    message
}

/// The message of a statement.
fn written(statement: &str, devices: &Devices) -> Vec<u8> {
    let statement = Script::new(statement.as_bytes(), Dialect::Linux).next().unwrap().unwrap();
    let operation = lower(&statement, &SystemNames).unwrap().operations.pop().unwrap().unwrap();
    match &operation {
        Operation::AddSa(sa) => bytes::of(&Change::AddSa(sa), devices),
        Operation::AddPolicy(policy) => {
            let installation = Installation::plain(policy);
            let installed = InstalledPolicy { policy, installation, index: 0 };
            bytes::of(&Change::AddPolicy(installed), devices)
        }
        other => panic!("{other:?}"),
    }
    .unwrap()
}

/// The fixed structure, and the attributes in the order of their bytes: theirs has no meaning.
fn parts(message: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (fixed, mut rest) = message.split_at(size);
    let mut attributes = Vec::new();
    while rest.len() >= 4 {
        let length = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
        let mut attribute = rest[2..length].to_vec();
        if attribute[..2] == REPLAY_ESN && attribute[BITMAP..].iter().all(|byte| *byte == 0) {
            attribute.truncate(BITMAP);
        }
        attributes.push(attribute);
        rest = &rest[length.next_multiple_of(4).min(rest.len())..];
    }
    attributes.sort();
    attributes.insert(0, fixed.to_vec());
    attributes
}

/// What `capture` has written. `ip` leaves out the family of an SA's selector, which the kernel fills in
/// (`copy_from_user_state`, net/xfrm/xfrm_user.c).
fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in file("messages").lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with("ip ") {
            cases.push(Case { command: line.to_owned(), message: Vec::new() });
        } else {
            let digits = line.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
            let bytes = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap());
            cases.last_mut().unwrap().message.extend(bytes);
        }
    }
    for Case { command, message } in &mut cases {
        let is_sa = command.contains(" state ");
        if is_sa && message[SELECTOR_FAMILY] == 0 && message[SA_FLAGS] & AF_UNSPEC == 0 {
            message[SELECTOR_FAMILY] = message[SA_FAMILY];
        }
    }
    cases
}

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ip_xfrm");
    fs::read_to_string(folder.join(name)).unwrap()
}
