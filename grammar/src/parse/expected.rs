//! What could have stood where a script went wrong: sentences for messages, and words for guesses.

use model::{Dialect, LevelKind, ScriptOption, ZeroLimits};
use pest::{
    RuleType,
    error::{Error, ErrorVariant},
};

use super::{
    attempt::where_it_ends,
    dialect::{PRIORITY, is_foreign},
    lists::{
        AUTH, CIPHERS, COMP, actions, algorithms, all_names, bases, details, directions,
        encapsulations, flags, group_options, iptfs_settings, kernel_flags, levels, modes,
        options_with_effect, policy_flags, policy_options, policy_types, protocols, sa_directions,
        sa_modes, sa_options, statements, template_protocols,
    },
    rules::{PolicyRule, Rule},
    value,
};
use crate::tree::StatementWord;

/// The most words that a message lists, and those of a longer list that it gives for example.
const MOST_LISTED: usize = 14;
const EXAMPLES: usize = 5;

/// `a mode: transport, tunnel or beet`.
fn one_of(what: &str, words: &[&str]) -> String {
    if words.len() > MOST_LISTED {
        let examples = words[..EXAMPLES].join(", ");
        return format!("{what}: {examples} or another of setkey(8)");
    }
    let list = match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    };
    if what.is_empty() { list } else { format!("{what}: {list}") }
}

/// The words of a list that the dialect has.
fn own(words: Vec<&'static str>, dialect: Dialect) -> Vec<&'static str> {
    words.into_iter().filter(|word| !is_foreign(word, dialect)).collect()
}

/// What would have been right where the statement `text` went wrong, in plain words.
pub(crate) fn expected(error: &Error<Rule>, text: &str, dialect: Dialect) -> Vec<String> {
    let number = value::number_of(value::option_before(text, where_it_ends(error)));
    let statement = text.split([' ', '\t', '\n']).next().and_then(|word| word.parse().ok());
    let with_effect = statement.and_then(options_with_effect);
    // After `-E null` a key may follow in FreeBSD alone.
    let takes_no_key = dialect != Dialect::FreeBsd && positives(error).contains(&Rule::end);
    sentences(error, |rule| match rule {
        Rule::key if takes_no_key => None,
        Rule::decimal | Rule::number | Rule::iptfs_value if number.is_some() => number.clone(),
        Rule::hex if positives(error).contains(&Rule::kernel_flag_word) => {
            Some("further flags: a 0x hexadecimal number".to_owned())
        }
        Rule::hex
            if !positives(error).contains(&Rule::spi)
                && !positives(error).contains(&Rule::decimal) =>
        {
            Some("a 0x hexadecimal number".to_owned())
        }
        Rule::policy_text => {
            let directions = one_of("", &own(directions(), dialect));
            Some(format!("a policy: {directions}, and an action"))
        }
        Rule::extension | Rule::policy_option if with_effect.is_some() => {
            with_effect.clone().map(|words| one_of("an option", &own(words, dialect)))
        }
        _ => words(rule, dialect)
            .map(|(what, words)| one_of(what, &words))
            .or_else(|| sentence(rule).map(str::to_owned)),
    })
}

/// What a rule takes one word of, and the words.
fn words(rule: Rule, dialect: Dialect) -> Option<(&'static str, Vec<&'static str>)> {
    Some(match rule {
        Rule::add_word => ("a statement", short_statements(dialect)),
        Rule::proto | Rule::proto_word | Rule::esp_udp => ("a protocol", own(protocols(), dialect)),
        Rule::extension => ("an option", own(sa_options(), dialect)),
        Rule::group_option => ("an option", own(group_options(), dialect)),
        Rule::policy_option => ("an option", own(policy_options(), dialect)),
        Rule::flag_word => ("a flag", flags()),
        Rule::mode_word => ("a mode", sa_modes()),
        Rule::kernel_flag_word => ("a flag", kernel_flags()),
        Rule::policy_flag_word => ("a flag", policy_flags()),
        Rule::zero_limit_word => ("a limit", ZeroLimits::WORDS.to_vec()),
        Rule::policy_type_word => ("a type", policy_types()),
        Rule::sa_direction => ("a direction", sa_directions()),
        Rule::crypt_word | Rule::crypt_bare | Rule::crypt => {
            ("an encryption algorithm", algorithms(CIPHERS))
        }
        Rule::auth_word | Rule::auth_bare => ("an authentication algorithm", algorithms(AUTH)),
        Rule::comp_word | Rule::comp => ("a compression algorithm", algorithms(COMP)),
        Rule::encap_word => ("an encapsulation", encapsulations()),
        Rule::iptfs_list | Rule::iptfs_one | Rule::iptfs_number | Rule::iptfs_flag => {
            ("a setting of mode iptfs", iptfs_settings())
        }
        _ => return None,
    })
}

/// What a rule takes, where that is no word of a list.
fn sentence(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::iptfs_equals => "= and a number",
        Rule::other_mask => "/ and the mask of the destination port",
        Rule::on_device => "dev and the name of a network device",
        Rule::look_up => "-4, -6 or -n",
        Rule::host | Rule::range | Rule::address => "an address or a host name",
        Rule::prefix => "/ and a prefix length",
        Rule::port => "[ and a port",
        Rule::any_port | Rule::service => "a port: a number, a service or any",
        Rule::close => "]",
        Rule::spi | Rule::hex => "an SPI: a decimal or 0x hexadecimal number",
        Rule::decimal | Rule::iptfs_value => "a decimal number",
        Rule::whole_packet => "packet",
        Rule::device => "the name of a network device",
        Rule::number => "a decimal or 0x hexadecimal number",
        Rule::natt_end => "an address with a port in brackets",
        Rule::algorithms => "an algorithm: -E, -A or -C",
        Rule::auth => "-A and an authentication algorithm",
        Rule::raw_cpi => ScriptOption::RawCpi.word(),
        Rule::key => "a key: \"in quotes\" or 0x hexadecimal",
        Rule::quoted => "a text in quotes",
        Rule::tag => "tagged",
        Rule::selector => "two address ranges",
        Rule::upper | Rule::upper_name => {
            "an upper-layer protocol: any, a name of /etc/protocols or a number"
        }
        Rule::misc => "TYPE,CODE of ICMP or a dotted GRE key",
        Rule::context => ScriptOption::Context.word(),
        Rule::policy => "-P and a policy",
        Rule::end | Rule::policy_end => "`;`",
        _ => return None,
    })
}

/// The statements of a dialect; of those that end the script one.
fn short_statements(dialect: Dialect) -> Vec<&'static str> {
    let alike = [StatementWord::Quit, StatementWord::Bye].map(StatementWord::word);
    let words = statements().into_iter().filter(|word| !alike.contains(word)).collect();
    own(words, dialect)
}

/// The same for a policy.
pub(crate) fn policy_expected(error: &Error<PolicyRule>, dialect: Dialect) -> Vec<String> {
    sentences(error, |rule| {
        let text = match rule {
            PolicyRule::direction => {
                return Some(one_of("a direction", &own(directions(), dialect)));
            }
            PolicyRule::base | PolicyRule::number => {
                let bases = one_of("", &bases());
                return Some(format!("a priority: {bases} with an offset, or a number"));
            }
            PolicyRule::template | PolicyRule::proto | PolicyRule::cut_short => {
                let protocols = one_of("a template", &template_protocols());
                return Some(format!("{protocols}, as in esp/tunnel/A-B/require"));
            }
            PolicyRule::mode => return Some(one_of("a mode", &modes())),
            PolicyRule::level => {
                let numbered = format!("{}:NUMBER", LevelKind::Unique.word());
                return Some(one_of("a level", &[levels(), vec![&numbered]].concat()));
            }
            PolicyRule::detail | PolicyRule::detail_word => {
                let details: Vec<String> = details().iter().map(|it| format!("{it}:")).collect();
                let details: Vec<&str> = details.iter().map(String::as_str).collect();
                return Some(one_of("a detail", &details));
            }
            PolicyRule::value => "a value",
            PolicyRule::priority => "a priority",
            PolicyRule::minus if is_one_end(error) => "- and the other end",
            // The sign of a number alone, which `base` stands for.
            PolicyRule::minus if positives(error).contains(&PolicyRule::base) => return None,
            PolicyRule::plus | PolicyRule::minus
                if positives(error).contains(&PolicyRule::plus) =>
            {
                "+ or -"
            }
            PolicyRule::minus => "-",
            // In the SPD; those of sockets are refused there with a sentence.
            PolicyRule::action => "an action: ipsec, none or discard",
            PolicyRule::slash => "/",
            // A tunnel with `me-any` has no endpoints.
            PolicyRule::ends | PolicyRule::address | PolicyRule::me | PolicyRule::any => {
                "the tunnel's endpoints: SRC-DST"
            }
            PolicyRule::port => "a port in brackets",
            PolicyRule::EOI => "the end of the policy",
            _ => return None,
        };
        Some(text.to_owned())
    })
}

/// The words that could have stood where a statement went wrong, as far as they can be listed.
pub(crate) fn candidates(error: &Error<Rule>) -> Vec<&'static str> {
    let lists = positives(error).iter().map(|rule| match rule {
        Rule::add_word => statements(),
        Rule::proto | Rule::proto_word | Rule::esp_udp => protocols(),
        Rule::extension => sa_options(),
        Rule::policy_option => policy_options(),
        Rule::group_option => group_options(),
        Rule::policy_flag_word => policy_flags(),
        Rule::policy_type_word => policy_types(),
        Rule::flag_word => flags(),
        Rule::mode_word => sa_modes(),
        Rule::kernel_flag_word => kernel_flags(),
        Rule::sa_direction => sa_directions(),
        Rule::encap_word => encapsulations(),
        Rule::whole_packet => vec!["packet"],
        Rule::crypt_word | Rule::crypt_bare | Rule::crypt => all_names(CIPHERS),
        Rule::auth_word | Rule::auth_bare | Rule::auth => all_names(AUTH),
        Rule::comp_word | Rule::comp => all_names(COMP),
        _ => Vec::new(),
    });
    lists.flatten().collect()
}

/// The same for a policy.
pub(crate) fn policy_candidates(error: &Error<PolicyRule>) -> Vec<&'static str> {
    let lists = positives(error).iter().map(|rule| match rule {
        PolicyRule::direction => directions(),
        PolicyRule::priority => PRIORITY.to_vec(),
        PolicyRule::base => bases(),
        PolicyRule::action => actions(),
        PolicyRule::template | PolicyRule::proto | PolicyRule::cut_short => template_protocols(),
        PolicyRule::mode => modes(),
        PolicyRule::level => levels(),
        _ => Vec::new(),
    });
    lists.flatten().collect()
}

/// Whether the other endpoint of a tunnel could have followed.
pub(crate) fn is_one_end(error: &Error<PolicyRule>) -> bool {
    let rules = positives(error);
    rules.contains(&PolicyRule::minus) && rules.contains(&PolicyRule::port)
}

pub(super) fn positives<R: RuleType>(error: &Error<R>) -> &[R] {
    match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives,
        ErrorVariant::CustomError { .. } => &[],
    }
}

/// What stands for the rules that could have matched, each once.
fn sentences<R: RuleType>(error: &Error<R>, of: impl Fn(R) -> Option<String>) -> Vec<String> {
    let mut sentences: Vec<_> = positives(error).iter().filter_map(|&rule| of(rule)).collect();
    sentences.sort_unstable();
    sentences.dedup();
    sentences
}
