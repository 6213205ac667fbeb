//! SADs and SPDs made by raw netlink from every combination of attributes that the kernel takes: what setkey dumps as a script
//! loads back to the same bytes, but for times and counters, or the loss is in a comment. JSON of the same tables is valid.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use cli::{
    Keys, PolicyJson, SaJson,
    json::{Document, Fingerprints, SCHEMA_VERSION},
};
use engine::{Engine, EngineOptions, Namespace};
use jsonschema::Validator;
use regex::Regex;
use scenarios::{
    Host, Session,
    raw_xfrm::{Entry, RawXfrm, seeds},
    setkey,
};
use serde_json::Value;

static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("[0-9][0-9a-f:.x]*").expect("a pattern"));

/// What came of the entries of all tables.
#[derive(Default)]
struct Tally {
    refused: usize,
    equal: usize,
    /// By what the comment names: how many.
    named: BTreeMap<String, usize>,
    /// By the fields that differ: how many, and an example.
    silent: BTreeMap<String, (usize, String)>,
}

#[test]
fn nothing_is_lost_silently() {
    let host = Host::new("raw");
    let raw = host.within(RawXfrm::open);
    let mut session = Session::open(host.command(setkey()).args(["-k", "--script"]));
    let json = Json::new(&host);
    let mut tally = Tally::default();
    let seeds = seeds(3000, 50);
    for seed in seeds.clone() {
        tally.refused += raw.fill(seed);
        let before = raw.dump();
        json.is_valid(seed, &before);
        let dumps = [session.run("dump;"), session.run("spddump;")];
        raw.flush();
        // Within a second a session takes the tunnels of the last table for those that are there.
        session.run("spdflush;");
        let results = session.run(&dumps.concat());
        let after = raw.dump();
        for ((before, after), dump) in before.into_iter().zip(after).zip(&dumps) {
            tally.compare(seed, before, after, dump, &results);
        }
        raw.flush();
    }
    tally.report(seeds.count());
}

impl Tally {
    /// Compares the tables of a kind before and after; the entries of the dump are in the order of `before`.
    fn compare(
        &mut self,
        seed: u64,
        before: Vec<Entry>,
        after: Vec<Entry>,
        dump: &str,
        results: &str,
    ) {
        let before =
            before.into_iter().filter(|entry| !entry.is_made_by_linux()).collect::<Vec<_>>();
        let mut after = after.into_iter().map(Entry::masked).collect::<Vec<_>>();
        let statements = statements(dump);
        assert_eq!(statements.len(), before.len(), "seed {seed}: {before:#?}\n{dump}");
        for (entry, statement) in before.into_iter().map(Entry::masked).zip(statements) {
            if let Some(place) = after.iter().position(|other| *other == entry) {
                after.remove(place);
                self.equal += 1;
                continue;
            }
            if let Some(words) = statement.lost {
                let words = NUMBER.replace_all(&words, "N").into_owned();
                *self.named.entry(words).or_default() += 1;
                continue;
            }
            let same = after.iter().find(|other| other.identity() == entry.identity());
            let fields = same.map_or_else(
                || BTreeSet::from(["not there".to_owned()]),
                |other| entry.differences(other),
            );
            let kind = format!("{:?}: {}", entry.kind, Vec::from_iter(fields).join(", "));
            let example = format!("seed {seed}: {}\n{results}{entry:?}\n{same:?}", statement.text);
            self.silent.entry(kind).or_insert((0, example)).0 += 1;
        }
    }

    fn report(self, count: usize) {
        let Self { refused, equal, named, silent } = self;
        println!("{count} tables: {equal} entries equal, {refused} refused by the kernel");
        for (words, count) in &named {
            println!("named {count} times: {words}");
        }
        for (fields, (count, example)) in &silent {
            println!("SILENT {count} times: {fields}\n{example}");
        }
        assert!(equal > 0);
        assert!(silent.is_empty(), "silent differences");
    }
}

/// An entry of a script.
struct Statement {
    text: String,
    /// What it does not have, in the words of the comment.
    lost: Option<String>,
}

/// The entries of a script: comments, and a statement, which may be in a comment itself.
fn statements(dump: &str) -> Vec<Statement> {
    let (mut statements, mut text, mut lost) = (Vec::new(), String::new(), None);
    for line in dump.lines() {
        text += line;
        text += "\n";
        let comment = line.strip_prefix("# ");
        let words = comment.unwrap_or(line);
        if ["add ", "spdadd ", "spdupdate "].iter().any(|word| words.starts_with(word)) {
            statements.push(Statement { text: std::mem::take(&mut text), lost: lost.take() });
        } else if let Some(comment) = comment {
            lost = Some(comment.to_owned());
        }
    }
    statements
}

/// The JSON of the commands, against the schema.
struct Json<'a> {
    host: &'a Host,
    schema: Validator,
}

impl<'a> Json<'a> {
    fn new(host: &'a Host) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../docs/json/schema-{SCHEMA_VERSION}.json"));
        let schema = fs::read_to_string(path).expect("the schema");
        let schema = serde_json::from_str(&schema).expect("JSON");
        let schema = jsonschema::draft202012::new(&schema).expect("a schema");
        Self { host, schema }
    }

    /// Validates what `ipsecctl show` makes of a table, and what the commands print of some: processes are what takes the
    /// test kernel longest.
    fn is_valid(&self, seed: u64, [sas, policies]: &[Vec<Entry>; 2]) {
        let sas = sas.iter().filter(|entry| !entry.is_made_by_linux()).count();
        let counts = [("sas", sas), ("policies", policies.len())];
        let document = self.host.within(document);
        for (member, count) in counts {
            self.check(&document, member, count);
        }
        if seed.is_multiple_of(25) {
            for (words, (member, count)) in ["-D --json", "-DP --json"].into_iter().zip(counts) {
                let printed = self.host.setkey(words).stdout;
                self.check(&serde_json::from_str(&printed).expect("JSON"), member, count);
            }
        }
    }

    fn check(&self, json: &Value, member: &str, count: usize) {
        let errors = self.schema.iter_errors(json).map(|error| error.to_string());
        let errors = errors.collect::<Vec<_>>();
        assert!(errors.is_empty(), "{errors:#?}\n{json:#}");
        assert_eq!(json[member].as_array().map(Vec::len), Some(count), "{json:#}");
    }
}

fn document() -> Value {
    let mut engine = Engine::open(EngineOptions::default()).expect("the kernel");
    let fingerprints = Fingerprints::new(&Namespace::current().fingerprint_secret());
    let sas = engine
        .sas()
        .expect("a dump")
        .map(|entry| SaJson::new(&entry.expect("an SA"), Keys::Hidden, &fingerprints));
    let sas = Some(sas.collect());
    let policies = engine.policies().expect("a dump").map(|policy| {
        let (requested, _) = policy.expect("a policy");
        PolicyJson::new(&requested)
    });
    let document = Document { sas, policies: Some(policies.collect()), ..Document::default() };
    serde_json::to_value(document).expect("JSON")
}
