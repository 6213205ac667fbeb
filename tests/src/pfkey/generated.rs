//! Sequences of requests as programs send them, and of some that no program would send.

use super::{Case, Dice, Draft, Step, case::FIRST_SEQ};

/// Requests in a sequence.
const LENGTH: usize = 60;

const SPIS: [&str; 6] = ["0x100", "0x101", "0x102", "0x1000", "0xfffe", "$spi"];
/// Addresses of one IP version each.
const ADDRESSES: [&[&str]; 2] =
    [&["192.0.2.1", "192.0.2.2", "198.51.100.7"], &["2001:db8::1", "2001:db8::2"]];
const PREFIXES: [&[&str]; 2] = [
    &["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/24", "0.0.0.0/0", "192.0.2.1"],
    &["2001:db8::/32", "2001:db8:1::/48", "::/0", "2001:db8::1"],
];
const SATYPES: [&str; 9] = ["ah", "ah", "esp", "esp", "esp", "ipcomp", "any", "rsvp", "10"];
const MODES: [&str; 6] = ["any", "transport", "transport", "tunnel", "tunnel", "beet"];
const LEVELS: [&str; 6] = ["default", "use", "require", "require", "unique", "7"];
const DIRECTIONS: [&str; 7] = ["in", "in", "out", "out", "fwd", "any", "4"];
/// Those that a program may choose.
const REQIDS: [&str; 4] = ["0", "1", "7", "0x3fff"];
const AUTHS: [(&str, &str); 7] =
    [("2", "16"), ("3", "20"), ("5", "32"), ("7", "64"), ("9", "16"), ("3", "19"), ("250", "20")];
const CIPHERS: [(&str, &str); 8] = [
    ("11", "0"),
    ("11", "0"),
    ("12", "16"),
    ("12", "32"),
    ("3", "24"),
    ("13", "20"),
    ("12", "15"),
    ("99", "16"),
];
/// So long that no limit in seconds is reached, even if some byte of it changes.
const LIMITS: [&str; 5] =
    ["add=0x1010101", "use=0x1010101", "bytes=9000", "packets=77", "add=0x1020304,use=0x1010101"];

/// The sequence of a number.
#[must_use]
pub fn sequence(dice: &mut Dice, number: usize) -> Case {
    let mut seqs = FIRST_SEQ..;
    let step = |_| {
        let socket = dice.pick(&["a", "a", "a", "b"]);
        Step::Send(socket.to_owned(), draft(dice, seqs.next().unwrap_or(0)))
    };
    Case { name: format!("sequence {number}"), steps: (0..LENGTH).map(step).collect() }
}

/// A request, which may lack something or have it twice.
pub(super) fn draft(dice: &mut Dice, seq: u32) -> Draft {
    let mut words = request(dice);
    let last = words.len() - 1;
    if last >= 2 {
        let at = 2 + dice.below(last - 1);
        // A request belongs to the policy before it, and a port that is not said is any in AF_KEY.
        let belongs = ["rq:", "policy:", "sport:", "dport:"];
        let is_alone = !belongs.iter().any(|word| words[at].starts_with(word));
        if is_alone && dice.once_in(25) {
            words.remove(at);
        } else if is_alone && dice.once_in(40) {
            words.push(words[at].clone());
        }
    }
    if dice.once_in(60) {
        words.push(dice.pick(&["version=1", "reserved=1", "len=3", "seq=0", "errno=9"]).to_owned());
    }
    Draft::read(&words.join(" "), seq).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn request(dice: &mut Dice) -> Vec<String> {
    match dice.below(100) {
        0..22 => sa(dice, "add"),
        22..32 => sa(dice, "update"),
        32..42 => named_sa(dice),
        42..49 => larval(dice),
        49..55 => dump(dice),
        55..57 => words(&["flush", dice.pick(&SATYPES)]),
        57..60 => words(&["register", dice.pick(&SATYPES)]),
        60..62 => words(&["promisc", dice.pick(&["0", "0", "1", "2"])]),
        62..80 => policy(dice),
        80..85 => deleted_policy(dice),
        85..92 => indexed_policy(dice),
        92..94 => words(&["spddump", "any"]),
        94 => words(&["spdflush", "any"]),
        95..98 => migration(dice),
        _ => words(&[
            dice.pick(&["acquire", "expire", "pchange", "spdexpire", "mapping", "0"]),
            "esp",
        ]),
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|&word| word.to_owned()).collect()
}

/// IPv4 more often than IPv6.
fn version(dice: &mut Dice) -> usize {
    usize::from(dice.once_in(4))
}

/// Source and destination of an SA.
fn ends(dice: &mut Dice) -> [String; 2] {
    let version = version(dice);
    let mut end = |name| format!("{name}:{}", dice.pick(ADDRESSES[version]));
    [end("src"), end("dst")]
}

fn sa(dice: &mut Dice, what: &str) -> Vec<String> {
    let satype = dice.pick(&SATYPES);
    let (auth, auth_key) = dice.pick(&AUTHS);
    let (cipher, cipher_key) = dice.pick(&CIPHERS);
    let is_esp = satype == "esp";
    let has_auth = satype == "ah" || is_esp && !dice.once_in(3);
    let mut fields = vec![format!("spi={}", dice.pick(&SPIS))];
    fields.push(format!("replay={}", dice.pick(&["0", "4", "32"])));
    if has_auth {
        fields.push(format!("auth={auth}"));
    }
    match satype {
        "esp" => fields.push(format!("encrypt={cipher}")),
        "ipcomp" => fields.push(format!("encrypt={}", dice.pick(&["2", "2", "2", "3"]))),
        _ => {}
    }
    if dice.once_in(6) {
        fields.push(format!("flags={}", dice.pick(&["0x40", "0x80000000", "0x60000001"])));
    }
    let mut all = words(&[what, satype]);
    all.push(format!("sa:{}", fields.join(",")));
    all.extend(ends(dice));
    if has_auth {
        all.push(format!("akey:{auth_key}"));
    }
    if is_esp {
        all.push(format!("ekey:{cipher_key}"));
    }
    all.extend(beside_an_sa(dice, is_esp));
    all
}

fn beside_an_sa(dice: &mut Dice, is_esp: bool) -> Vec<String> {
    let mut all = Vec::new();
    if !dice.once_in(3) {
        all.push(format!("sa2:mode={},reqid={}", dice.pick(&MODES), dice.pick(&REQIDS)));
    }
    if dice.once_in(3) {
        all.push(format!("hard:{}", dice.pick(&LIMITS)));
        all.push(format!("soft:{}", dice.pick(&LIMITS)));
    }
    if dice.once_in(if is_esp { 6 } else { 40 }) {
        all.extend(words(&["natt:2", "sport:4500", dice.pick(&["dport:4500", "dport:4501"])]));
    }
    if dice.once_in(8) {
        all.push(format!("proxy:{}", dice.pick(PREFIXES[0])));
    }
    all
}

fn named_sa(dice: &mut Dice) -> Vec<String> {
    let mut all = words(&[dice.pick(&["get", "get", "delete"]), dice.pick(&SATYPES)]);
    all.push(format!("sa:spi={}", dice.pick(&SPIS)));
    all.extend(ends(dice));
    all
}

fn larval(dice: &mut Dice) -> Vec<String> {
    let mut all = words(&["getspi", dice.pick(&SATYPES)]);
    all.extend(ends(dice));
    let range =
        dice.pick(&["0x100-0x100", "0x101-0x101", "0x1000-0x1000", "0x10000-0xfffffff", ""]);
    if !range.is_empty() {
        all.push(format!("range:{range}"));
    }
    if dice.once_in(2) {
        all.push(format!("sa2:mode={},reqid={}", dice.pick(&MODES), dice.pick(&REQIDS)));
    }
    all
}

fn dump(dice: &mut Dice) -> Vec<String> {
    let mut all = words(&["dump", dice.pick(&SATYPES)]);
    if dice.once_in(3) {
        let version = version(dice);
        let (src, dst) = (dice.pick(PREFIXES[version]), dice.pick(PREFIXES[version]));
        all.push(format!("filter:{src}-{dst}"));
    }
    all
}

/// Source and destination of a policy.
fn selector(dice: &mut Dice) -> (usize, [String; 2]) {
    let version = version(dice);
    let upper = dice.pick(&["", "", "", ",proto=6,port=80", ",proto=17", ",proto=1,port=8"]);
    let mut end = |name| format!("{name}:{}{upper}", dice.pick(PREFIXES[version]));
    (version, [end("src"), end("dst")])
}

fn policy(dice: &mut Dice) -> Vec<String> {
    let what = dice.pick(&["spdadd", "spdadd", "spdadd", "spdupdate", "spdupdate", "spdsetidx"]);
    let kind = dice.pick(&["ipsec", "ipsec", "ipsec", "none", "discard", "bypass"]);
    let mut all = words(&[what, dice.pick(&["any", "any", "esp"])]);
    let (version, selector) = selector(dice);
    let priority = dice.pick(&["0", "1", "0x80000000"]);
    all.push(format!("policy:type={kind},dir={},prio={priority}", dice.pick(&DIRECTIONS)));
    for _ in 0..dice.pick(&[0, 1, 1, 1, 2, 3, 7]) {
        all.push(transform(dice, version));
    }
    all.extend(selector);
    if dice.once_in(6) {
        all.push(format!("hard:{}", dice.pick(&LIMITS)));
    }
    if dice.once_in(8) {
        all.push(format!("soft:{}", dice.pick(&LIMITS)));
    }
    all
}

fn transform(dice: &mut Dice, version: usize) -> String {
    let proto = dice.pick(&["esp", "esp", "esp", "ah", "ah", "ipcomp", "6"]);
    let (mode, level) = (dice.pick(&MODES), dice.pick(&LEVELS));
    let request = format!("rq:{proto},{mode},{level},reqid={}", dice.pick(&REQIDS));
    if mode != "tunnel" || dice.once_in(20) {
        return request;
    }
    let (src, dst) = (dice.pick(ADDRESSES[version]), dice.pick(ADDRESSES[version]));
    format!("{request},{src}-{dst}")
}

fn deleted_policy(dice: &mut Dice) -> Vec<String> {
    let mut all = words(&["spddelete", "any"]);
    all.push(format!("policy:dir={}", dice.pick(&DIRECTIONS)));
    all.extend(selector(dice).1);
    all
}

fn indexed_policy(dice: &mut Dice) -> Vec<String> {
    let mut all = words(&[dice.pick(&["spdget", "spdget", "spddelete2"]), "any"]);
    let index = dice.pick(&["$index", "$index", "$index1", "$index2", "0", "3", "0x7ffffff8"]);
    all.push(format!("policy:id={index}"));
    all
}

fn migration(dice: &mut Dice) -> Vec<String> {
    let mut all = words(&["migrate", "any"]);
    let (version, selector) = selector(dice);
    all.push(format!("policy:type=ipsec,dir={}", dice.pick(&DIRECTIONS)));
    let (proto, reqid) = (dice.pick(&["esp", "ah"]), dice.pick(&REQIDS));
    for _ in 0..2 {
        let (src, dst) = (dice.pick(ADDRESSES[version]), dice.pick(ADDRESSES[version]));
        all.push(format!("rq:{proto},tunnel,unique,reqid={reqid},{src}-{dst}"));
    }
    all.extend(selector);
    all
}
