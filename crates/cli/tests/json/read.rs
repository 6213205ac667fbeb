//! What was printed is read back as the same entries.

use cli::{
    Keys, PolicyJson, SaJson,
    json::{Document, ReadKeys, read_entries},
};
use model::{Action, PolicyEntry, SaEntry, SecCtx};

use super::samples::{fingerprints, full_policy, full_sa};

fn printed(sas: &[SaEntry], policies: &[PolicyEntry]) -> Vec<u8> {
    let sa = |entry| SaJson::new(entry, Keys::Shown, &fingerprints());
    let document = Document {
        sas: Some(sas.iter().map(sa).collect()),
        policies: Some(policies.iter().map(PolicyJson::new).collect()),
        ..Document::default()
    };
    serde_json::to_vec(&document).unwrap()
}

#[test]
fn all_that_entries_can_have_comes_back() {
    // JSON has a label without the NUL that SELinux adds.
    let trimmed =
        |context: Option<SecCtx>| context.map(|it| SecCtx { context: it.label().to_vec(), ..it });
    let mut sa = full_sa();
    sa.sa.sec_ctx = trimmed(sa.sa.sec_ctx);
    let mut policies = [full_policy(), full_policy()];
    policies[1].policy.action = Action::Discard;
    for entry in &mut policies {
        entry.policy.id.sec_ctx = trimmed(entry.policy.id.sec_ctx.take());
    }
    let read =
        read_entries(&printed(std::slice::from_ref(&sa), &policies), ReadKeys::Required).unwrap();
    assert_eq!(read.sas[0].sa, sa.sa);
    assert_eq!(read.sas[0].state, sa.state);
    for (read, entry) in read.policies.iter().zip(&policies) {
        assert_eq!(read.policy, entry.policy);
        assert_eq!((read.index, read.socket), (entry.index, entry.socket));
    }
    assert_eq!(read.policies.len(), 2);
}
