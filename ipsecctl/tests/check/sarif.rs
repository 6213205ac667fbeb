//! SARIF 2.1.0: the structure of the OASIS standard (sections 3.13 to 3.49), as far as it is used, and nothing
//! else.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{check, files};

/// An object with exactly these members, of which the first must be there.
fn object(required: &Value, optional: &Value) -> Value {
    let mut properties = required.as_object().unwrap().clone();
    let names: Vec<_> = properties.keys().cloned().collect();
    properties.extend(optional.as_object().unwrap().clone());
    json!({
        "type": "object", "properties": properties, "required": names, "additionalProperties": false
    })
}

fn schema() -> Value {
    let none = json!({});
    let text = json!({ "type": "string", "minLength": 1 });
    let number = json!({ "type": "integer", "minimum": 1 });
    let message = object(&json!({ "text": text }), &none);
    let rule =
        object(&json!({ "id": text }), &json!({ "fullDescription": message, "help": message }));
    let version = json!({ "type": "string", "pattern": r"^\d+\.\d+\.\d+$" });
    let rules = json!({ "type": "array", "items": rule, "uniqueItems": true });
    let driver =
        object(&json!({ "name": text, "semanticVersion": version, "rules": rules }), &none);
    let region = object(
        &json!({ "startLine": number, "startColumn": number, "endLine": number, "endColumn": number }),
        &none,
    );
    let uri = json!({ "type": "string", "pattern": "^([A-Za-z0-9._~/-]|%[0-9A-F]{2})+$" });
    let artifact = object(&json!({ "uri": uri }), &none);
    let physical = object(&json!({ "artifactLocation": artifact, "region": region }), &none);
    let logical = object(&json!({ "name": text }), &json!({ "fullyQualifiedName": text }));
    let location = json!({ "oneOf": [
        object(&json!({ "physicalLocation": physical }), &none),
        object(&json!({ "logicalLocations": { "type": "array", "items": logical, "minItems": 1 } }), &none),
    ] });
    let result = object(
        &json!({
            "ruleId": text,
            "ruleIndex": { "type": "integer", "minimum": 0 },
            "level": { "enum": ["error", "warning"] },
            "message": message,
            "locations": { "type": "array", "items": location, "minItems": 1, "maxItems": 1 },
        }),
        &none,
    );
    let run = object(
        &json!({
            "tool": object(&json!({ "driver": driver }), &none),
            "columnKind": { "const": "unicodeCodePoints" },
            "results": { "type": "array", "items": result },
        }),
        &none,
    );
    object(
        &json!({
            "$schema": { "const": "https://json.schemastore.org/sarif-2.1.0.json" },
            "version": { "const": "2.1.0" },
            "runs": { "type": "array", "items": run, "minItems": 1, "maxItems": 1 },
        }),
        &none,
    )
}

/// The log of scripts, which is valid.
fn log(paths: &[&str]) -> Value {
    let mut arguments = vec!["--format", "sarif"];
    arguments.extend(paths);
    let (status, out, err) = check(&arguments, None);
    assert_eq!((status, err.as_str()), (0, ""));
    let log: Value = serde_json::from_str(&out).unwrap();
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let errors = validator.iter_errors(&log);
    let errors: Vec<_> = errors.map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // A result names its rule by index, too.
    let run = &log["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
    }
    log
}

#[test]
fn the_logs_of_all_scripts_are_valid() {
    for folder in ["tests/check/planted", "../tests/corpus"] {
        for script in files(folder, "conf") {
            log(&[script.to_str().unwrap()]);
        }
    }
    let clean = files("tests/check/clean", "conf");
    let log = log(&[clean[0].to_str().unwrap()]);
    assert_eq!(log["runs"][0]["results"], json!([]));
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"], json!([]));
}

#[test]
fn a_place_is_in_characters_and_a_path_is_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b#é.conf");
    fs::write(&path, "# ä\nflush é;\n").unwrap();
    let log = log(&[path.to_str().unwrap()]);
    let physical = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
    let parent = Path::new(uri).parent().unwrap();
    assert_eq!((parent, uri.ends_with("/a%20b%23%C3%A9.conf")), (folder.path(), true));
    let region = json!({ "startLine": 2, "startColumn": 7, "endLine": 2, "endColumn": 8 });
    assert_eq!(physical["region"], region);
}
