//! The schema is that of the types, and outputs that are kept stay valid.

use std::collections::BTreeSet;

use cli::json::SCHEMA_VERSION;
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::{compatible::broken_promises, kept, manual, samples::full_document};

fn schema() -> Value {
    cli::json::schema().to_value()
}

/// A schema that accepts no member that it does not name.
fn strict(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                members.insert("additionalProperties".into(), json!(false));
            }
            members.values_mut().for_each(|member| *member = strict(member.take()));
        }
        Value::Array(members) => members.iter_mut().for_each(|one| *one = strict(one.take())),
        _ => {}
    }
    schema
}

fn validator(schema: Value) -> Validator {
    jsonschema::draft202012::new(&strict(schema)).unwrap()
}

fn assert_valid(validator: &Validator, name: &str, output: &Value) {
    let errors = validator.iter_errors(output);
    let errors =
        errors.map(|error| format!("{}: {error}", error.instance_path)).collect::<Vec<_>>();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

/// `make schema` writes both.
#[test]
fn the_schema_and_its_manual_page_are_those_of_the_types() {
    let path = kept::schema_file(SCHEMA_VERSION);
    let schema = schema();
    if kept::is_updated() && path.exists() {
        let broken = broken_promises(&kept::read(&path), &schema);
        assert!(broken.is_empty(), "this needs a new SCHEMA_VERSION: {broken:#?}");
    }
    kept::compare(&path, &format!("{schema:#}\n"));
    kept::compare(&kept::manual_file(), &manual::page(&schema));
}

#[test]
fn outputs_of_every_version_stay_valid() {
    if kept::is_updated() {
        // The schema is being written.
        return;
    }
    for version in 1..=SCHEMA_VERSION {
        let validator = validator(kept::read(&kept::schema_file(version)));
        let outputs = kept::outputs(version);
        assert!(!outputs.is_empty());
        for (file, output) in outputs {
            assert_valid(&validator, &file.display().to_string(), &output);
        }
    }
}

/// Members that no output has, as `Sa.spi`.
fn missing_members(schema: &Value, outputs: &[Value]) -> BTreeSet<String> {
    let mut missing = members(schema);
    for output in outputs {
        visit(schema, schema, "", output, &mut |member| {
            missing.remove(member);
        });
    }
    missing
}

fn members(schema: &Value) -> BTreeSet<String> {
    let definitions = schema["$defs"].as_object().into_iter().flatten();
    let all = definitions.map(|(name, schema)| (name.as_str(), schema)).chain([("", schema)]);
    let names = |(place, schema): (&str, &Value)| {
        let own = schema["properties"].as_object().cloned().unwrap_or_default();
        own.into_iter().map(|(name, _)| format!("{place}.{name}")).collect::<Vec<_>>()
    };
    all.flat_map(names).collect()
}

/// Calls `seen` with every member that `output` has.
fn visit(root: &Value, schema: &Value, place: &str, output: &Value, seen: &mut impl FnMut(&str)) {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return visit(root, &root["$defs"][name], name, output, seen);
    }
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        visit(root, choice, place, output, seen);
    }
    for one in output.as_array().into_iter().flatten() {
        visit(root, &schema["items"], place, one, seen);
    }
    for (name, value) in output.as_object().into_iter().flatten() {
        if let Some(member) = schema["properties"].get(name) {
            seen(&format!("{place}.{name}"));
            visit(root, member, place, value, seen);
        }
    }
}

/// A member that no kept output has could be removed without a failure of the test above.
#[test]
fn every_member_is_in_an_output_that_is_kept() {
    let schema = schema();
    let current = serde_json::to_value(full_document()).unwrap();
    assert_valid(&validator(schema.clone()), "the samples", &current);
    let unset = missing_members(&schema, std::slice::from_ref(&current));
    assert!(unset.is_empty(), "set in tests/json/samples.rs: {unset:?}");
    let outputs = kept::outputs(SCHEMA_VERSION).into_iter().map(|(_, output)| output);
    let missing = missing_members(&schema, &outputs.collect::<Vec<_>>());
    if kept::is_updated() && !missing.is_empty() {
        return kept::add_output(&current);
    }
    assert!(missing.is_empty(), "in no kept output: {missing:?}; run `make schema`");
}
