//! Tunnels whose source is no address of this host.

use std::net::IpAddr;

use model::{Direction, Mode, PolicyEntry, Template};

use crate::{Cause, Conclusion, Silence, context::Context};

/// IPv6 takes any source, so that packets leave and no answer finds this host.
pub fn findings(context: &mut Context<'_>, silences: &[Silence<'_>]) {
    for cause in templates(context) {
        let Cause::WrongSource { template, .. } = &cause else { continue };
        let ends = template.mode.endpoints();
        let sending = silences.iter().find(|it| Some(it.sa.sa.ends) == ends);
        if let Some(silence) = sending {
            context.add(Conclusion::observed(cause, silence.packets));
        }
    }
}

/// The templates of policies for `out` that have such a source.
pub fn templates<'a>(context: &Context<'a>) -> Vec<Cause<'a>> {
    let out =
        context.tables().policies.iter().filter(|it| it.policy.id.direction == Direction::Out);
    let templates =
        out.flat_map(|entry| entry.policy.action.templates().iter().map(move |it| (entry, it)));
    templates.filter_map(|(entry, template)| of(context, entry, template)).collect()
}

/// The cause, if the source of a template is no address of this host.
pub fn of<'a>(
    context: &Context<'_>,
    policy: &'a PolicyEntry,
    template: &'a Template,
) -> Option<Cause<'a>> {
    let observation = context.observation;
    let ends = template.mode.endpoints()?;
    let is_elsewhere = policy.policy.id.direction == Direction::Out
        && template.mode.mode() != Mode::Transport
        && !ends.src().is_unspecified()
        && !observation.is_local(ends.src());
    let own = || -> Option<IpAddr> { observation.host.routes.get(&ends.dst())?.as_ref()?.src };
    is_elsewhere.then(|| Cause::WrongSource { policy, template, own: own() })
}
