use std::{
    borrow::Cow,
    io::{self, Write},
};

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema,
    transform::transform_subschemas,
};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{
    AnyVariableJson, AppliedJson, ChangeJson, ClientJson, ConditionJson, CounterJson,
    DefaultPolicyJson, DiagnosisJson, DropJson, EventJson, ExplanationJson, FindingJson,
    KernelJson, MovedJson, PolicyJson, RatesJson, SaJson, SocketsJson, StayingJson, SummaryJson,
    TransferJson, UnselectedJson,
};

/// The version of the schema. A member that is removed, or whose type or meaning changes, needs the
/// next one; a new member does not.
pub const SCHEMA_VERSION: u32 = 1;

/// What a command prints with `--json`: what was asked for, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[schemars(title = "xfrm-tools")]
pub struct Document {
    /// A reader rejects a version that it does not know, and ignores members that it does not know.
    pub schema_version: SchemaVersion,
    /// Names the secret of the fingerprints of keys. Those of two outputs can be compared if it is the
    /// same: the secret lives as long as the network namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint_scope: Option<String>,
    /// What there is, in numbers: `ipsecctl` without a subcommand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<SummaryJson>,
    /// An event: `ipsecctl monitor --json`, a document a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<EventJson>>,
    /// Packets that were dropped: `ipsecctl trace --json`, a document a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Box<DropJson>>,
    /// The SPD: `setkey -DP`, and `ipsecctl show policies`, which has them in the order of look-up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<PolicyJson>>,
    /// The SAD: `setkey -D`, and `ipsecctl show sas`, which has them oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sas: Option<Vec<SaJson>>,
    /// What happens to packets that no policy matches: `ipsecctl show default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_policies: Option<Vec<DefaultPolicyJson>>,
    /// Variables: `ipsecctl show variables` and `sysctl-shim`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Vec<AnyVariableJson>>,
    /// The size of the kernel's tables: `ipsecctl show kernel`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<KernelJson>,
    /// Clients of the PF_KEY service, in the order of their connections: `ipsecctl show clients`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clients: Option<Vec<ClientJson>>,
    /// Sockets with policies of their own: `ipsecctl socket list`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<SocketsJson>,
    /// Packets that XFRM has dropped, in the kernel's order: `ipsecctl counters`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counters: Option<Vec<CounterJson>>,
    /// What IPsec needs of the host: `ipsecctl doctor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<ConditionJson>>,
    /// What SAs and policies do: `ipsecctl top`, a document a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<RatesJson>,
    /// What becomes of a packet: `ipsecctl explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<ExplanationJson>,
    /// Why packets do not pass: `ipsecctl diagnose`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<DiagnosisJson>,
    /// The fingerprints of the keys of standard input: `ipsecctl key-fingerprint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_fingerprints: Option<Vec<String>>,
    /// What is wrong in a script, in its order: `setkey --check` and `ipsecctl check`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<FindingJson>>,
    /// The changes that lead to what files describe, in the order in which they are made: `ipsecctl diff` and
    /// `ipsecctl apply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<ChangeJson>>,
    /// What no file describes and stays, with a filter also what it leaves out: `ipsecctl diff` and `ipsecctl apply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staying: Option<StayingJson>,
    /// What other programs have otherwise than files describe, and what `--owned` does not touch, or what a filter
    /// selects as it is or as it is to be alone, as changes: `ipsecctl diff` and `ipsecctl apply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<Vec<ChangeJson>>,
    /// What files describe and the filter leaves out: `ipsecctl diff` and `ipsecctl apply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unselected: Option<UnselectedJson>,
    /// What came of `ipsecctl apply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<AppliedJson>,
    /// The SA that was moved: `ipsecctl move`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved: Option<MovedJson>,
    /// What was saved: `ipsecctl save`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<TransferJson>,
    /// What was restored: `ipsecctl restore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<TransferJson>,
    /// What the output has: `ipsecctl export`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported: Option<TransferJson>,
    /// What the script has: `ipsecctl import`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imported: Option<TransferJson>,
}

/// The version of the schema, which every document begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SchemaVersion;

impl Serialize for SchemaVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(SCHEMA_VERSION)
    }
}

impl JsonSchema for SchemaVersion {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SchemaVersion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "const": SCHEMA_VERSION })
    }
}

impl Document {
    /// Prints the document, and a newline.
    ///
    /// Errors: those of `out`.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        out.write_all(b"\n")
    }

    /// Prints the document in one line.
    ///
    /// Errors: those of `out`.
    pub fn write_line(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut out, self)?;
        out.write_all(b"\n")
    }
}

/// The JSON Schema of [`Document`].
#[must_use]
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(without_null);
    settings.into_generator().into_root_schema_for::<Document>()
}

/// An optional member is left out if it is not set, and never null.
fn without_null(schema: &mut Schema) {
    transform_subschemas(&mut without_null, schema);
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| {
        required.as_array().is_some_and(|names| names.iter().any(|required| required == name))
    };
    let Some(Value::Object(members)) = schema.get_mut("properties") else { return };
    for (_, member) in members.iter_mut().filter(|(name, _)| !is_required(name)) {
        remove_null(member);
    }
}

fn remove_null(member: &mut Value) {
    if let Some(Value::Array(types)) = member.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            member["type"] = only.clone();
        }
    }
    let Some(Value::Array(choices)) = member.get_mut("anyOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [only] = choices.as_slice() {
        let only = only.clone();
        if let (Value::Object(member), Value::Object(only)) = (member, only) {
            member.remove("anyOf");
            member.extend(only);
        }
    }
}
