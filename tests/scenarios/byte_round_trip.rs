//! SAs and policies that no test kernel takes (IP-TFS, offload, security contexts, and what it refuses for other reasons), as
//! bytes: the statement that is made of each makes the same bytes, or the loss is named.

use std::collections::BTreeMap;

use cli::script::{PolicyScript, SaScript, SequenceNumbers};
use engine::GivenFlags;
use grammar::{Script, lower};
use model::{Dialect, Installation, Operation, Variables};
use scenarios::raw_xfrm::{Entry, Generator, Kind, seeds};
use sys::SystemNames;
use xfrm::{Change, Devices, InstalledPolicy, bytes};

/// Of `enum xfrm_attr_type_t`.
const XFRMA_MARK: u16 = 21;

#[test]
fn bytes_become_a_statement_and_the_statement_bytes() {
    let devices = Devices::of_any_socket().expect("a socket");
    let (mut equal, mut named) = (0, BTreeMap::<String, usize>::new());
    let mut attributes = BTreeMap::<&str, usize>::new();
    for seed in seeds(3000, 300) {
        let mut generator = Generator::new(seed);
        for entry in [generator.sa(), generator.policy(), generator.sa(), generator.policy()] {
            let entry = as_dumped(entry);
            match written_again(&entry, &devices) {
                Ok(again) => {
                    let mut differences = entry.differences(&again);
                    if entry.kind == Kind::Policy && entry.get("dir") == [1] {
                        // Of an outbound tunnel the SAs decide that are there.
                        differences.remove("TMPL.optional");
                    }
                    assert!(differences.is_empty(), "seed {seed}: {differences:?}\n{entry:?}");
                    equal += 1;
                    for name in ["IPTFS_DROP_TIME", "OFFLOAD_DEV", "SEC_CTX", "COADDR", "SA_PCPU"] {
                        *attributes.entry(name).or_default() +=
                            usize::from(entry.attribute(name).is_some());
                    }
                }
                Err(lost) => *named.entry(lost).or_default() += 1,
            }
        }
    }
    println!("{equal} entries equal, among them {attributes:?}");
    for (lost, count) in named {
        println!("named {count} times: {lost}");
    }
    assert!(attributes.values().all(|count| *count > 0));
}

/// What the statement of an entry makes, or what it lacks.
fn written_again(entry: &Entry, devices: &Devices) -> Result<Entry, String> {
    let text = statement(entry, devices)?;
    let statement = Script::new(text.as_bytes(), Dialect::Linux).next().expect("a statement");
    let statement = statement.unwrap_or_else(|error| panic!("{error:?}: {text}"));
    let operation = lower(&statement, &SystemNames).expect("a meaning").operations.pop();
    let mut operation = operation.expect("an operation").expect("a valid one");
    if let Operation::WithoutForwardCopy(policy) = operation {
        operation = *policy;
    }
    let written = match operation {
        Operation::AddSa(sa) => bytes::of(&Change::AddSa(&sa), devices),
        Operation::AddPolicy(policy) => {
            let variables = Variables::default();
            let installation =
                Installation::whole(&policy, |template| variables.is_optional(&policy, template));
            let index = u32::from_ne_bytes(entry.get("index").try_into().expect("four bytes"));
            let policy = InstalledPolicy { policy: &policy, installation, index };
            bytes::of(&Change::AddPolicy(policy), devices)
        }
        other => panic!("{other:?}: {text}"),
    };
    let written = written.unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
    Ok(without_order(Entry::read(entry.kind, &written)))
}

/// The statement of an entry, or what it lacks.
fn statement(entry: &Entry, devices: &Devices) -> Result<String, String> {
    let object = entry.bytes();
    let mut out = Vec::new();
    match entry.kind {
        Kind::Sa => {
            let read = bytes::read_sa(&object, devices).map_err(|error| error.to_string())?;
            let (numbers, given) = (SequenceNumbers::Written, GivenFlags::default());
            let script = SaScript { dialect: Dialect::Linux, counters: numbers, given };
            script.write(&mut out, &read).expect("memory");
        }
        Kind::Policy => {
            let read = bytes::read_policy(&object, devices).map_err(|error| error.to_string())?;
            let read = read.expect("no catch-all");
            let variables = Variables::default();
            let script = PolicyScript::new(Dialect::Linux, variables, std::iter::once(&read));
            script.write(&mut out, &read).expect("memory");
        }
    }
    let text = String::from_utf8(out).expect("UTF-8");
    match text.lines().find_map(|line| line.strip_prefix("# without: ")) {
        Some(lost) => Err(lost.to_owned()),
        None => Ok(text.lines().filter(|line| !line.starts_with('#')).collect()),
    }
}

/// With what the kernel adds (the family of an SA's selector, the index of a policy), and without a mark of zeros, which it
/// does not show.
fn as_dumped(mut entry: Entry) -> Entry {
    match entry.kind {
        Kind::Sa => {
            let family = entry.get("family").to_vec();
            let is_unspecified = entry.get("sel.family") == [0; 2];
            if is_unspecified && entry.get("flags")[0] & 32 == 0 {
                entry.set("sel.family", &family);
            }
        }
        Kind::Policy => {
            let index = [8 | entry.get("dir")[0], 0, 0, 0];
            entry.set("index", &index);
            // Not in a dump: the kernel does not keep it.
            entry.set("share", &[0]);
        }
    }
    entry
        .attributes
        .retain(|(number, value)| *number != XFRMA_MARK || value.iter().any(|byte| *byte != 0));
    without_order(entry)
}

/// With sorted attributes, and without a bitmap of zeros, which the kernel supplies.
fn without_order(mut entry: Entry) -> Entry {
    const REPLAY_ESN_VAL: u16 = 23;
    const BITMAP: usize = 24;
    for (number, value) in &mut entry.attributes {
        if *number == REPLAY_ESN_VAL && value[BITMAP..].iter().all(|byte| *byte == 0) {
            value.truncate(BITMAP);
        }
    }
    entry.attributes.sort();
    entry
}
