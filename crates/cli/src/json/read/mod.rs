//! SAs and policies of a document that a command has printed, back in the model.

mod policy;
mod sa;
mod values;

use model::{PolicyEntry, SaEntry};
use serde::Deserialize;

use super::SCHEMA_VERSION;
use policy::ReadPolicy;
use sa::ReadSa;

/// Why a document is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is no document of this schema.
    #[error("{line}:{column}: {what}")]
    Place {
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
        /// What is expected there. What is there instead may be a key.
        what: String,
    },
    /// It is of a schema that this program does not know.
    #[error("schema_version is {0}: this program reads {SCHEMA_VERSION}")]
    Version(u32),
    /// An entry cannot be.
    #[error("{member}[{place}]: {what}")]
    Entry {
        /// `sas` or `policies`.
        member: &'static str,
        /// Its place in the list, from 0.
        place: usize,
        /// What is wrong with it.
        what: String,
    },
}

impl ReadError {
    /// The message without the value that is there.
    fn of(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        let without = |behind: &str, instead: &str| {
            text.rsplit_once(behind).map(|(_, what)| format!("{instead}{what}"))
        };
        // `UnknownWord`, and what serde expects.
        let what = without(", expected ", "expected ")
            .or_else(|| without("` is no ", "expected a word for "));
        let what = what.unwrap_or_else(|| text.to_owned());
        Self::Place { line: error.line(), column: error.column(), what }
    }
}

/// Whether the keys of SAs have to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadKeys {
    /// A document without them is refused.
    Required,
    /// A key that is missing is read as an empty one.
    Optional,
}

/// The entries of documents, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadEntries {
    /// The SAs.
    pub sas: Vec<SaEntry>,
    /// The policies, also those of sockets.
    pub policies: Vec<PolicyEntry>,
}

#[derive(Deserialize)]
struct ReadDocument {
    schema_version: u32,
    #[serde(default)]
    sas: Vec<ReadSa>,
    #[serde(default)]
    policies: Vec<ReadPolicy>,
}

/// Reads the SAs and policies of documents, one after the other. Members that are not known are ignored, as the schema
/// wants it.
///
/// Errors: [`ReadError`], also if a key is missing that is required.
pub fn read_entries(text: &[u8], keys: ReadKeys) -> Result<ReadEntries, ReadError> {
    let mut entries = ReadEntries::default();
    for document in serde_json::Deserializer::from_slice(text).into_iter::<ReadDocument>() {
        let document = document.map_err(|error| ReadError::of(&error))?;
        if document.schema_version != SCHEMA_VERSION {
            return Err(ReadError::Version(document.schema_version));
        }
        entries.sas.extend(converted("sas", document.sas, |sa| sa.entry(keys))?);
        entries.policies.extend(converted("policies", document.policies, ReadPolicy::entry)?);
    }
    Ok(entries)
}

fn converted<R, E>(
    member: &'static str,
    read: Vec<R>,
    of: impl Fn(R) -> Result<E, String>,
) -> Result<Vec<E>, ReadError> {
    let entry = |(place, one)| of(one).map_err(|what| ReadError::Entry { member, place, what });
    read.into_iter().enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        read_entries(text.as_bytes(), ReadKeys::Required).unwrap_err().to_string()
    }

    const SA: &str = r#"{"src": "192.0.2.1", "dst": "192.0.2.2", "protocol": "esp", "spi": 4097, "mode": "transport",
        "replay_window": 0, "state": "mature", "packets": 0, "bytes": 0"#;

    #[test]
    fn an_error_has_its_place_and_no_key() {
        assert_eq!(error("{\n\"sas\": 7}"), "2:8: expected a sequence");
        assert_eq!(error(r#"{"schema_version": 9}"#), "schema_version is 9: this program reads 1");
        let text = format!(
            r#"{{"schema_version": 1, "sas": [{SA}, "aead": {{"algorithm": "aes-gcm-16", "key_bits": 160, "icv_bits": 128}}}}]}}"#
        );
        let what = "sas[0]: aead has no key: `ipsecctl show sas --json --keys` prints them";
        assert_eq!(error(&text), what);
        let read = read_entries(text.as_bytes(), ReadKeys::Optional).unwrap();
        assert!(read.sas[0].sa.aead.as_ref().unwrap().key.bytes().is_empty());
        let secret = format!(
            r#"{{"schema_version": 1, "sas": [{SA}, "aead": {{"algorithm": "aes-gcm-16", "key": "0x5ecre7"}}}}]}}"#
        );
        let text = error(&secret);
        assert!(text.contains("a key of hexadecimal digits") && !text.contains("5ecre7"), "{text}");
        let text = error(&secret.replace("\"spi\": 4097", "\"spi\": \"5ecre7\""));
        assert!(text.ends_with(": expected u32") && !text.contains("5ecre7"), "{text}");
        let text = error(&secret.replace("\"transport\"", "\"5ecre7\""));
        assert!(text.ends_with(": expected a word for mode"), "{text}");
    }

    #[test]
    fn documents_follow_one_another() {
        let one = format!("{{\"schema_version\": 1, \"sas\": [{SA}}}]}}\n");
        let both = one.repeat(2);
        assert_eq!(read_entries(both.as_bytes(), ReadKeys::Required).unwrap().sas.len(), 2);
        assert_eq!(error(&(one + "{\"sas\": 7}")), "3:9: expected a sequence");
    }
}
