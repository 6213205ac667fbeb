//! xfrm-tools-json(5), from the schema.

use std::fmt::Write;

use cli::json::SCHEMA_VERSION;
use serde_json::Value;

const HEAD: &str = r#".\" Made from the types of crates/cli/src/json/ by `make schema`.
.Dd November 29, 2026
.Dt XFRM-TOOLS-JSON 5
.Os
.Sh NAME
.Nm xfrm-tools-json
.Nd output of the commands of xfrm-tools as JSON
.Sh DESCRIPTION
.Xr setkey 8 ,
.Xr ipsecctl 8
and
.Xr sysctl-shim 8
print an object with the option
.Fl -json .
It has the member
.Va schema_version
and those for what was requested.
.Pp
Members marked with an asterisk are omitted if they are not set.
They are never null.
Within a version of the schema members may be added; none is removed, and none changes its type or meaning.
Times are in seconds since 1970.
Numbers may have up to 64 bits.
"#;

const FOOT: &str = r".Sh FILES
.Bl -tag -width Ds
.It Pa /usr/share/xfrm-tools/json/schema-VERSION.json
The JSON Schema (draft 2020-12) of the output.
The directory has those of all versions.
.El
.Sh EXAMPLES
The SPIs of SAs that a soft limit has passed:
.Pp
.Dl # setkey -D --json | jq '.sas[] | select(.state == \(dqdying\(dq).spi'
.Sh SEE ALSO
.Xr ipsec 4 ,
.Xr ipsecctl 8 ,
.Xr setkey 8 ,
.Xr sysctl-shim 8
";

/// The page.
pub fn page(schema: &Value) -> String {
    let mut page = HEAD.to_owned();
    object(&mut page, "The document", schema);
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        object(&mut page, name, definition);
    }
    page + &FOOT.replace("VERSION", &SCHEMA_VERSION.to_string())
}

fn object(page: &mut String, name: &str, schema: &Value) {
    writeln!(page, ".Ss {name}").unwrap();
    prose(page, description(schema));
    if let Some(choices) = schema["anyOf"].as_array() {
        for (number, choice) in choices.iter().enumerate() {
            page.push_str(if number == 0 { ".Pp\nOne of these:\n" } else { ".Pp\nOr:\n" });
            prose(page, description(choice));
            writeln!(page, "({}).", kind(choice)).unwrap();
            members(page, choice);
        }
        return;
    }
    members(page, schema);
}

fn members(page: &mut String, schema: &Value) {
    let Some(members) = schema["properties"].as_object() else { return };
    let always = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name))
    };
    page.push_str(".Bl -tag -width Ds\n");
    for (name, member) in members {
        let star = if always(name) { "" } else { " No *" };
        writeln!(page, ".It Va {name}{star} No ({})", kind(member)).unwrap();
        prose(page, description(member));
    }
    page.push_str(".El\n");
}

fn description(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// The type of a member, in words.
fn kind(member: &Value) -> String {
    if let Some(constant) = member.get("const") {
        return constant.to_string();
    }
    if let Some(name) = member["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(choices) = member["anyOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match &member["type"] {
        Value::String(name) if name == "array" => format!("array of {}", kind(&member["items"])),
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
        }
        other => panic!("no type in {member}: {other}"),
    }
}

/// A description: a sentence to a line, and what is between backticks as `.Cm` or `.Xr`.
fn prose(page: &mut String, text: &str) {
    let text = text.replace('\n', " ");
    let (mut after_word, mut opening) = (false, "");
    for (number, part) in text.split('`').enumerate() {
        if number % 2 == 1 {
            writeln!(page, ".Cm {opening}{}", part.replace('\\', "\\e")).unwrap();
            (after_word, opening) = (true, "");
            continue;
        }
        let mut rest = part;
        if after_word {
            let end = rest.find(|c: char| !".,;:)".contains(c)).unwrap_or(rest.len());
            let marks = rest[..end].chars().flat_map(|mark| [' ', mark]).collect::<String>();
            if !marks.is_empty() {
                page.truncate(page.trim_end_matches('\n').len());
                writeln!(page, "{marks}").unwrap();
            }
            rest = &rest[end..];
        }
        if let Some(before) = rest.strip_suffix('(') {
            (rest, opening) = (before, "( ");
        }
        let rest = rest.trim().replace(". ", ".\n");
        if !rest.is_empty() {
            writeln!(page, "{}", rest.replace('\\', "\\e")).unwrap();
        }
    }
}
