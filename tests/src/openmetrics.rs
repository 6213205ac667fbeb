//! A strict reader of OpenMetrics 1.0 text, as far as counters and gauges go: what it takes, Prometheus
//! takes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Labels by name.
pub type Labels = BTreeMap<String, String>;

/// A family: its type, and samples with their labels.
#[derive(Debug, Default)]
pub struct Family {
    /// `counter` or `gauge`.
    pub kind: String,
    /// Labels and value.
    pub samples: Vec<(Labels, u64)>,
}

/// Reads a whole text. Errors: a sentence about the first line that is wrong.
pub fn read(text: &str) -> Result<BTreeMap<String, Family>, String> {
    let body =
        text.strip_suffix("# EOF\n").ok_or("it does not end with `# EOF` and a line feed")?;
    let (mut families, mut seen) = (BTreeMap::<String, Family>::new(), HashSet::new());
    let (mut name, mut has_help) = (String::new(), false);
    for line in body.lines() {
        let wrong = |what: &str| Err(format!("{what}: {line}"));
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((new, kind)) = rest.split_once(' ') else { return wrong("no type") };
            if !is_name(new) || !["counter", "gauge"].contains(&kind) {
                return wrong("a wrong name or type");
            }
            let family = Family { kind: kind.to_owned(), samples: Vec::new() };
            if families.insert(new.to_owned(), family).is_some() {
                return wrong("a family in two places");
            }
            (name, has_help) = (new.to_owned(), false);
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let is_first = !has_help && families.get(&name).is_some_and(|it| it.samples.is_empty());
            if !is_first || !rest.starts_with(&format!("{name} ")) {
                return wrong("help that is not of the family");
            }
            has_help = true;
        } else {
            let Some(family) = families.get_mut(&name) else {
                return wrong("a sample without type");
            };
            let suffix = if family.kind == "counter" { "_total" } else { "" };
            let Some(rest) = line.strip_prefix(&format!("{name}{suffix}")) else {
                return wrong("a sample of another family");
            };
            let Some((labels, value)) = sample(rest) else { return wrong("a malformed sample") };
            if !seen.insert((name.clone(), labels.clone())) {
                return wrong("a series that is there twice");
            }
            family.samples.push((labels, value));
        }
    }
    let names = families.values().flat_map(|family| family.samples.iter());
    let count = names.map(|(labels, _)| labels.keys().collect::<BTreeSet<_>>().len()).max();
    if count > Some(16) { Err("too many labels".to_owned()) } else { Ok(families) }
}

/// `{a="b"} 1` or ` 1`.
fn sample(text: &str) -> Option<(Labels, u64)> {
    let mut labels = Labels::new();
    let mut rest = text;
    if let Some(inner) = text.strip_prefix('{') {
        rest = inner;
        loop {
            let (name, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            if !is_name(name) || labels.insert(name.to_owned(), value).is_some() {
                return None;
            }
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None => break rest = after.strip_prefix('}')?,
            }
        }
    }
    let digits = rest.strip_prefix(' ')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Some((labels, digits.parse().ok()?)))?
}

/// A value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_right_is_read() {
        let text = "# TYPE a counter\n# HELP a Some.\na_total{b=\"x\\\"y\\\\\\n\"} 7\n# TYPE c gauge\nc 1\n# EOF\n";
        let families = read(text).expect("it is right");
        assert_eq!(families["a"].samples[0].0["b"], "x\"y\\\n");
        assert_eq!((families["a"].samples[0].1, families["c"].samples[0].1), (7, 1));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in [
            "",
            "# EOF",
            "a 1\n# EOF\n",
            "# TYPE a counter\na 1\n# EOF\n",
            "# TYPE a gauge\na_total 1\n# EOF\n",
            "# TYPE a gauge\na 1\na 2\n# EOF\n",
            "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# EOF\n",
            "# TYPE a gauge\na{b=\"c} 1\n# EOF\n",
            "# TYPE a gauge\na{b=\"\\x\"} 1\n# EOF\n",
            "# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n# EOF\n",
            "# TYPE a gauge\na  1\n# EOF\n",
            "# TYPE a gauge\na x\n# EOF\n",
            "# TYPE 1a gauge\n# EOF\n",
            "# TYPE a gauge\na 1\n# HELP a late\n# EOF\n",
            "# TYPE a gauge\n\na 1\n# EOF\n",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
