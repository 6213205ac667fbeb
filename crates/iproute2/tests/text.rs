//! What iproute2 6.1 has printed on Linux 7.2 (`ip -s xfrm state` and so on), read back as the lines that made it; and what
//! iproute2 7.1 prints beside that.
#![allow(clippy::unwrap_used, reason = "a failed unwrap names its line")]

use std::num::NonZeroU32;

use iproute2::{
    batch,
    text::{EntryOfText, Error, entries},
};
use model::SaDirection;

const STATE: &str = include_str!("recorded/state");
const STATE_SHORT: &str = include_str!("recorded/state-short");
/// Of iproute2 7.1.
const STATE_7_1: &str = include_str!("recorded/state-7.1");
const POLICY: &str = include_str!("recorded/policy");
const POLICY_IN_LINES: &str = include_str!("recorded/policy-in-lines");

/// The entries of a text as lines of `ip -batch`, and whether all have what `-s` prints.
fn lines(text: &str) -> (Vec<String>, bool) {
    let (mut lines, mut is_detailed) = (Vec::new(), true);
    for placed in entries(text) {
        let placed = placed.unwrap();
        is_detailed &= placed.is_detailed;
        let line = match placed.entry {
            EntryOfText::Sa(entry) => batch::sa(&entry.sa),
            EntryOfText::Policy(entry) => batch::policy(&entry.policy, entry.installation),
            EntryOfText::SocketPolicy | EntryOfText::OfLinux => continue,
        };
        assert_eq!(line.lost, [] as [&str; 0], "{}", *line.text);
        lines.push((*line.text).clone());
    }
    (lines, is_detailed)
}

const KEY: &str = "0x000102030405060708090a0b0c0d0e0f10111213";

fn sas(limits: &str, extra_flag: &str) -> Vec<String> {
    vec![
        "xfrm state add src 192.0.2.1 dst 192.0.2.2 proto comp spi 0x11 mode tunnel comp deflate"
            .to_owned(),
        format!(
            "xfrm state add src 2001:db8::1 dst 2001:db8::2 proto esp spi 0x1002 mode transport \
             enc ecb(cipher_null) \"\" auth-trunc hmac(sha1) {KEY} 96"
        ),
        format!(
            "xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 mode tunnel reqid 7 \
             replay-window 64 replay-seq 9 replay-oseq 7 flag noecn decap-dscp esn{extra_flag} \
             aead rfc4106(gcm(aes)) {KEY} 128{limits} encap espinudp 4500 4501 198.51.100.1 \
             mark 0x5 mask 0xff output-mark 0x3 mask 0xf if_id 9 tfcpad 1400 \
             sel src 10.1.0.0/16 dst 10.2.0.0/16 dev lo proto 6 dport 80"
        ),
    ]
}

#[test]
fn sas_are_those_that_were_added() {
    let limits = " limit time-soft 100 limit byte-hard 1000";
    assert_eq!(lines(STATE), (sas(limits, " extra-flag 0x1"), true));
    assert_eq!(lines(STATE_SHORT), (sas("", ""), false));
}

#[test]
fn direction_cpu_and_padding_are_read() {
    let found = entries(STATE_7_1).map(|placed| match placed.unwrap().entry {
        EntryOfText::Sa(entry) => (entry.sa.direction, entry.sa.cpu, entry.sa.tfc_padding),
        _ => panic!("it is no SA"),
    });
    let (inward, outward) = (Some(SaDirection::In), Some(SaDirection::Out));
    let padding = NonZeroU32::new(1400);
    assert_eq!(found.collect::<Vec<_>>(), [(inward, None, None), (outward, Some(0), padding)]);
}

#[test]
fn policies_are_those_that_were_added() {
    let expected = vec![
        "xfrm policy add src ::/0 dst ::/0 dir in action block priority 7".to_owned(),
        "xfrm policy add src 10.1.0.0/16 dst 10.2.0.0/16 proto 1 type 8 dir out mark 0x1 mask 0xff \
         action allow priority 5 flag 0x2 if_id 9 limit byte-soft 0 \
         tmpl src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x5 mode tunnel reqid 7 level required \
         tmpl src 0.0.0.0 dst 0.0.0.0 proto ah mode transport level use"
            .to_owned(),
    ];
    assert_eq!(lines(POLICY), (expected.clone(), true));
    assert_eq!(lines(POLICY_IN_LINES), (expected, true));
}

fn error(text: &str) -> Error {
    entries(text).find_map(Result::err).unwrap()
}

#[test]
fn an_error_has_place_word_and_what_is_expected() {
    for (text, expected) in [
        (
            STATE.replace("mode transport", "mode transpotr"),
            "33:58: expected a mode, not `transpotr`",
        ),
        (STATE.replace("tfcpad 1400", "tfcpad"), "61:2: expected a number of bytes, not `sel`"),
        (
            STATE.replace("lastused", "").replace("stats:", "status:"),
            "15:2: expected mark, an algorithm, or another word of `ip xfrm state`, not `status:`",
        ),
        (
            POLICY.replace("dir in", "dir inn"),
            "2:6: expected a direction: in, out or fwd, not `inn`",
        ),
        (
            "src 192.0.2.1 dst ::1\n".to_owned(),
            "1:19: expected an address of the IP version of src, not `::1`",
        ),
        ("src 192.0.2.1 dst".to_owned(), "1:18: expected an IP address, not the end of the entry"),
        ("something else".to_owned(), "1:1: expected `src`, not `something`"),
    ] {
        assert_eq!(error(&text).to_string(), expected);
    }
}

#[test]
fn no_error_has_a_key() {
    for (from, to) in [
        ("0x0001", "0x001"),
        ("0x0001", "0xg001"),
        ("0x0001", "0x00 01"),
        (" (160 bits)", " (160 bit)"),
    ] {
        let text = error(&STATE.replace(from, to)).to_string();
        assert!(!text.contains("02030405"), "{text}");
    }
    let hidden = STATE_SHORT.replace(KEY, "<<Keys hidden>>");
    let text = error(&hidden).to_string();
    assert_eq!(text, "15:24: expected a key: `ip xfrm state list nokeys` hides them, not `...`");
}

#[test]
fn an_entry_has_a_limit() {
    let long = format!("src {}", "x ".repeat(40_000));
    assert_eq!(error(&long).to_string(), "1:1: expected an entry of 64 KiB at most, not `src`");
    let bitmap = STATE.replace("bitmap-length 2", "bitmap-length 999999999");
    assert_eq!(error(&bitmap).to_string(), "57:35: expected at most 128 words, not `999999999`");
}
