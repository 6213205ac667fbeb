use std::fmt;

use model::{
    ActionKind, IpVersion, Level, LevelKind, Mode, Policy, Proto, ReqId, SocketAction,
    SocketPolicy, TemplateMode, Variables,
};

/// What a line of `ipsecd.conf` grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Grant {
    /// An action. Of `ipsec`: ESP and AH in transport mode at level `require`.
    Action(ActionKind),
    /// Templates with endpoints: packets go through SAs that the SPD may have for other packets.
    Tunnel,
    /// Level `use`: packets pass in clear while there is no SA.
    Use,
    /// Level `unique` with this number: the SAs of another policy.
    Unique(ReqId),
    /// Level `unique` with any number.
    UniqueAny,
}

/// The actions that a line can grant.
const ACTIONS: [ActionKind; 4] =
    [ActionKind::Ipsec, ActionKind::Bypass, ActionKind::Discard, ActionKind::Entrust];

const UNIQUE: &str = LevelKind::Unique.word();
/// After `unique:`, instead of a number.
const ANY_NUMBER: &str = "any";

/// The words of a line, for a message.
pub(crate) const WORDS: &str =
    "ipsec, tunnel, use, unique:NUMBER, unique:any, bypass, discard or entrust";

impl Grant {
    /// What a word grants.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        if let Some((level, number)) = word.split_once(':') {
            return if level == UNIQUE { Self::of_number(number) } else { None };
        }
        if let Some(action) = ACTIONS.into_iter().find(|action| action.word() == word) {
            return Some(Grant::Action(action));
        }
        [Grant::Tunnel, Grant::Use].into_iter().find(|grant| grant.to_string() == word)
    }

    /// What `unique:` grants before this word.
    fn of_number(word: &str) -> Option<Self> {
        if word == ANY_NUMBER {
            return Some(Grant::UniqueAny);
        }
        let number = ReqId::new(word.parse().ok()?)?;
        (number <= ReqId::MANUAL_MAX).then_some(Grant::Unique(number))
    }

    /// Whether it is that of the action `ipsec`.
    pub(crate) fn is_ipsec(self) -> bool {
        self == Grant::Action(ActionKind::Ipsec)
    }

    /// Whether it extends `ipsec`, and has no meaning without.
    pub(crate) fn extends_ipsec(self) -> bool {
        !matches!(self, Grant::Action(_))
    }

    /// Whether it includes another grant.
    pub(crate) fn includes(self, other: Self) -> bool {
        self == other || matches!((self, other), (Grant::UniqueAny, Grant::Unique(_)))
    }

    /// What a policy of a socket of this IP version needs, under these variables.
    pub(crate) fn needed(
        policy: &SocketPolicy,
        version: IpVersion,
        variables: &Variables,
    ) -> Vec<Self> {
        match (policy.action(), policy.policy(version)) {
            (SocketAction::Ipsec(_), Some(policy)) => needed_by_templates(&policy, variables),
            (action, _) => vec![Grant::Action(action.kind())],
        }
    }
}

fn needed_by_templates(policy: &Policy, variables: &Variables) -> Vec<Grant> {
    let templates = policy.action.templates();
    let mut protecting =
        templates.iter().filter(|template| matches!(template.proto, Proto::Esp | Proto::Ah));
    // IPComp protects nothing: without ESP and AH packets pass in clear.
    if protecting.clone().next().is_none() {
        return vec![Grant::Action(ActionKind::Bypass)];
    }
    let mut needed = vec![Grant::Action(ActionKind::Ipsec)];
    if templates.iter().any(|template| template.mode != TemplateMode::Transport) {
        needed.push(Grant::Tunnel);
    }
    if protecting.any(|template| variables.is_optional(policy, template)) {
        needed.push(Grant::Use);
    }
    needed.extend(templates.iter().filter_map(|template| match template.level {
        Level::Unique(number) => number.map(Grant::Unique),
        Level::Default | Level::Use | Level::Require => None,
    }));
    needed
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grant::Action(action) => f.write_str(action.word()),
            Grant::Tunnel => f.write_str(Mode::Tunnel.word()),
            Grant::Use => f.write_str(Level::Use.word()),
            Grant::Unique(number) => write!(f, "{UNIQUE}:{}", number.number()),
            Grant::UniqueAny => write!(f, "{UNIQUE}:{ANY_NUMBER}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{Dialect, Variable};
    use sys::SystemNames;

    use super::*;

    fn needed(text: &str, variables: &Variables) -> Vec<String> {
        let policy = grammar::socket_policy(text, Dialect::Linux, &SystemNames).unwrap();
        let needed = Grant::needed(&policy, IpVersion::V4, variables);
        needed.iter().map(Grant::to_string).collect()
    }

    #[test]
    fn ipsec_is_transport_mode_at_require_and_the_rest_has_its_word() {
        let variables = Variables::default();
        let ends = "192.0.2.1-192.0.2.2";
        for (text, words) in [
            ("out ipsec esp/transport//require", &["ipsec"][..]),
            ("out ipsec esp/transport//unique", &["ipsec"]),
            ("out ipsec esp/transport//default", &["ipsec"]),
            ("out ipsec ipcomp/transport//use esp/transport//require", &["ipsec"]),
            ("in ipsec esp/transport//use", &["ipsec", "use"]),
            ("in ipsec esp/transport//require ah/transport//use", &["ipsec", "use"]),
            ("out ipsec esp/transport//unique:77", &["ipsec", "unique:77"]),
            (&format!("out ipsec esp/tunnel/{ends}/require"), &["ipsec", "tunnel"]),
            (
                &format!("in ipsec ipcomp/tunnel/{ends}/use esp/transport//unique:9"),
                &["ipsec", "tunnel", "unique:9"],
            ),
            ("out ipsec", &["bypass"]),
            ("out ipsec ipcomp/transport//require", &["bypass"]),
            ("out none", &["bypass"]),
            ("in discard", &["discard"]),
            ("in entrust", &["entrust"]),
        ] {
            assert_eq!(needed(text, &variables), words, "{text}");
        }
    }

    #[test]
    fn default_is_what_the_variables_make_of_it() {
        let mut variables = Variables::default();
        let deflev = Variable::of_name("net.inet.ipsec.esp_trans_deflev").unwrap();
        variables.set(deflev.set(1).unwrap());
        assert_eq!(needed("out ipsec esp/transport//default", &variables), ["ipsec", "use"]);
    }

    #[test]
    fn words_lead_to_grants_and_back() {
        for word in WORDS.replace("or ", "").replace("NUMBER", "16383").split(", ") {
            let word = word.split(' ').next_back().unwrap();
            assert_eq!(Grant::of_word(word).unwrap().to_string(), word);
        }
        for word in ["unique", "unique:", "unique:0", "unique:16384", "use:1", "none", "Tunnel"] {
            assert_eq!(Grant::of_word(word), None, "{word}");
        }
    }
}
