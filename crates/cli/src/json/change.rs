use model::{Current, Policy, PolicyEntry, Sa, SaEntry, SaState, table};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Fingerprints, Keys, PolicyJson, SaJson};

struct Row {
    word: &'static str,
}

table! {
    /// What a step of a plan does with an entry.
    pub enum ChangeKind: Row, "change" {
        /// It is added.
        Add => Row { word: "add" },
        /// It is changed in place.
        Update => Row { word: "update" },
        /// The SA is deleted and added again.
        Replace => Row { word: "replace" },
        /// The policy comes behind others of its priority.
        Move => Row { word: "move" },
        /// The policy requires an SA while that is replaced.
        Require => Row { word: "require" },
        /// It is deleted.
        Delete => Row { word: "delete" },
    }
}

impl Serialize for ChangeKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// A change of an SA or policy that files describe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub struct ChangeJson {
    /// `add`; `update`: in place; `replace`: the SA is deleted first; `move`: the policy comes behind others of its
    /// priority; `require`: the policy requires an SA while that is replaced; `delete`.
    #[schemars(with = "&'static str")]
    pub change: ChangeKind,
    /// The SA as it is to be, or the one that is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sa: Option<Box<SaJson>>,
    /// The policy as it is to be, or the one that is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<PolicyJson>>,
    /// What the kernel has otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<DifferenceJson>,
}

/// A member of an SA or policy that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Difference")]
pub struct DifferenceJson {
    /// The member, after those that it is in: `lifetimes.hard.bytes`, `templates[0].level`.
    pub member: String,
    /// Its value in the kernel, as JSON; not set if the kernel has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// Its value in the files, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
}

/// What the kernel has and no file describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Staying")]
pub struct StayingJson {
    /// The number of SAs that stay.
    pub sas: usize,
    /// The number of policies that stay.
    pub policies: usize,
}

/// What files describe and the filter of the command line does not select.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Unselected")]
pub struct UnselectedJson {
    /// The number of SAs.
    pub sas: usize,
    /// The number of policies, forward copies too.
    pub policies: usize,
}

impl ChangeJson {
    /// A change of an SA: what is installed and what is requested, of which one is there.
    #[must_use]
    pub fn of_sa(
        change: ChangeKind,
        installed: Option<&SaEntry>,
        requested: Option<&Sa>,
        fingerprints: &Fingerprints,
    ) -> Self {
        let json = |entry: &SaEntry| SaJson::new(entry, Keys::Hidden, fingerprints);
        let requested = requested.map(|sa| match installed {
            // What packets change is no difference.
            Some(entry) => {
                let replay_state = entry.sa.replay_state.clone();
                json(&SaEntry { sa: Sa { replay_state, ..sa.clone() }, ..entry.clone() })
            }
            None => json(&SaEntry::new(sa.clone(), SaState::Mature, Current::default())),
        });
        let installed = installed.map(json);
        let differences = differences_of(installed.as_ref(), requested.as_ref());
        Self { change, sa: requested.or(installed).map(Box::new), policy: None, differences }
    }

    /// A change of a policy, in the same way.
    #[must_use]
    pub fn of_policy(
        change: ChangeKind,
        installed: Option<&PolicyEntry>,
        requested: Option<&Policy>,
    ) -> Self {
        let requested = requested.map(|policy| match installed {
            Some(entry) => {
                PolicyJson::new(&PolicyEntry { policy: policy.clone(), ..entry.clone() })
            }
            None => PolicyJson::new(&PolicyEntry::requested(policy.clone())),
        });
        let installed = installed.map(PolicyJson::new);
        let differences = differences_of(installed.as_ref(), requested.as_ref());
        Self { change, sa: None, policy: requested.or(installed).map(Box::new), differences }
    }
}

pub(super) fn differences_of<T: Serialize>(
    installed: Option<&T>,
    requested: Option<&T>,
) -> Vec<DifferenceJson> {
    let mut differences = Vec::new();
    if let (Some(installed), Some(requested)) = (installed, requested) {
        // Only a map whose keys are no text would be an error.
        let value = |json: &T| serde_json::to_value(json).unwrap_or_default();
        compare("", &value(installed), &value(requested), &mut differences);
    }
    differences
}

fn compare(
    place: &str,
    installed: &Value,
    requested: &Value,
    differences: &mut Vec<DifferenceJson>,
) {
    match (installed, requested) {
        (Value::Object(old), Value::Object(new)) => {
            let dot = if place.is_empty() { "" } else { "." };
            let added = new.keys().filter(|name| !old.contains_key(*name));
            for name in old.keys().chain(added) {
                let member = |object: &serde_json::Map<String, Value>| {
                    object.get(name).cloned().unwrap_or_default()
                };
                compare(&format!("{place}{dot}{name}"), &member(old), &member(new), differences);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.iter().chain(new).any(Value::is_object) => {
            for index in 0..old.len().max(new.len()) {
                let member = |array: &[Value]| array.get(index).cloned().unwrap_or_default();
                compare(&format!("{place}[{index}]"), &member(old), &member(new), differences);
            }
        }
        (old, new) if old == new => {}
        (old, new) => {
            let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
            differences.push(DifferenceJson {
                member: place.to_owned(),
                installed: text(old),
                requested: text(new),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Algorithm, AlgorithmKind, Direction, Key, Keyed, Level, PolicyId,
        Prefix, Priority, Proto, Selector, Spi, Template, TemplateMode,
    };

    use super::*;

    fn texts(change: &ChangeJson) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or("-".into());
        let differences = change.differences.iter();
        differences
            .map(|it| format!("{} {} {}", it.member, text(&it.installed), text(&it.requested)))
            .collect()
    }

    #[test]
    fn a_key_differs_by_its_fingerprint() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let aes = Algorithm::by_name(AlgorithmKind::Crypt, "aes-cbc").unwrap();
        let sa = |byte| Sa {
            crypt: Some(Keyed::new(aes, Key::new(vec![byte; 16]))),
            ..Sa::bare(ends, Proto::Esp, Spi(0x1000))
        };
        let mut entry = SaEntry::new(sa(1), SaState::Dying, Current::default());
        entry.sa.replay_state.sent = 7;
        let fingerprints = Fingerprints::new(&[1; 32]);
        let change =
            ChangeJson::of_sa(ChangeKind::Replace, Some(&entry), Some(&sa(2)), &fingerprints);
        let of = |byte| fingerprints.of(&Key::new(vec![byte; 16])).unwrap();
        let expected = format!("encryption.key_fingerprint {:?} {:?}", of(1), of(2));
        assert_eq!(texts(&change), [expected]);
        assert!(
            ChangeJson::of_sa(ChangeKind::Add, None, Some(&sa(2)), &fingerprints)
                .differences
                .is_empty()
        );
    }

    #[test]
    fn members_are_named_with_those_that_they_are_in() {
        let host = Prefix::host([192, 0, 2, 1].into());
        let id = PolicyId::new(Selector::within(host), Direction::Out);
        let template = |level| Template::new(Proto::Esp, TemplateMode::Transport, level);
        let old = Policy::new(id.clone(), Action::Ipsec(vec![template(Level::Use)]));
        let templates = vec![template(Level::Require), template(Level::Use)];
        let mut new = Policy::new(id, Action::Ipsec(templates));
        new.priority = Priority(7);
        let change = ChangeJson::of_policy(ChangeKind::Add, None, Some(&old));
        let index = change.policy.unwrap().index;
        let installed = PolicyEntry {
            policy: old,
            installation: model::Installation::default(),
            index,
            socket: false,
            current: Current::default(),
        };
        let change = ChangeJson::of_policy(ChangeKind::Update, Some(&installed), Some(&new));
        assert_eq!(
            texts(&change),
            [
                "priority 2147483648 7",
                "templates[0].level \"use\" \"require\"",
                "templates[1] - {\"protocol\":\"esp\",\"mode\":\"transport\",\"level\":\"use\"}",
            ]
        );
    }
}
