//! Words and files of other programs that a script has no place for, and what it has instead.

/// Words, and what to write instead of them.
type Row = (&'static [&'static str], &'static str);

const ADDRESSES: Row = (
    &["src", "dst", "saddr", "daddr", "from", "to", "-s", "-d", "--src", "--dst"],
    "no words are before the addresses: the source is the first, the destination the second",
);

/// Words of a statement about an SA.
const OF_SAS: &[Row] = &[
    ADDRESSES,
    (&["proto"], "no word is before the protocol: esp, ah or ipcomp"),
    (&["spi", "-spi", "--spi"], "no word is between the protocol and the SPI"),
    (&["mode"], "the mode of an SA is an option: -m transport or -m tunnel"),
    (&["reqid"], "the request ID of an SA is an option: -u NUMBER"),
    (&["mask"], "a mask goes behind a slash: -mark MARK/MASK"),
    (&["mark"], "a mark is an option: -mark MARK/MASK"),
    (&["output-mark"], "a mark of what is sent is an option: -outmark MARK/MASK"),
    (&["if_id"], "the ID of xfrm interfaces is an option: -ifid NUMBER"),
    (&["dir"], "the direction of an SA is an option: -dir in or -dir out"),
    (&["encap"], "NAT traversal is an option: -natt ADDRESS[PORT] ADDRESS[PORT]"),
    (&["replay-window", "replay"], "the replay window is an option: -r PACKETS"),
    (&["flag"], "flags are options: -flag WORD or -esn"),
    (
        &["cyclic-seq"],
        "leave the flag out: -flag oseq-may-wrap lets the sequence numbers of an SA begin again",
    ),
    (
        &["limit", "lifetime", "time-hard", "-lifetime", "-life"],
        "lifetimes are options: -lh SECONDS -ls SECONDS, or -bh BYTES -bs BYTES",
    ),
];

/// Those before the name of an algorithm.
const OF_ALGORITHMS: &[Row] = &[
    (
        &["-k", "-K", "-key", "--key", "-enckey", "-authkey"],
        "a key is behind the name of its algorithm: -E NAME KEY, -A NAME KEY",
    ),
    (
        &["enc", "-enc", "--enc", "aead", "-aead", "--aead", "cipher"],
        "encryption is an option behind the others: -E NAME KEY, as in -E aes-gcm-16 KEY",
    ),
    (
        &["auth", "auth-trunc", "-auth", "--auth", "-auth-trunc"],
        "authentication is the last option: -A NAME KEY, as in -A hmac-sha256 KEY",
    ),
    (&["comp", "-comp"], "compression is the last option: -C deflate"),
];

/// Words of a statement about a policy, before its `-P`.
const OF_POLICIES: &[Row] = &[
    ADDRESSES,
    (
        &["proto", "-p", "--proto"],
        "the protocol goes behind both addresses, without a word before it",
    ),
    (&["dport", "sport", "port", "--dport", "--sport"], "a port is in brackets: ADDRESS[PORT]"),
    (&["dir"], "the direction goes behind -P: -P in or -P out"),
    (
        &["priority", "prio", "-priority", "-prio", "--priority"],
        "a priority goes behind the direction: -P out priority NUMBER ipsec ...",
    ),
    (&["mask"], "a mask goes behind a slash: -mark MARK/MASK"),
    (&["mark"], "a mark is an option: -mark MARK/MASK"),
    (&["if_id"], "the ID of xfrm interfaces is an option: -ifid NUMBER"),
    (&["dev", "-i", "-o"], "a device is an option: -dev NAME"),
    (&["ptype"], "the type is an option: -ptype main or -ptype sub"),
    (
        &["-m", "mode", "-mode", "-tunnel", "-transport"],
        "the mode of a policy is in its template: ipsec esp/tunnel/SRC-DST/require",
    ),
    (
        &["-u", "reqid", "-reqid"],
        "the request ID of a policy is the level of its template: unique:NUMBER",
    ),
    (&["-E", "-A", "-C"], "algorithms and keys are those of an SA: a policy has none"),
    (&["tmpl", "action"], "the policy goes behind -P: -P out ipsec esp/tunnel/SRC-DST/require"),
];

/// Words behind `-P`.
const BEHIND_P: &[Row] = &[
    (&["dir"], "the direction is right behind -P: -P in or -P out"),
    (&["tmpl", "proto", "src"], "a template is one word: esp/tunnel/SRC-DST/require"),
    (&["action"], "no word is before the action: ipsec, none or discard"),
    (&["index", "mark", "if_id", "dev"], "options of a policy go before -P: -mark, -ifid or -dev"),
];

/// What the files of other programs begin with.
const FILES: &[(&[&str], &str)] = &[
    (&["src "], "what `ip xfrm` prints"),
    (&["connections {", "secrets {", "pools {", "authorities {"], "swanctl.conf(5)"),
    (&["conn ", "config setup", "ca "], "ipsec.conf(5) of an IKE daemon"),
    (
        &["path ", "remote ", "sainfo ", "listen {", "padding {", "timer {", "log ", "mode_cfg {"],
        "racoon.conf(5)",
    ),
    (&["ike ", "flow ", "esp from ", "ah from ", "tcpmd5 "], "OpenBSD's ipsec.conf(5)"),
    (
        &["table ", "flush ruleset", "add table inet ", "add table ip", "add rule ", "add chain "],
        "nft(8)",
    ),
    (
        &[
            "local_ts = ",
            "remote_ts = ",
            "local_addrs = ",
            "remote_addrs = ",
            "esp_proposals = ",
            "proposals = ",
            "children { ",
        ],
        "swanctl.conf(5)",
    ),
    (
        &[
            "esp = ",
            "ike = ",
            "left = ",
            "right = ",
            "leftsubnet = ",
            "rightsubnet = ",
            "keyexchange = ",
            "ikelifetime = ",
            "lifetime = ",
            "salifetime = ",
            "keylife = ",
            "authby = ",
            "auto = ",
            "type = ",
            "leftid = ",
            "rightid = ",
            "leftcert = ",
            "rightcert = ",
            "ikev2 = ",
            "pfs = ",
            "dpdaction = ",
            "phase2alg = ",
        ],
        "ipsec.conf(5) of an IKE daemon",
    ),
    (&["pass ", "block ", "match "], "pf.conf(5)"),
    (
        &[
            "ipsec_enable = ",
            "ipsec_file = ",
            "ipsec_program = ",
            "cloned_interfaces = ",
            "gif_interfaces = ",
        ],
        "rc.conf(5) of a BSD",
    ),
    (&["iptables ", "ip6tables ", "-A INPUT ", "-A OUTPUT ", "-A FORWARD "], "iptables(8)"),
    (&["*filter", "*mangle", "*nat", "*raw"], "iptables-restore(8)"),
];

/// How much of a text is compared with the beginnings of files, in characters.
const LONGEST_BEGINNING: usize = 80;

/// The program whose file begins as `text`.
pub(super) fn file(text: &str) -> Option<&'static str> {
    let apart = text.chars().take(LONGEST_BEGINNING).collect::<String>().replace('=', " = ");
    let words = apart.split_ascii_whitespace().take(4);
    let beginning = words.fold(String::new(), |line, word| line + word + " ");
    if text.lines().next().is_some_and(|line| line.contains(": PSK ")) {
        return Some("ipsec.secrets(5)");
    }
    let begins = |beginnings: &&[&str]| beginnings.iter().any(|it| beginning.starts_with(it));
    FILES.iter().find(|(beginnings, _)| begins(beginnings)).map(|(_, program)| *program)
}

/// Whether a word begins a file of another program.
pub(super) fn begins_file(word: &str) -> bool {
    let mut beginnings = FILES.iter().flat_map(|(beginnings, _)| *beginnings);
    beginnings.any(|beginning| beginning.split(' ').next() == Some(word))
}

/// Whether a word is one of a statement about an SA.
pub(super) fn is_of_sa(word: &str) -> bool {
    lookup(OF_SAS, word).is_some()
}

/// Whether a word goes before the name of an algorithm.
pub(super) fn is_before_algorithm(word: &str) -> bool {
    lookup(OF_ALGORITHMS, word).is_some()
}

/// What to write instead of a word of a statement.
pub(super) fn in_statement(is_spd: bool, word: &str) -> Option<&'static str> {
    if is_spd {
        lookup(OF_POLICIES, word)
    } else {
        lookup(OF_SAS, word).or(lookup(OF_ALGORITHMS, word))
    }
}

/// The same of a word behind `-P`.
pub(super) fn in_policy(word: &str) -> Option<&'static str> {
    lookup(BEHIND_P, word)
}

fn lookup(rows: &[Row], word: &str) -> Option<&'static str> {
    rows.iter().find(|(words, _)| words.contains(&word)).map(|(_, advice)| *advice)
}
