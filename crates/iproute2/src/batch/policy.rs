//! `ip xfrm policy add`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{
    Action, AlgorithmMasks, Installation, IpVersion, Level, Lifetimes, Mode, Policy, PolicyFlags,
    PolicyType, ReqId, Share, Template, ZeroLimits,
};

use super::{BatchLine, proto};

/// The line that adds a policy with templates that are installed so.
#[must_use]
pub fn policy(policy: &Policy, installation: Installation) -> BatchLine {
    let mut line = BatchLine::new("xfrm policy add");
    let id = &policy.id;
    line.push_selector(&id.selector);
    line.push(format_args!("dir {}", id.direction.word()));
    line.push_context(id.sec_ctx.as_ref());
    line.push_mark(id.mark);
    if id.policy_type != PolicyType::Main {
        line.push(format_args!("ptype {}", id.policy_type.word()));
    }
    let blocks = policy.action == Action::Discard;
    line.push(format_args!("action {}", if blocks { "block" } else { "allow" }));
    line.push(format_args!("priority {}", policy.priority.0));
    line.push_policy_flags(policy.flags);
    line.push_option("if_id", id.if_id);
    line.push_policy_limits(&policy.lifetimes, policy.zero_limits);
    let templates = if blocks { &policy.unused_templates } else { policy.action.templates() };
    let installation = if blocks { policy.unused_installation() } else { installation };
    let mut version = id.selector.version();
    for (place, template) in templates.iter().enumerate() {
        version = template.mode.endpoints().map_or(version, |ends| IpVersion::of(ends.src()));
        line.push_template(template, installation.is_optional(place), version);
    }
    if let Some(device) = policy.offload {
        line.lose(format!("offload {device}"));
    }
    for attribute in &policy.unknown {
        line.lose(format!("attribute {}", attribute.number));
    }
    line
}

impl BatchLine {
    fn push_policy_flags(&mut self, flags: PolicyFlags) {
        if !flags.is_empty() {
            self.push(format_args!("flag {:#x}", flags.bits()));
        }
    }

    fn push_policy_limits(&mut self, lifetimes: &Lifetimes, zero: ZeroLimits) {
        self.push_limits(lifetimes);
        let words = ["byte-soft", "byte-hard", "packet-soft", "packet-hard"];
        for (word, _) in words.into_iter().zip(zero.are_zero()).filter(|(_, is_zero)| *is_zero) {
            self.push(format_args!("limit {word} 0"));
        }
    }

    /// Adds a template of an IP version, with all its addresses: `ip` takes the version from them.
    fn push_template(&mut self, template: &Template, is_optional: bool, version: IpVersion) {
        let any = match version {
            IpVersion::V4 => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpVersion::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let ends = template.mode.endpoints().map_or((any, any), |ends| (ends.src(), ends.dst()));
        self.push(format_args!(
            "tmpl src {} dst {} proto {}",
            ends.0,
            ends.1,
            proto(template.proto)
        ));
        self.push_spi(template.proto, template.details.spi.map_or(0, |spi| spi.0));
        match template.mode.mode() {
            mode @ Mode::IpTfs => self.lose(format!("mode {}", mode.word())),
            mode => self.push(format_args!("mode {}", mode.word())),
        }
        self.push_option("reqid", template.reqid().map(ReqId::number));
        self.push(format_args!("level {}", if is_optional { "use" } else { "required" }));
        let share = template.details.share.unwrap_or(Share::of(template.level));
        // `require` and `use` are read from the template itself, where no share has the level.
        let is_level_kept = matches!(template.level, Level::Require | Level::Use);
        if share != Share(0) {
            let is_read = template.details.share.is_some() || !is_level_kept;
            let list = if is_read { &mut self.altered } else { &mut self.unused };
            list.push(format!("share {share}"));
        }
        match template.details.algorithms {
            all if all == AlgorithmMasks::default() => {}
            AlgorithmMasks::OF_AF_KEY => {
                self.unused.push("the masks of AF_KEY, which stand for any algorithm".to_owned());
            }
            AlgorithmMasks { crypt, auth, comp } => {
                self.lose(format!("algorithm masks {crypt:#x} {auth:#x} {comp:#x}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Direction, PolicyId, Prefix, Proto, Selector, TemplateMode};

    use super::*;

    fn of(action: Action) -> Policy {
        let host = Prefix::host([192, 0, 2, 1].into());
        Policy::new(PolicyId::new(Selector::within(host), Direction::Out), action)
    }

    const HEAD: &str = "xfrm policy add src 192.0.2.1/32 dst 192.0.2.1/32 dir out";

    #[test]
    fn every_template_has_its_addresses() {
        let ends = AddressPair::new(Ipv6Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
        let ends = ends.unwrap_or(AddressPair::UNSPECIFIED);
        let tunnel = Template::new(Proto::Esp, TemplateMode::Tunnel(ends), Level::Use);
        let mut ah = Template::new(Proto::Ah, TemplateMode::Transport, Level::Require);
        ah.set_share(Share(0));
        let it = of(Action::Ipsec(vec![tunnel, ah]));
        let line = policy(&it, Installation::plain(&it));
        let templates = "tmpl src ::1 dst ::1 proto esp mode tunnel level use \
                         tmpl src :: dst :: proto ah mode transport level required";
        let expected = format!("{HEAD} action allow priority 2147483648 {templates}");
        assert_eq!((&*line.text, line.lost.len()), (&expected, 0));
        assert_eq!((line.unused, line.altered.len()), (vec!["share user".to_owned()], 0));
        let unique = Template::new(Proto::Esp, TemplateMode::Transport, Level::Default);
        let mut other = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
        other.set_share(Share(1));
        for template in [unique, other] {
            let it = of(Action::Ipsec(vec![template]));
            let line = policy(&it, Installation::plain(&it));
            assert_eq!((line.altered, line.unused.len()), (vec!["share session".to_owned()], 0));
        }
    }

    #[test]
    fn limits_of_zero_are_written() {
        let zero_limits = ZeroLimits::new([false, true, false, true]);
        let it = Policy { zero_limits, flags: PolicyFlags::ICMP, ..of(Action::Discard) };
        let words =
            "action block priority 2147483648 flag 0x2 limit byte-hard 0 limit packet-hard 0";
        assert_eq!(*policy(&it, Installation::default()).text, format!("{HEAD} {words}"));
    }
}
