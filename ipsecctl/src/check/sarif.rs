//! SARIF 2.1.0 (OASIS), which CI systems show beside a change.

use std::io::{self, Write};

use cli::json::FindingJson;
use serde::Serialize;

use super::{code::Code, entry::PlacedFinding};

/// The schema that [`Log`] follows.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A `sarifLog`.
#[derive(Debug, Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Result<'a>>,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

/// A `reportingDescriptor`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Message<'static>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Message<'static>>,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    text: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Result<'a> {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message<'a>,
    locations: [Location<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_location: Option<PhysicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logical_locations: Option<[LogicalLocation<'a>; 1]>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Debug, Serialize)]
struct ArtifactLocation {
    uri: String,
}

/// A part of a script, in lines and characters from 1.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// An entry of the kernel's tables.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fully_qualified_name: Option<&'a str>,
}

/// Prints findings as a log.
pub fn write(findings: &[PlacedFinding], mut out: impl Write) -> io::Result<()> {
    let mut ids: Vec<_> = findings.iter().map(|finding| finding.json.code).collect();
    ids.sort_unstable();
    ids.dedup();
    let results = findings.iter().map(|finding| result(finding, &ids)).collect();
    let driver = Driver {
        name: "ipsecctl",
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: ids.iter().map(|id| rule(id)).collect(),
    };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    serde_json::to_writer_pretty(&mut out, &Log { schema: SCHEMA, version: "2.1.0", runs: [run] })?;
    out.write_all(b"\n")
}

fn rule(id: &'static str) -> Rule {
    let own = id.parse::<Code>().ok();
    Rule {
        id,
        full_description: own.map(|code| Message { text: code.why() }),
        help: own.map(|code| Message { text: code.help() }),
    }
}

fn result<'a>(finding: &'a PlacedFinding, ids: &[&'static str]) -> Result<'a> {
    let FindingJson { code, severity, message, file, statement, .. } = &finding.json;
    let location = match statement {
        Some(statement) => Location {
            physical_location: None,
            logical_locations: Some([LogicalLocation {
                name: file,
                fully_qualified_name: (!statement.is_empty()).then_some(statement),
            }]),
        },
        None => Location {
            physical_location: Some(PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri(file) },
                region: region(finding),
            }),
            logical_locations: None,
        },
    };
    Result {
        rule_id: code,
        rule_index: ids.partition_point(|id| id < code),
        level: severity,
        message: Message { text: message },
        locations: [location],
    }
}

/// A path as the reference of RFC 3986: all but unreserved characters and `/` are escaped.
fn uri(path: &str) -> String {
    let escaped = path.bytes().map(|byte| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}

/// The place in characters: a column of a finding is in bytes.
fn region(finding: &PlacedFinding) -> Region {
    let FindingJson { line, column, end, .. } = &finding.json;
    let (text, span) = (&finding.excerpt.text, finding.excerpt.span);
    // Bytes that are no characters of their own, in the last line before a place.
    let surplus = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        at - start - text[start..at].chars().count()
    };
    Region {
        start_line: *line,
        start_column: column.saturating_sub(surplus(span.start)).max(1),
        end_line: end.line,
        end_column: end.column.saturating_sub(surplus(span.end)).max(1),
    }
}
