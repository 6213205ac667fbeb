use pest::{
    RuleType,
    error::{Error, ErrorVariant},
};

use crate::{parse::Rule, policy::Rule as PolicyRule};

/// What would have been right where a statement went wrong, in plain words.
pub(crate) fn expected(error: &Error<Rule>) -> Vec<&'static str> {
    words(error, |rule| {
        Some(match rule {
            Rule::statement => {
                "a statement: add, get, delete, deleteall, flush, dump, spdadd, spdupdate, \
                 spddelete, spdflush, spddump or exit"
            }
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
            Rule::extension => "an option: -m, -u, -r, -lh, -ls, -bh, -bs, -f or -ctx",
            Rule::flag_word => "zero-pad, random-pad, seq-pad or nocyclic-seq",
            Rule::mode_word => "a mode: transport, tunnel or any",
            Rule::algorithms => "an algorithm: -E, -A or -C",
            Rule::crypt_word | Rule::crypt_bare | Rule::crypt => {
                "an encryption algorithm: aes-cbc, aes-ctr, 3des-cbc, des-cbc, camellia-cbc, \
                 twofish-cbc, blowfish-cbc, cast128-cbc or null"
            }
            Rule::auth_word | Rule::auth_bare => {
                "an authentication algorithm: hmac-sha256, hmac-sha384, hmac-sha512, hmac-sha1, \
                 hmac-md5, hmac-ripemd160, aes-xcbc-mac or null"
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
            PolicyRule::mode => "a mode: transport or tunnel",
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

fn words<R: RuleType>(
    error: &Error<R>,
    word: impl Fn(R) -> Option<&'static str>,
) -> Vec<&'static str> {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else {
        return Vec::new();
    };
    let mut words: Vec<_> = positives.iter().filter_map(|&rule| word(rule)).collect();
    words.sort_unstable();
    words.dedup();
    words
}
