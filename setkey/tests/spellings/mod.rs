//! Keys that a script has in the wrong place or the wrong spelling, for the tests of several commands.
#![allow(clippy::unwrap_used, dead_code, reason = "each test takes what it needs, and fails")]

/// Characters of a key in a row that no output has.
const PIECE: usize = 5;

/// How a key may be written, with nothing in it that messages contain anyway.
pub const SPELLINGS: &[&str] = &[
    "0x73697874656e627974656b65796f6e65",
    "0x73697874656E627974656B65796F6E65",
    "0X73697874656e627974656b65796f6e65",
    "0X73697874656E627974656B65796F6E65",
    "73697874656e627974656b65796f6e65",
    "73697874656E627974656B65796F6E65",
    "deadbeefcafebabedeadbeefcafebabe",
    "\"sixtenbytekeyone\"",
    "\"two\nlinesofthekey\"",
    "\"sem;icolon;inthekey\"",
    "\"hash#hashinthekey\"",
    "\"opnsixtenbytekey",
    "'sixtenbytekeyone'",
    "'sixten bytekey one42'",
    "'opnsixtenbytekey",
    "'sem;icolonsinthekey'",
    "`sixtenbytekeyone`",
    "\u{201c}sixtenbytekeyone\u{201d}",
    "\u{ab}schl\u{fc}sselwort\u{bb}",
    "$'sixtenbytekeyone'",
    "1936292980 1701147234 2037671275",
    "73697874 656e6279 74656b65 796f6e65",
    "0x73697874 656e6279 74656b65 796f6e65",
    "73:69:78:74:65:6e:62:79:74:65",
    "7369,7874,656e,6279,7465",
    "7369-7874-656e-6279-7465",
    "0x7369_7874_656e_6279_7465",
    "0x7369787465zz627974656b6579",
    "\\x73\\x69\\x78\\x74\\x65\\x6e",
    "%73%69%78%74%65%6e%62%79",
    "c2l4dGVuYnl0ZWtleW9uZQ==",
    "0sc2l4dGVuYnl0ZWtleW9uZQ==",
    "x'73697874656e627974656b65'",
    "{73697874656e627974656b65}",
    "(73697874656e627974656b65)",
    "[73697874656e627974656b65]",
    "<sixtenbytekeyone>",
    "key=sixtenbytekeyone",
    "0x7369787465",
    "\"sixten\"",
    "0x736978746",
    "0x73697874656e627974656b65796f6e6573697874656e627974656b65796f6e6573697874656e62",
    "-sixtenbytekeyone",
    "--sixten bytekeyone",
    "sixtenbytekeyone",
    "sixten#bytekeyone",
    "0b01110011011010010111100001110100",
    "hmacsixtenbytekeyone",
    "\"\"73697874656e627974656b65",
    "0x73697874656e\\\n627974656b65796f",
    "sixten\0bytekeyone",
    "0x 73697874656e627974656b65",
];

/// Where a key may be in a script.
pub const PLACES: &[&str] = &[
    "add 192.0.2.1 192.0.2.2 esp 9 -E aes-cbc KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 -m tunnel -E aes-cbc KEY -A hmac-foo KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 -E aes-foo KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 -e aes-cbc KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 -E KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 -Eaes-cbc KEY -u x;",
    "add 192.0.2.1 192.0.2.2 esp 9 -m tunnel KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 KEY;",
    "add 192.0.2.1 192.0.2.2 ah 9 -A tcp-md5 KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 -E null KEY;",
    "update 192.0.2.1 192.0.2.2 esp 9 -E aes-cbc KEY;",
    "flush\nadd 192.0.2.1 192.0.2.2 esp 9 -E aes-cbc KEY;",
    "spdadd ::1 ::1 any -P out none\nadd 192.0.2.1 192.0.2.2 esp 9 -E des-cbc KEY;",
    "add 192.0.2.1 192.0.2.2 esp 9 -E null # old: KEY\n -x;",
    "add 192.0.2.1 192.0.2.2 esp 9 -E blowfish-cbc KEY; bogus;",
];

/// The pieces of a key, those with blanks and quotes left out.
fn pieces(key: &str) -> impl Iterator<Item = String> {
    let characters: Vec<char> = key.chars().collect();
    let pieces: Vec<String> =
        characters.windows(PIECE).map(|window| window.iter().collect()).collect();
    pieces.into_iter().filter(|piece| !piece.contains([' ', '\n', '"']) && piece != "0x736")
}

/// Fails if an output has a piece of the key.
#[track_caller]
pub fn assert_absent(key: &str, script: &str, output: &str) {
    for piece in pieces(key) {
        assert!(!output.contains(&piece), "{piece:?} of\n{script}\nin\n{output}");
    }
}
