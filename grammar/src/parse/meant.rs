//! Words of other programs, and how the language writes what they mean.

use model::{self, Algorithm, ScriptOption};

use crate::tree::StatementWord;

/// A word that is none here, and those that it may mean, the likeliest first.
type Row = (&'static [&'static str], &'static [&'static str]);

const STATEMENTS: &[Row] = &[
    (&["del", "remove", "rm"], &["delete"]),
    (&["delall", "delete-all"], &["deleteall"]),
    (&["spddel", "spdrm", "spdremove"], &["spddelete"]),
    (&["spdlist", "spdshow", "spdget"], &["spddump"]),
    (&["list", "show", "ls"], &["dump"]),
    (&["clear"], &["flush"]),
    (&["spdclear"], &["spdflush"]),
    (&["spdsetidx"], &["spdadd"]),
    (&["spdreplace", "spdchange"], &["spdupdate"]),
];

const PROTOCOLS: &[Row] = &[(&["espinudp", "esp-in-udp"], &["esp-udp"])];

const OPTIONS: &[Row] = &[
    (&["-M", "-mode", "--mode"], &["-m"]),
    (&["-reqid", "--reqid", "-id"], &["-u"]),
    (&["-replay", "-window"], &["-r"]),
    (&["-life", "-lifetime"], &["-lh"]),
    (&["-if_id", "--if-id", "-if"], &["-ifid"]),
    (&["-e"], &["-E"]),
    (&["-a"], &["-A"]),
    (&["-c"], &["-C"]),
    (&["-p"], &["-P"]),
];

const ALGORITHMS: &[Row] = &[
    (
        &[
            "aes",
            "aes128",
            "aes192",
            "aes256",
            "aes-128",
            "aes-256",
            "aes-128-cbc",
            "aes-256-cbc",
            "rijndael",
        ],
        &["aes-cbc"],
    ),
    (
        &[
            "aes-gcm",
            "aesgcm",
            "aes128gcm",
            "aes256gcm",
            "aes128gcm16",
            "aes192gcm16",
            "aes256gcm16",
            "aes128gcm128",
            "aes256gcm128",
            "aes-128-gcm",
            "aes-256-gcm",
            "gcm",
            "rfc4106",
        ],
        &["aes-gcm-16"],
    ),
    (&["aes-ccm", "ccm", "aes128ccm16", "aes256ccm16"], &["aes-ccm-16"]),
    (&["chacha20", "chacha20poly1305"], &["chacha20-poly1305"]),
    (&["des"], &["des-cbc"]),
    (&["3des", "des3", "des-ede3-cbc"], &["3des-cbc"]),
    (&["blowfish"], &["blowfish-cbc"]),
    (&["camellia"], &["camellia-cbc"]),
    (&["cast", "cast128", "cast5", "cast5-cbc", "cast-128"], &["cast128-cbc"]),
    (&["twofish"], &["twofish-cbc"]),
    (&["serpent"], &["serpent-cbc"]),
    (&["none"], &["null"]),
    (&["md5"], &["hmac-md5"]),
    (&["sha", "sha1", "sha-1", "hmac-sha"], &["hmac-sha1"]),
    (&["sha256", "sha2", "sha-256", "sha2-256", "hmac-sha2"], &["hmac-sha256"]),
    (&["sha384", "sha2-384"], &["hmac-sha384"]),
    (&["sha512", "sha2-512"], &["hmac-sha512"]),
    (&["gzip", "zlib", "zip"], &["deflate"]),
];

const POLICY: &[Row] = &[
    (&["outbound", "outgoing", "output", "egress"], &["out"]),
    (&["inbound", "incoming", "input", "ingress"], &["in"]),
    (&["forward", "forwarded"], &["fwd"]),
    (&["drop", "deny", "reject", "block"], &["discard"]),
    (&["allow", "pass", "permit", "accept", "clear", "no"], &["none"]),
    (&["protect", "encrypt", "tunnel"], &["ipsec"]),
    (&["medium", "normal", "default"], &["def"]),
    (&["trans", "host"], &["transport"]),
    (&["tun", "net"], &["tunnel"]),
    (&["required", "must"], &["require"]),
    (&["optional", "try"], &["use"]),
];

/// What is before the name of a statement in words for one about SAs, and about policies; the longer first.
const OF_SAD: &[&str] = &["sadb_", "sadb-", "sadb", "sad_", "sad-", "sad", "sa_", "sa-", "sa"];
const OF_SPD: &[&str] =
    &["spd_", "spd-", "spdb", "policy-", "policy_", "policy", "sp_", "sp-", "sp"];

/// What a word of a statement may mean; the parser knows which of them its place takes.
pub(super) fn in_statement(word: &str) -> impl Iterator<Item = &'static str> {
    let tables = [STATEMENTS, PROTOCOLS, OPTIONS, ALGORITHMS, POLICY];
    let found = tables.into_iter().flat_map(move |rows| lookup(rows, word));
    found.chain(of_database(word))
}

/// The statement that a word with the name of a database before it stands for, as `sadflush`.
fn of_database(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let behind = |names: &'static [&str]| names.iter().filter_map(|name| lower.strip_prefix(name));
    let statement = |word: &str| {
        let meant = lookup(STATEMENTS, word).next().unwrap_or(word);
        meant.parse::<StatementWord>().ok().map(StatementWord::word)
    };
    let is_of_spd = |word: &&str| word.starts_with("spd");
    let about_sas = behind(OF_SAD).filter_map(statement).find(|word| !is_of_spd(word));
    let policies = || {
        let mut words = behind(OF_SPD).filter_map(statement).filter(|word| !is_of_spd(word));
        words.find_map(|word| statement(&format!("spd{word}")))
    };
    about_sas.or_else(policies)
}

/// What a word of a policy may mean.
pub(super) fn in_policy(word: &str) -> impl Iterator<Item = &'static str> {
    lookup(POLICY, word)
}

/// Whether the word stands for a statement of other programs.
pub(super) fn is_statement(word: &str) -> bool {
    lookup(STATEMENTS, word).next().is_some() || of_database(word).is_some()
}

/// The option that the word of another program stands for.
pub(super) fn option(word: &str) -> Option<ScriptOption> {
    lookup(OPTIONS, word).next()?.parse().ok()
}

/// Whether the word stands for an algorithm of other programs.
pub(super) fn is_algorithm(word: &str) -> bool {
    lookup(ALGORITHMS, word).next().is_some()
}

/// The algorithm that the word stands for.
pub(super) fn algorithm(word: &str) -> Option<&'static Algorithm> {
    let name = lookup(ALGORITHMS, word).next()?;
    model::ALGORITHMS.iter().find(|row| row.name == name)
}

fn lookup(rows: &'static [Row], word: &str) -> impl Iterator<Item = &'static str> {
    let lower = if word.starts_with('-') { word.to_owned() } else { word.to_ascii_lowercase() };
    let found = rows.iter().find(move |(words, _)| words.contains(&lower.as_str()));
    found.into_iter().flat_map(|(_, meant)| meant.iter().copied())
}
