use model::{Dialect, Names, SocketPolicy};

use crate::{Error, lower, parse::policy, tree::Span};

/// Reads the policy string of a socket, as ipsec_set_policy(3) does: `out ipsec
/// esp/transport//require`, `in bypass`.
///
/// A direction without an action is an error, since the original takes it for `discard`.
pub fn socket_policy(
    text: &str,
    dialect: Dialect,
    names: &dyn Names,
) -> Result<SocketPolicy, Error> {
    let source = policy::alone(text.as_bytes(), dialect);
    let whole = Span { start: 0, end: text.len() };
    let policy = policy::parse(&source, source.ascii(), whole)?;
    lower::policy::of_socket(&source, names, &policy, whole)
}

#[cfg(test)]
mod tests {
    use model::{Direction, Level, Priority, Proto, ReqId, SocketAction, Template, TemplateMode};
    use sys::SystemNames;

    use super::*;
    use crate::text_of_socket_policy;

    fn read(text: &str) -> Result<SocketPolicy, Error> {
        socket_policy(text, Dialect::Linux, &SystemNames)
    }

    fn refusal(text: &str) -> String {
        let error = read(text).unwrap_err();
        format!("{}: {error}", error.position())
    }

    #[test]
    fn every_action_is_read_and_written() {
        for text in [
            "in bypass",
            "out entrust",
            "in prio high + 5 discard",
            "out ipsec esp/transport//require ah/tunnel/192.0.2.1-192.0.2.2/unique:7",
            "in ipsec ipcomp/transport//default",
        ] {
            let written = text_of_socket_policy(&read(text).unwrap());
            assert_eq!((written.text.as_str(), written.lost), (text, vec![]));
        }
    }

    #[test]
    fn templates_are_those_of_the_spd() {
        let unique = Level::Unique(ReqId::new(9));
        let esp = Template::new(Proto::Esp, TemplateMode::Transport, unique);
        let action = SocketAction::Ipsec(vec![esp]);
        let policy = SocketPolicy::new(Direction::Out, Priority::DEFAULT, action);
        assert_eq!(read("out ipsec esp/transport//unique:9").ok(), policy.ok());
    }

    #[test]
    fn none_is_bypass() {
        assert_eq!(read("in none"), read("in bypass"));
    }

    #[test]
    fn errors_have_their_place() {
        assert_eq!(refusal("out"), "1:4: the policy does not say what to do");
        assert_eq!(refusal("out ipsek"), "1:5: syntax error in the policy");
        assert_eq!(refusal("out ipsec esp/tunnel//use"), "1:11: a tunnel needs its endpoints");
        assert_eq!(refusal("\u{fc}ber"), "1:1: syntax error in the policy");
        assert_eq!(
            refusal("fwd bypass"),
            "1:1: a socket has no policy for packets that are forwarded: say in or out"
        );
    }
}
