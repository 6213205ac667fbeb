//! What a newer schema of the same version may change: members are added, and nothing else.

use serde_json::{Value, json};

/// The places where `new` does not accept, or does not promise, what `old` did.
pub fn broken_promises(old: &Value, new: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    objects("", old, new, &mut broken);
    for (name, old) in old["$defs"].as_object().into_iter().flatten() {
        match new["$defs"].get(name) {
            Some(new) => objects(name, old, new, &mut broken),
            None => broken.push(format!("{name}: removed")),
        }
    }
    broken
}

fn objects(place: &str, old: &Value, new: &Value, broken: &mut Vec<String>) {
    for (name, old) in old["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        match new["properties"].get(name) {
            None => broken.push(format!("{place}: removed")),
            Some(new) if shape(old) != shape(new) => {
                broken.push(format!("{place}: {} became {}", shape(old), shape(new)));
            }
            Some(_) => {}
        }
    }
    let names = |schema: &Value| schema["required"].as_array().cloned().unwrap_or_default();
    for name in names(old).iter().filter(|name| !names(new).contains(name)) {
        broken.push(format!("{place}.{name}: no longer always there"));
    }
    for choice in ["anyOf", "oneOf"] {
        for (number, old) in old[choice].as_array().into_iter().flatten().enumerate() {
            objects(&format!("{place}/{choice}/{number}"), old, &new[choice][number], broken);
        }
    }
}

/// A member's schema without its description.
fn shape(member: &Value) -> Value {
    match member {
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "description");
            members.map(|(name, value)| (name.clone(), shape(value))).collect()
        }
        Value::Array(members) => members.iter().map(shape).collect(),
        other => other.clone(),
    }
}

#[test]
fn only_new_members_are_compatible() {
    let old = json!({
        "properties": {"sas": {"type": "array", "items": {"$ref": "#/$defs/Sa"}}},
        "$defs": {"Sa": {
            "properties": {"spi": {"type": "integer", "description": "x"}, "esn": {"type": "boolean"}},
            "required": ["spi"],
        }},
    });
    assert!(broken_promises(&old, &old).is_empty());
    let change = |change: &dyn Fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        broken_promises(&old, &new)
    };
    let sa = |new: &mut Value, name: &str, member: Value| {
        new["$defs"]["Sa"]["properties"][name] = member;
    };
    assert!(change(&|new| sa(new, "new", json!({"type": "string"}))).is_empty());
    let described = json!({"type": "integer", "description": "y"});
    assert!(change(&|new| sa(new, "spi", described.clone())).is_empty());
    assert_eq!(
        change(&|new| sa(new, "spi", json!({"type": "string"}))),
        [r#"Sa.spi: {"type":"integer"} became {"type":"string"}"#]
    );
    assert_eq!(
        change(&|new| new["$defs"]["Sa"]["properties"] = json!({"spi": {"type": "integer"}})),
        ["Sa.esn: removed"]
    );
    assert_eq!(
        change(&|new| new["$defs"]["Sa"]["required"] = json!([])),
        [r#"Sa."spi": no longer always there"#]
    );
    assert_eq!(change(&|new| new["$defs"] = json!({})), ["Sa: removed"]);
}
