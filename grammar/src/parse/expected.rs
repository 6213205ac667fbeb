use pest::{
    RuleType,
    error::{Error, ErrorVariant},
};

use model::{ALGORITHMS, AlgorithmKind, Dialect};

use super::rules::{PolicyRule, Rule};

/// The words that begin a statement in any dialect.
pub(crate) const STATEMENTS: &[&str] = &[
    "add",
    "update",
    "getspi",
    "get",
    "delete",
    "deleteall",
    "flush",
    "dump",
    "spdadd",
    "spdupdate",
    "spddelete",
    "spdflush",
    "spddump",
    "exit",
    "quit",
    "bye",
];

const OPTIONS: &[&str] = &[
    "-ctx",
    "-esn",
    "-mark",
    "-outmark",
    "-ifid",
    "-natt",
    "-dir",
    "-offload",
    "-flag",
    "-keepalive",
    "-nokeepalive",
];
const PROTOCOLS: &[&str] = &["esp", "ipcomp", "esp-udp", "esp-old", "ah-old"];
/// The modes of a request.
pub(crate) const MODES: &[&str] = &["transport", "tunnel", "beet"];
/// The upper-layer protocols that are most often meant.
pub(crate) const UPPERS: &[&str] = &["any", "icmp", "icmp6", "tcp", "udp", "sctp", "gre", "ip4"];

/// The statements of a dialect, in plain words.
fn statements(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Linux => {
            "a statement: add, get, delete, deleteall, flush, dump, spdadd, spdupdate, \
             spddelete, spdflush, spddump or exit"
        }
        Dialect::NetBsd => {
            "a statement: add, update, getspi, get, delete, deleteall, flush, dump, spdadd, \
             spdupdate, spddelete, spdflush, spddump or exit"
        }
        Dialect::FreeBsd => {
            "a statement: add, get, delete, deleteall, flush, dump, spdadd, spddelete, spdflush \
             or spddump"
        }
    }
}

/// What would have been right where a statement went wrong, in plain words.
pub(crate) fn expected(error: &Error<Rule>, dialect: Dialect) -> Vec<&'static str> {
    words(error, |rule| {
        Some(match rule {
            Rule::add_word => statements(dialect),
            Rule::look_up => "-4, -6 or -n",
            Rule::host | Rule::range | Rule::address => "an address or a host name",
            Rule::prefix => "/ and a prefix length",
            Rule::port => "[ and a port",
            Rule::any_port | Rule::service => "a port: a number, a UDP service or any",
            Rule::close => "]",
            Rule::proto | Rule::proto_word | Rule::esp_udp => {
                "a protocol: esp, ah, ipcomp, esp-udp, esp-old or ah-old"
            }
            Rule::spi | Rule::hex => "an SPI: a decimal or 0x hexadecimal number",
            Rule::decimal => "a decimal number",
            Rule::extension => {
                "an option: -m, -u, -r, -esn, -lh, -ls, -bh, -bs, -uh, -us, -ph, -ps, -mark, \
                 -outmark, -ifid, -dir, -offload, -natt, -keepalive, -flag, -f or -ctx"
            }
            Rule::policy_option => {
                "an option: -mark, -ifid, -lh, -ls, -bh, -bs, -uh, -us, -ph or -ps"
            }
            Rule::flag_word => "zero-pad, random-pad, seq-pad or nocyclic-seq",
            Rule::mode_word => "a mode: transport, tunnel, beet or any",
            Rule::kernel_flag_word => {
                "a flag: noecn, decap-dscp, nopmtudisc, wildrecv, icmp, af-unspec, align4, \
                 dont-encap-dscp or oseq-may-wrap"
            }
            Rule::way => "in or out",
            Rule::whole_packet => "packet",
            Rule::device => "the name of a network device",
            Rule::number => "a decimal or 0x hexadecimal number",
            Rule::natt_end => "an address with a port in brackets",
            Rule::algorithms => "an algorithm: -E, -A or -C",
            Rule::crypt_word | Rule::crypt_bare | Rule::crypt => {
                "an encryption algorithm: aes-cbc, aes-gcm-16, aes-ccm-16, \
                 chacha20-poly1305, aes-ctr, aes-gmac, camellia-cbc, 3des-cbc, des-cbc, \
                 twofish-cbc, serpent-cbc, blowfish-cbc, cast128-cbc or null"
            }
            Rule::auth_word | Rule::auth_bare => {
                "an authentication algorithm: hmac-sha256, hmac-sha256-128, hmac-sha384, \
                 hmac-sha512, hmac-sha1, hmac-md5, hmac-ripemd160, aes-xcbc-mac, aes-cmac or null"
            }
            Rule::auth => "-A and an authentication algorithm",
            Rule::comp_word | Rule::comp => "a compression algorithm: deflate or lzs",
            Rule::raw_cpi => "-R",
            Rule::key => "a key: \"in quotes\" or 0x hexadecimal",
            Rule::quoted => "a text in quotes",
            Rule::tag => "tagged",
            Rule::selector => "two address ranges",
            Rule::upper | Rule::upper_name => {
                "an upper-layer protocol: any, a name of /etc/protocols or a number"
            }
            Rule::misc => "TYPE,CODE of ICMP or a dotted GRE key",
            Rule::context => "-ctx",
            Rule::policy => "-P and a policy",
            Rule::policy_text => "a policy: in, out or fwd, and an action",
            Rule::end | Rule::policy_end => "`;`",
            _ => return None,
        })
    })
}

/// The same for a policy.
pub(crate) fn policy_expected(error: &Error<PolicyRule>) -> Vec<&'static str> {
    words(error, |rule| {
        Some(match rule {
            PolicyRule::direction => "a direction: in, out or fwd",
            PolicyRule::priority => "a priority",
            PolicyRule::base | PolicyRule::number => {
                "a priority: low, def or high with an offset, or a number"
            }
            PolicyRule::plus | PolicyRule::minus => "+ or -",
            PolicyRule::action => "an action: ipsec, none or discard",
            PolicyRule::request | PolicyRule::proto | PolicyRule::cut_short => {
                "a request: esp, ah or ipcomp, as in esp/tunnel/A-B/require"
            }
            PolicyRule::slash => "/",
            PolicyRule::mode => "a mode: transport, tunnel or beet",
            PolicyRule::ends | PolicyRule::address => "the tunnel's endpoints: SRC-DST",
            PolicyRule::port => "a port in brackets",
            PolicyRule::me => "me",
            PolicyRule::any => "any",
            PolicyRule::level => "a level: require, unique, unique:NUMBER, use or default",
            PolicyRule::EOI => "the end of the policy",
            _ => return None,
        })
    })
}

/// The words that could have stood where a statement went wrong, as far as they can be listed.
pub(crate) fn candidates(error: &Error<Rule>) -> Vec<&'static str> {
    let lists = positives(error).iter().map(|rule| match rule {
        Rule::add_word => STATEMENTS.to_vec(),
        Rule::proto | Rule::proto_word | Rule::esp_udp => PROTOCOLS.to_vec(),
        Rule::extension | Rule::policy_option => OPTIONS.to_vec(),
        Rule::flag_word => vec!["zero-pad", "random-pad", "seq-pad", "nocyclic-seq"],
        Rule::mode_word => vec!["transport", "tunnel", "beet", "any"],
        Rule::kernel_flag_word => model::SaFlags::NAMES.map(|row| row.1).to_vec(),
        Rule::way => vec!["in", "out"],
        Rule::whole_packet => vec!["packet"],
        Rule::crypt_word | Rule::crypt_bare | Rule::crypt => {
            [names_of(AlgorithmKind::Crypt), names_of(AlgorithmKind::Aead)].concat()
        }
        Rule::auth_word | Rule::auth_bare | Rule::auth => names_of(AlgorithmKind::Auth),
        Rule::comp_word | Rule::comp => names_of(AlgorithmKind::Comp),
        _ => Vec::new(),
    });
    lists.flatten().collect()
}

fn names_of(kind: AlgorithmKind) -> Vec<&'static str> {
    let rows = ALGORITHMS.iter().filter(|row| row.kind == kind);
    rows.flat_map(|row| [&[row.name], row.aliases].concat()).collect()
}

/// The same for a policy.
pub(crate) fn policy_candidates(error: &Error<PolicyRule>) -> Vec<&'static str> {
    let lists = positives(error).iter().map(|rule| match rule {
        PolicyRule::direction => &["in", "out", "fwd"] as &[&str],
        PolicyRule::priority => &["prio", "priority"],
        PolicyRule::base => &["low", "def", "high"],
        PolicyRule::action => &["ipsec", "none", "discard", "bypass", "entrust"],
        PolicyRule::request | PolicyRule::proto | PolicyRule::cut_short => &["esp", "ipcomp"],
        PolicyRule::mode => MODES,
        PolicyRule::level => &["require", "unique", "default", "use"],
        _ => &[],
    });
    lists.flatten().copied().collect()
}

fn positives<R: RuleType>(error: &Error<R>) -> &[R] {
    match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => &[],
    }
}

fn words<R: RuleType>(
    error: &Error<R>,
    word: impl Fn(R) -> Option<&'static str>,
) -> Vec<&'static str> {
    let mut words: Vec<_> = positives(error).iter().filter_map(|&rule| word(rule)).collect();
    words.sort_unstable();
    words.dedup();
    words
}
