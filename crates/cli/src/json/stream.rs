//! A document that is printed as its entries come: the JSON of an SPD of any size is not in memory.

use std::io::{self, Write};

use serde::Serialize;

use super::Document;

/// Prints the bytes that [`Document::write`] prints, if the members come in the order of [`Document`].
#[derive(Debug, Default)]
pub struct DocumentStream {
    has_begun: bool,
    /// Of the array that is printed.
    elements: usize,
}

/// The end of a document, before its newline.
const END: &str = "\n}";

impl DocumentStream {
    /// Prints the members of a document.
    ///
    /// Errors: those of `out`.
    pub fn members(&mut self, out: &mut impl Write, document: &Document) -> io::Result<()> {
        let text = serde_json::to_string_pretty(document)?;
        let mut members = text.strip_suffix(END).unwrap_or(&text);
        if self.has_begun {
            // The first is the version, which a document has once.
            members = members.find(',').map_or("", |comma| &members[comma..]);
        }
        self.has_begun = true;
        out.write_all(members.as_bytes())
    }

    /// Begins an array that is a member.
    ///
    /// Errors: those of `out`.
    pub fn array(&mut self, out: &mut impl Write, name: &str) -> io::Result<()> {
        if !self.has_begun {
            self.members(out, &Document::default())?;
        }
        self.elements = 0;
        write!(out, ",\n  \"{name}\": [")
    }

    /// Prints an element of the array.
    ///
    /// Errors: those of `out`.
    pub fn element(&mut self, out: &mut impl Write, element: &impl Serialize) -> io::Result<()> {
        out.write_all(if self.elements == 0 { b"\n    " } else { b",\n    " })?;
        self.elements += 1;
        serde_json::to_writer_pretty(Indented { out, indent: b"    " }, element)?;
        Ok(())
    }

    /// Ends the array.
    ///
    /// Errors: those of `out`.
    pub fn end_array(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(if self.elements == 0 { b"]" } else { b"\n  ]" })
    }

    /// Ends the document.
    ///
    /// Errors: those of `out`.
    pub fn finish(self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{END}")
    }
}

/// Indents each line but the first. JSON has a newline between values only.
struct Indented<'w, W> {
    out: &'w mut W,
    indent: &'static [u8],
}

impl<W: Write> Write for Indented<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.out.write_all(line)?;
            if line.ends_with(b"\n") {
                self.out.write_all(self.indent)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use model::{
        Action, AddressPair, Current, Direction, Installation, IpVersion, Policy, PolicyEntry,
        PolicyId, Prefix, Proto, Sa, SaEntry, SaState, SecCtx, Selector, Spi,
    };

    use super::*;
    use crate::{
        Keys, PolicyJson, SaJson,
        json::{DefaultPolicyJson, Fingerprints},
    };

    fn policy(priority: u32) -> PolicyJson {
        let selector = Selector::within(Prefix::everything(IpVersion::V6));
        let mut policy = Policy::new(PolicyId::new(selector, Direction::Out), Action::Discard);
        policy.priority = model::Priority(priority);
        // A newline within a text.
        policy.id.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: b"a\nb, {c}".to_vec() });
        let installation = Installation::plain(&policy);
        let current = Current::default();
        PolicyJson::new(&PolicyEntry { policy, installation, index: 9, socket: false, current })
    }

    fn sa(fingerprints: &Fingerprints) -> SaJson {
        let sa = Sa::bare(AddressPair::UNSPECIFIED, Proto::Esp, Spi(0x1000));
        let entry = SaEntry::new(sa, SaState::Larval, Current::default());
        SaJson::new(&entry, Keys::Hidden, fingerprints)
    }

    fn text(document: &Document) -> String {
        let mut out = Vec::new();
        document.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The document with its arrays printed element by element, and the rest as it is.
    fn streamed(document: &Document) -> String {
        let (mut stream, mut out) = (DocumentStream::default(), Vec::new());
        let scope = document.fingerprint_scope.clone();
        let first = Document { fingerprint_scope: scope, ..Document::default() };
        stream.members(&mut out, &first).unwrap();
        if let Some(policies) = &document.policies {
            stream.array(&mut out, "policies").unwrap();
            for it in policies {
                stream.element(&mut out, it).unwrap();
            }
            stream.end_array(&mut out).unwrap();
        }
        if let Some(sas) = &document.sas {
            stream.array(&mut out, "sas").unwrap();
            for it in sas {
                stream.element(&mut out, it).unwrap();
            }
            stream.end_array(&mut out).unwrap();
        }
        let default_policies = document.default_policies.clone();
        stream.members(&mut out, &Document { default_policies, ..Document::default() }).unwrap();
        stream.finish(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_bytes_are_those_of_a_document() {
        let fingerprints = Fingerprints::new(&[7; 32]);
        let scope = || Some(fingerprints.scope());
        let none: Vec<DefaultPolicyJson> = Vec::new();
        for document in [
            Document::default(),
            Document { policies: Some(Vec::new()), ..Document::default() },
            Document { policies: Some(vec![policy(1), policy(2)]), ..Document::default() },
            Document {
                fingerprint_scope: scope(),
                policies: Some(vec![policy(3)]),
                sas: Some(vec![sa(&fingerprints), sa(&fingerprints)]),
                default_policies: Some(none),
                ..Document::default()
            },
            Document { fingerprint_scope: scope(), sas: Some(Vec::new()), ..Document::default() },
        ] {
            assert_eq!(streamed(&document), text(&document));
        }
    }
}
