//! The tables of the peer in JSON (xfrm-tools-json(5)): the members that are compared. Others are ignored. It is no
//! reader of entries (`cli::json::read_entries`), since the peer does not give its keys.

use std::{net::IpAddr, str::FromStr};

use ::diagnose::{EndPolicy, EndSa, EndTemplate, PeerTables};
use cli::json::{ReadError, SCHEMA_VERSION};
use model::{AddressPair, Direction, Mode, Prefix, Proto, Selector, Spi, UnknownWord, Upper};
use serde::Deserialize;

/// A document of xfrm-tools-json(5): the members that are compared. Others are ignored.
#[derive(Deserialize)]
struct Document {
    schema_version: u32,
    #[serde(default)]
    sas: Vec<PrintedSa>,
    #[serde(default)]
    policies: Vec<PrintedPolicy>,
}

#[derive(Deserialize)]
struct PrintedSa {
    src: IpAddr,
    dst: IpAddr,
    protocol: String,
    spi: u32,
    mode: String,
    #[serde(default)]
    esn: bool,
    encryption: Option<PrintedAlgorithm>,
    authentication: Option<PrintedAlgorithm>,
    aead: Option<PrintedAlgorithm>,
    compression: Option<String>,
    nat_t: Option<serde::de::IgnoredAny>,
    state: String,
}

#[derive(Deserialize)]
struct PrintedAlgorithm {
    algorithm: String,
    icv_bits: u16,
}

#[derive(Deserialize)]
struct PrintedPolicy {
    selector: PolicySelector,
    direction: String,
    #[serde(default)]
    socket: bool,
    #[serde(default)]
    templates: Vec<PrintedTemplate>,
}

#[derive(Deserialize)]
struct PolicySelector {
    src: String,
    dst: String,
    protocol: Option<u8>,
    #[serde(default)]
    src_port: u16,
    #[serde(default)]
    dst_port: u16,
}

#[derive(Deserialize)]
struct PrintedTemplate {
    protocol: String,
    mode: String,
    src: Option<IpAddr>,
    dst: Option<IpAddr>,
}

/// Documents one after the other: one of SAs and one of policies.
pub fn read(text: &str) -> Result<PeerTables, String> {
    let mut tables = PeerTables::default();
    for document in serde_json::Deserializer::from_str(text).into_iter::<Document>() {
        let document = document.map_err(|error| ReadError::of(&error).to_string())?;
        if document.schema_version != SCHEMA_VERSION {
            return Err(ReadError::Version(document.schema_version).to_string());
        }
        for sa in document.sas.into_iter().filter(|sa| !["larval", "dead"].contains(&&*sa.state)) {
            tables.sas.push(end_sa(sa)?);
        }
        for policy in document.policies.into_iter().filter(|it| !it.socket) {
            tables.policies.extend(end_policy(policy)?);
        }
    }
    Ok(tables)
}

fn end_sa(sa: PrintedSa) -> Result<EndSa, String> {
    let keyed = [sa.encryption, sa.authentication, sa.aead].into_iter().flatten();
    let compression = sa.compression.map(|name| (name, 0));
    Ok(EndSa {
        ends: ends(sa.src, sa.dst)?,
        proto: word::<Proto>(&sa.protocol)?,
        spi: Spi(sa.spi),
        mode: word::<Mode>(&sa.mode)?,
        algorithms: keyed.map(|it| (it.algorithm, it.icv_bits)).chain(compression).collect(),
        keys: None,
        esn: sa.esn,
        is_encapsulated: sa.nat_t.is_some(),
    })
}

fn end_policy(policy: PrintedPolicy) -> Result<Option<EndPolicy>, String> {
    let (src, dst) = (prefix(&policy.selector.src)?, prefix(&policy.selector.dst)?);
    let mut selector = Selector::new(src, dst).map_err(|error| error.to_string())?;
    selector.upper = policy.selector.protocol.map_or(Upper::Any, Upper::from_xfrm);
    (selector.src_port, selector.dst_port) = (policy.selector.src_port, policy.selector.dst_port);
    let template = |template: PrintedTemplate| {
        let pair = template.src.zip(template.dst).map(|(src, dst)| ends(src, dst)).transpose()?;
        let (proto, mode) = (word(&template.protocol)?, word(&template.mode)?);
        Ok::<_, String>(EndTemplate { proto, mode, ends: pair })
    };
    let templates: Vec<_> = policy.templates.into_iter().map(template).collect::<Result<_, _>>()?;
    let direction = word::<Direction>(&policy.direction)?;
    Ok((!templates.is_empty()).then_some(EndPolicy { direction, selector, templates }))
}

/// The message has no value: of a file with keys, one may be in the wrong place.
fn word<T: FromStr<Err = UnknownWord>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|UnknownWord { concept, .. }| format!("expected a word for {concept}"))
}

fn ends(src: IpAddr, dst: IpAddr) -> Result<AddressPair, String> {
    AddressPair::new(src, dst).map_err(|error| error.to_string())
}

fn prefix(text: &str) -> Result<Prefix, String> {
    crate::filter::prefix(text)
}
