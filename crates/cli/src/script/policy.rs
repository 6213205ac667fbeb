//! Policies as the statements that add them.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
};

use engine::forward_copy;
use grammar::{PolicyStatement, Written};
use model::{
    AlgorithmMasks, Dialect, Direction, Level, Mode, Policy, PolicyEntry, PolicyId, Share,
    Template, TemplateMode, Variables,
};

use super::{Reloaded, write_statement};

/// What a statement does not add: a requirement other than that of level `default`, in a template whose field `share` has
/// that level.
const REQUIREMENT: &str =
    "the level, which the host's variables decide: share:session is level default";

/// The policies of a dump, which a statement depends on: an `in` policy may come with its `fwd` policy.
pub struct PolicyScript<'e> {
    dialect: Dialect,
    /// Those of the host, which decide what level `default` stands for.
    variables: Variables,
    /// The places of policies in the script. Those of sockets are not among them.
    places: HashMap<&'e PolicyId, usize>,
    /// The `fwd` policies, by the names that they would have with direction `in`.
    forward: HashMap<PolicyId, (usize, &'e PolicyEntry)>,
    /// Those that are whole without an SA for a tunnel. The statement leaves it out while there is none.
    unserved: HashSet<PolicyId>,
}

impl<'e> PolicyScript<'e> {
    /// A script of these policies, in this order.
    pub fn new(
        dialect: Dialect,
        variables: Variables,
        entries: impl Iterator<Item = &'e PolicyEntry>,
    ) -> Self {
        let (places, forward, unserved) = (HashMap::new(), HashMap::new(), HashSet::new());
        let mut script = Self { dialect, variables, places, forward, unserved };
        for (place, entry) in entries.filter(|entry| !entry.socket).enumerate() {
            let id = &entry.policy.id;
            script.places.insert(id, place);
            if id.direction == Direction::Fwd {
                let inbound = PolicyId { direction: Direction::In, ..id.clone() };
                script.forward.insert(inbound, (place, entry));
            }
        }
        script
    }

    /// With what [`engine::unserved`] has found of them.
    #[must_use]
    pub fn with_unserved(self, unserved: HashSet<PolicyId>) -> Self {
        Self { unserved, ..self }
    }

    /// Writes a policy of the script, or a comment if no statement adds it.
    ///
    /// Errors: those of `out`.
    pub fn write(&self, out: &mut impl Write, entry: &PolicyEntry) -> io::Result<Reloaded> {
        let is_added = self.write_entry(out, entry)?;
        Ok(if is_added { Reloaded::Added } else { Reloaded::Comment })
    }

    /// Whether a statement adds it.
    fn write_entry(&self, out: &mut impl Write, entry: &PolicyEntry) -> io::Result<bool> {
        let id = &entry.policy.id;
        if entry.socket {
            writeln!(out, "# a socket's own policy, {}", id.direction.word())?;
            return Ok(true);
        }
        match (id.direction, self.dialect.is_bsd()) {
            (Direction::Out, _) | (Direction::Fwd, false) => {
                self.statement(out, entry, false, Vec::new())
            }
            (Direction::In, false) => {
                let place = self.places.get(id);
                let is_copied = self.forward.get(id).is_some_and(|(at, _)| Some(at) > place);
                self.statement(out, entry, !is_copied, Vec::new())
            }
            (Direction::In, true) => {
                let forward = self.forward.get(id).map(|(_, entry)| *entry);
                let is_other = forward.is_some_and(|forward| !is_copy_of(forward, entry));
                let lost = is_other.then(|| String::from("another policy for fwd"));
                self.statement(out, entry, forward.is_none(), lost.into_iter().collect())
            }
            // The `in` policy stands for it.
            (Direction::Fwd, true) if self.inbound(id).is_some() => Ok(true),
            (Direction::Fwd, true) => {
                let Written { text, .. } = grammar::script_of_policy(&entry.policy);
                writeln!(out, "# without: direction fwd\n# {}", *text)?;
                Ok(false)
            }
        }
    }

    /// The place of the `in` policy of a `fwd` policy.
    fn inbound(&self, id: &PolicyId) -> Option<usize> {
        self.places.get(&PolicyId { direction: Direction::In, ..id.clone() }).copied()
    }

    fn statement(
        &self,
        out: &mut impl Write,
        entry: &PolicyEntry,
        without_copy: bool,
        mut lost: Vec<String>,
    ) -> io::Result<bool> {
        let mut policy = entry.policy.clone();
        if self.unserved.contains(&policy.id) {
            lost.push(String::from("a tunnel while no SA serves it"));
        }
        if set_any_algorithm(&mut policy) {
            writeln!(out, "# AF_KEY's: any algorithm, which netlink shows as none")?;
        }
        // The form of a partial policy is that of the part which the kernel has: other templates have
        // these places.
        if !entry.installation.is_partial {
            for (place, template) in policy.action.templates_mut().iter_mut().enumerate() {
                let optionality = Optionality {
                    is_optional: entry.installation.is_optional(place),
                    default_is_optional: self.variables.is_optional(&entry.policy, template),
                };
                if !in_dialect(template, optionality, policy.id.direction, self.dialect) {
                    lost.push(String::from(REQUIREMENT));
                }
            }
        }
        let statement = PolicyStatement { dialect: self.dialect, without_copy };
        let Written { mut text, lost: missing, is_loadable } = statement.write(&policy);
        let (id, place) = (&entry.policy.id, self.places.get(&entry.policy.id).copied());
        let has_copy =
            id.direction == Direction::Fwd && self.inbound(id).is_some_and(|at| Some(at) < place);
        if has_copy && let Some(rest) = text.strip_prefix("spdadd") {
            // The `in` policy before it has made one, unless setkey -k loads this.
            text = format!("spdupdate{rest}").into();
        }
        write_statement(out, &text, &[missing, lost].concat(), is_loadable)?;
        Ok(is_loadable)
    }
}

/// Whether a `fwd` policy is what an `in` policy's statement adds with it.
fn is_copy_of(forward: &PolicyEntry, inbound: &PolicyEntry) -> bool {
    forward_copy(&inbound.policy).is_some_and(|copy| copy == forward.policy)
        && forward.installation == inbound.installation
}

/// Has any algorithm do where AF_KEY has added a policy, since the masks that netlink shows of it allow none.
/// Returns whether it has.
fn set_any_algorithm(policy: &mut Policy) -> bool {
    let mut is_set = false;
    for template in policy.action.templates_mut() {
        if template.details.algorithms == AlgorithmMasks::OF_AF_KEY {
            template.details.algorithms = AlgorithmMasks::default();
            is_set = true;
        }
    }
    is_set
}

/// How a template is installed, and how the host's variables have it at level `default`.
#[derive(Clone, Copy)]
struct Optionality {
    is_optional: bool,
    default_is_optional: bool,
}

/// Makes a template the one whose text a dialect reads as what is installed; false if the host's variables will change
/// it again: xfrm-tools take `session` in the field `share` for level `default`.
fn in_dialect(
    template: &mut Template,
    optionality: Optionality,
    direction: Direction,
    dialect: Dialect,
) -> bool {
    let Optionality { is_optional, default_is_optional } = optionality;
    let (level, reqid) = (template.level, template.reqid());
    if dialect.is_bsd() {
        // Their levels are all that there is of it.
        template.details.share = None;
        if is_optional
            && !dialect.lets_in_without(direction, template.proto)
            && level != Level::Default
        {
            (template.level, template.details.reqid) = (Level::Use, reqid);
        }
        return true;
    }
    let is_outbound_tunnel =
        direction == Direction::Out && matches!(template.mode, TemplateMode::Tunnel(_));
    let is_never_optional =
        direction == Direction::Out && matches!(template.mode.mode(), Mode::Beet | Mode::IpTfs);
    let is_as_requested = match level {
        // Without an SA for it the policy would be partial.
        Level::Use => is_optional || is_outbound_tunnel,
        Level::Require | Level::Unique(_) => !is_optional,
        // The kernel has no optional one, whatever the variables are.
        Level::Default if is_outbound_tunnel || is_never_optional => true,
        Level::Default => is_optional == default_is_optional,
    };
    if !is_as_requested {
        template.details.share.get_or_insert(Share::of(level));
        (template.level, template.details.reqid) =
            if is_optional { (Level::Use, reqid) } else { (Level::of_reqid(reqid), None) };
    }
    is_as_requested || level != Level::Default
}

#[cfg(test)]
mod tests {
    use std::slice;

    use model::{Action, AddressPair, Current, Installation, Prefix, Proto, ReqId, Selector};

    use super::*;

    fn entry(direction: Direction, template: Option<(Template, bool)>) -> PolicyEntry {
        let host = Prefix::host([192, 0, 2, 1].into());
        let id = PolicyId::new(Selector::within(host), direction);
        let (action, is_optional) = match template {
            Some((template, is_optional)) => (Action::Ipsec(vec![template]), is_optional),
            None => (Action::Discard, false),
        };
        let policy = Policy::new(id, action);
        let installation = Installation::whole(&policy, |_| is_optional);
        PolicyEntry { policy, installation, index: 8, socket: false, current: Current::default() }
    }

    fn script(dialect: Dialect, entries: &[PolicyEntry]) -> (String, bool) {
        let script = PolicyScript::new(dialect, Variables::default(), entries.iter());
        let (mut out, mut is_whole) = (Vec::new(), true);
        for entry in entries {
            is_whole &= script.write(&mut out, entry).unwrap() == Reloaded::Added;
        }
        (String::from_utf8(out).unwrap(), is_whole)
    }

    const ENDS: &str = "192.0.2.1 192.0.2.1 any";

    #[test]
    fn a_lone_inbound_policy_is_added_without_a_copy() {
        let [inbound, forward] = [Direction::In, Direction::Fwd].map(|it| entry(it, None));
        let alone = format!("spdadd {ENDS} -nofwd -P in discard;\n");
        for dialect in Dialect::ALL {
            assert_eq!(script(*dialect, slice::from_ref(&inbound)), (alone.clone(), true));
        }
        let both = [inbound.clone(), forward.clone()];
        let text = format!("spdadd {ENDS} -P in discard;\nspdupdate {ENDS} -P fwd discard;\n");
        assert_eq!(script(Dialect::Linux, &both), (text, true));
        let text = format!("spdadd {ENDS} -P in discard;\n");
        assert_eq!(script(Dialect::NetBsd, &both), (text, true));
        // A copy that came before would be in the way.
        let text = format!("spdadd {ENDS} -P fwd discard;\n{alone}");
        assert_eq!(script(Dialect::Linux, &[forward.clone(), inbound.clone()]), (text, true));
        let text = format!("# without: direction fwd\n# spdadd {ENDS} -P fwd discard;\n");
        assert_eq!(script(Dialect::FreeBsd, slice::from_ref(&forward)), (text, false));
        let other = PolicyEntry {
            policy: Policy { flags: model::PolicyFlags::ICMP, ..forward.policy },
            ..forward
        };
        let text = format!("# without: another policy for fwd\nspdadd {ENDS} -P in discard;\n");
        assert_eq!(script(Dialect::NetBsd, &[inbound, other]), (text, true));
    }

    #[test]
    fn a_level_is_what_is_installed() {
        let seven = Level::Unique(ReqId::new(7));
        for (level, is_optional, linux, netbsd) in [
            (Level::Require, false, "require", "require"),
            (Level::Require, true, "use/share:unique", "use"),
            (seven, true, "use/reqid:7/share:unique", "use/reqid:7"),
            (Level::Use, true, "use", "use"),
            (Level::Use, false, "require/share:user", "use"),
            // `default` is `require`, unless the host's variables have it otherwise.
            (Level::Default, false, "default", "default"),
            (Level::Default, true, "use/share:session", "default"),
        ] {
            let template = Template::new(Proto::Esp, TemplateMode::Transport, level);
            let entry = entry(Direction::Out, Some((template, is_optional)));
            for (dialect, expected) in [(Dialect::Linux, linux), (Dialect::NetBsd, netbsd)] {
                let text = format!("spdadd {ENDS} -P out ipsec esp/transport//{expected};\n");
                let is_changed = expected == "use/share:session";
                let lost =
                    if is_changed { format!("# without: {REQUIREMENT}\n") } else { String::new() };
                assert_eq!(script(dialect, slice::from_ref(&entry)), (lost + &text, true));
            }
        }
    }

    #[test]
    fn a_tunnel_that_is_installed_without_an_sa_is_named() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let template = Template::new(Proto::Esp, TemplateMode::Tunnel(ends), Level::Use);
        let entry = entry(Direction::Out, Some((template, false)));
        let entries = || slice::from_ref(&entry).iter();
        let unserved = HashSet::from([entry.policy.id.clone()]);
        let script = PolicyScript::new(Dialect::Linux, Variables::default(), entries())
            .with_unserved(unserved);
        let mut text = Vec::new();
        assert_eq!(script.write(&mut text, &entry).unwrap(), Reloaded::Added);
        let expected = format!(
            "# without: a tunnel while no SA serves it\n\
             spdadd {ENDS} -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use;\n"
        );
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_policy_of_af_key_takes_any_algorithm() {
        let mut template = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
        template.details.algorithms = AlgorithmMasks::OF_AF_KEY;
        template.details.share = Some(Share(0));
        let text = format!(
            "# AF_KEY's: any algorithm, which netlink shows as none\n\
             spdadd {ENDS} -P out ipsec esp/transport//require/share:any;\n"
        );
        let entry = entry(Direction::Out, Some((template, false)));
        assert_eq!(script(Dialect::Linux, &[entry]), (text, true));
    }
}
