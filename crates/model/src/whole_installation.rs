//! Installations of the templates of a policy.

use crate::{Installation, Level, Policy, Template};

impl Installation {
    /// The installation of all templates of a policy: those that `is_optional`
    /// picks may be passed without an SA.
    #[must_use]
    pub fn whole(policy: &Policy, is_optional: impl FnMut(&Template) -> bool) -> Self {
        Self::of(policy.action.templates(), is_optional)
    }

    /// The installation by AF_KEY: `use` is optional, and nothing else.
    #[must_use]
    pub fn plain(policy: &Policy) -> Self {
        Self::whole(policy, |template| template.level == Level::Use)
    }

    /// This installation, with those templates of the policy optional too that `is_optional` picks by their
    /// places.
    #[must_use]
    pub fn and_optional(
        mut self,
        policy: &Policy,
        is_optional: impl Fn(usize, &Template) -> bool,
    ) -> Self {
        for (place, template) in policy.action.templates().iter().enumerate() {
            if is_optional(place, template) {
                self.optional |= Self::bit(place);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Direction, PolicyId, Prefix, Proto, Selector, TemplateMode};

    #[test]
    fn an_installation_has_the_optional_templates() {
        let esp = Template::new(Proto::Esp, TemplateMode::Transport, Level::Use);
        let ah = Template { proto: Proto::Ah, level: Level::Require, ..esp };
        let host = Prefix::host([192, 0, 2, 1].into());
        let policy = Policy::new(
            PolicyId::new(Selector::within(host), Direction::In),
            Action::Ipsec(vec![ah, esp]),
        );
        let installation = Installation::whole(&policy, |template| template.level == Level::Use);
        assert_eq!(
            [0, 1, 2, 400].map(|place| installation.is_optional(place)),
            [false, true, false, false]
        );
        let installation =
            installation.and_optional(&policy, |place, template| place == 0 && *template == ah);
        assert!(installation.is_optional(0) && installation.is_optional(1));
    }
}
