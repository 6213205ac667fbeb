use std::collections::BTreeSet;

use super::fields::{
    Field, POLICY, POLICY_LENGTH, SA, SA_LENGTH, SELECTOR, TEMPLATE, TEMPLATE_LENGTH, attribute,
    attribute_name,
};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An SA.
    Sa,
    /// A policy.
    Policy,
}

impl Kind {
    fn fields(self) -> impl Iterator<Item = &'static Field> {
        let rest = match self {
            Kind::Sa => SA,
            Kind::Policy => POLICY,
        };
        SELECTOR.iter().chain(rest)
    }

    fn length(self) -> usize {
        match self {
            Kind::Sa => SA_LENGTH,
            Kind::Policy => POLICY_LENGTH,
        }
    }
}

/// An SA or a policy, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The fixed part.
    pub head: Vec<u8>,
    /// Attributes: number and value.
    pub attributes: Vec<(u16, Vec<u8>)>,
}

impl Entry {
    /// Of zeros.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self { kind, head: vec![0; kind.length()], attributes: Vec::new() }
    }

    /// The body of a message of a dump.
    #[must_use]
    pub fn read(kind: Kind, body: &[u8]) -> Self {
        let (head, mut rest) = body.split_at(kind.length());
        let mut attributes = Vec::new();
        while rest.len() >= 4 {
            let length = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
            let number = u16::from_ne_bytes([rest[2], rest[3]]);
            attributes.push((number, rest[4..length].to_vec()));
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        Self { kind, head: head.to_vec(), attributes }
    }

    /// The body of a message that adds it.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        for (number, value) in &self.attributes {
            let length = u16::try_from(4 + value.len()).expect("a short attribute");
            bytes.extend(length.to_ne_bytes());
            bytes.extend(number.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    /// Sets a field of the fixed part.
    pub fn set(&mut self, name: &str, value: &[u8]) {
        let (offset, length) = self.place(name);
        assert!(value.len() <= length, "{name}");
        self.head[offset..offset + value.len()].copy_from_slice(value);
    }

    /// A field of the fixed part.
    #[must_use]
    pub fn get(&self, name: &str) -> &[u8] {
        let (offset, length) = self.place(name);
        &self.head[offset..offset + length]
    }

    /// Adds an attribute.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.attributes.push((attribute(name), value.to_vec()));
    }

    fn place(&self, name: &str) -> (usize, usize) {
        let field = self.kind.fields().find(|field| field.0 == name);
        let &(_, offset, length) = field.unwrap_or_else(|| panic!("no field {name}"));
        (offset, length)
    }

    /// Without times and counters.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.set("curlft", &[0; 32]);
        match self.kind {
            Kind::Sa => self.set("stats", &[0; 12]),
            Kind::Policy => self.set("index", &[0; 4]),
        }
        self.attributes.retain(|(number, _)| *number != attribute("LASTUSED"));
        for (number, value) in &mut self.attributes {
            if *number == attribute("REPLAY_VAL") {
                value.fill(0);
            } else if *number == attribute("REPLAY_ESN_VAL") {
                // oseq, seq and their high halves; the bitmap behind the window.
                value[4..20].fill(0);
                value[24..].fill(0);
            }
        }
        self
    }

    /// Whether it is an SA of protocol 4 or 41, which Linux makes for IPComp tunnels.
    #[must_use]
    pub fn is_made_by_linux(&self) -> bool {
        self.kind == Kind::Sa && matches!(self.get("id.proto"), [4 | 41])
    }

    /// What no other entry of its kind has.
    #[must_use]
    pub fn identity(&self) -> Vec<u8> {
        let mut identity = match self.kind {
            Kind::Sa => self.head[56..77].to_vec(),
            Kind::Policy => [&self.head[..52], self.get("dir")].concat(),
        };
        for name in ["MARK", "IF_ID", "POLICY_TYPE"] {
            if self.kind == Kind::Policy || name == "MARK" {
                identity.extend(self.attribute(name).unwrap_or_default());
            }
        }
        identity
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&[u8]> {
        let number = attribute(name);
        self.attributes.iter().find(|row| row.0 == number).map(|row| row.1.as_slice())
    }

    /// The names of the fields and attributes in which another one differs.
    #[must_use]
    pub fn differences(&self, other: &Entry) -> BTreeSet<String> {
        let mut names = differing(self.kind.fields(), &self.head, &other.head);
        let values = |entry: &Entry, number| {
            let of = entry.attributes.iter().filter(|row| row.0 == number);
            of.map(|row| row.1.clone()).collect::<Vec<_>>()
        };
        for (number, _) in self.attributes.iter().chain(&other.attributes) {
            let (mine, others) = (values(self, *number), values(other, *number));
            if mine == others {
                continue;
            }
            match (&mine[..], &others[..]) {
                ([mine], [others])
                    if *number == attribute("TMPL") && mine.len() == others.len() =>
                {
                    let pairs = mine.chunks(TEMPLATE_LENGTH).zip(others.chunks(TEMPLATE_LENGTH));
                    names.extend(pairs.flat_map(|(mine, others)| {
                        let fields = differing(TEMPLATE.iter(), mine, others);
                        fields.into_iter().map(|name| format!("TMPL.{name}"))
                    }));
                }
                ([], _) => drop(names.insert(format!("{} (new)", attribute_name(*number)))),
                (_, []) => drop(names.insert(format!("{} (lost)", attribute_name(*number)))),
                _ => drop(names.insert(attribute_name(*number))),
            }
        }
        if names.is_empty() && self != other {
            names.insert("padding or order".into());
        }
        names
    }
}

fn differing<'a>(
    fields: impl Iterator<Item = &'a Field>,
    mine: &[u8],
    others: &[u8],
) -> BTreeSet<String> {
    let differ = |&&(_, offset, length): &&Field| {
        mine[offset..offset + length] != others[offset..offset + length]
    };
    fields.filter(differ).map(|field| field.0.to_owned()).collect()
}
