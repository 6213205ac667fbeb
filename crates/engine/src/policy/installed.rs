//! What the kernel can have of a policy.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    num::NonZeroU32,
};

use model::{
    Action, Direction, Installation, IpVersion, Level, Mark, Mode, Policy, PolicyEntry, PolicyId,
    SaDirection, SaEntry, SaFlags, SaState, Template, TemplateMode, Variables,
};
use xfrm::{Connection, SadSelection};

use crate::{Error, policy::tunnels::Tunnel};

/// The SAs in tunnel mode that outbound packets can use.
#[derive(Default)]
pub struct TunnelSas(HashMap<Tunnel, Vec<Needs>>);

/// What a policy must have for an SA to serve it.
#[derive(PartialEq, Eq)]
struct Needs {
    mark: Mark,
    if_id: Option<NonZeroU32>,
    /// The version of its packets; none: both.
    version: Option<IpVersion>,
}

impl TunnelSas {
    /// Those of the SAD.
    pub fn read(kernel: &mut Connection) -> Result<Self, xfrm::Error> {
        let mut sas = Self::default();
        for entry in kernel.dump_sad(&SadSelection::default())? {
            match entry {
                Ok(entry) => sas.note(&entry),
                // An SA that cannot be read cannot be matched to a policy.
                Err(xfrm::Error::Malformed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sas)
    }

    /// Notes an SA, if outbound packets of a tunnel without a number can use it (`xfrm_state_find`,
    /// net/xfrm/xfrm_state.c).
    fn note(&mut self, SaEntry { sa, state, .. }: &SaEntry) {
        let is_usable = matches!(state, SaState::Mature | SaState::Dying)
            && sa.mode.installed() == Mode::Tunnel
            && sa.reqid.is_none()
            && sa.direction != Some(SaDirection::In);
        if is_usable {
            // Unless it is flagged so, it is found for packets of its own version only
            // (`xfrm_state_look_at`).
            let both = sa.flags.contains(SaFlags::ANY_FAMILY);
            let version = (!both).then_some(IpVersion::of(sa.ends.dst()));
            let needs = Needs { mark: sa.mark, if_id: sa.if_id, version };
            self.0.entry((sa.proto, sa.ends)).or_default().push(needs);
        }
    }

    /// Whether packets of this policy find an SA for a tunnel.
    fn serve(&self, id: &PolicyId, tunnel: Tunnel) -> bool {
        self.0.get(&tunnel).is_some_and(|needs| {
            needs.iter().any(|Needs { mark, if_id, version }| {
                id.mark.value & mark.mask == mark.value
                    && id.if_id == *if_id
                    && version.is_none_or(|version| version == id.selector.version())
            })
        })
    }
}

/// Those of these requested policies that are whole although no SA serves a tunnel of them that packets may pass without:
/// another program has installed them, or the SA is gone and no reconciler runs. Reads the SAD if one has such a
/// tunnel.
///
/// Errors: [`Error::Kernel`].
pub fn unserved<'e>(
    variables: &Variables,
    policies: impl Iterator<Item = &'e PolicyEntry>,
) -> Result<HashSet<PolicyId>, Error> {
    let mut sas = None;
    let mut unserved = HashSet::new();
    for PolicyEntry { policy, .. } in policies.filter(|entry| !entry.installation.is_partial) {
        for template in policy.action.templates() {
            let Some(tunnel) = optional_tunnel(policy, template, variables) else { continue };
            let sas = match &mut sas {
                Some(sas) => sas,
                none => none.insert(TunnelSas::read(&mut Connection::open()?)?),
            };
            if !sas.serve(&policy.id, tunnel) {
                unserved.insert(policy.id.clone());
            }
        }
    }
    Ok(unserved)
}

/// What to install of a requested policy, and how, while these SAs are there. `None`: no template
/// depends on SAs.
///
/// It refuses a template of an outbound tunnel that is optional (`validate_tmpl`,
/// net/xfrm/xfrm_user.c). So such a template is required while an SA serves it, and left out
/// otherwise.
pub fn to_install<'a>(
    requested: &'a Policy,
    variables: &Variables,
    sas: Option<&TunnelSas>,
) -> (Cow<'a, Policy>, Installation) {
    let installation = |policy: &Policy| {
        Installation::whole(policy, |template| {
            variables.is_optional(requested, template) && can_be_optional(requested, template)
        })
    };
    let is_installed = |template: &Template| {
        let tunnel = optional_tunnel(requested, template, variables);
        let is_served = |tunnel| sas.is_some_and(|sas| sas.serve(&requested.id, tunnel));
        tunnel.is_none_or(is_served)
    };
    let templates = requested.action.templates();
    if templates.iter().all(is_installed) {
        return (Cow::Borrowed(requested), installation(requested));
    }
    let installed = templates.iter().copied().filter(is_installed).collect();
    let installed = Policy { action: Action::Ipsec(installed), ..requested.clone() };
    let mut installation = installation(&installed);
    installation.is_partial = true;
    (Cow::Owned(installed), installation)
}

/// The tunnel of an outbound template that packets may pass without: the kernel cannot have it as
/// such.
pub fn optional_tunnel(
    requested: &Policy,
    template: &Template,
    variables: &Variables,
) -> Option<Tunnel> {
    match template.mode {
        TemplateMode::Tunnel(ends)
            if requested.id.direction == Direction::Out
                && variables.is_optional(requested, template) =>
        {
            Some((template.proto, ends))
        }
        _ => None,
    }
}

/// Whether the kernel can have a template as an optional one.
fn can_be_optional(requested: &Policy, template: &Template) -> bool {
    let is_tunnel = matches!(template.mode.mode(), Mode::Tunnel | Mode::Beet | Mode::IpTfs);
    requested.id.direction != Direction::Out || !is_tunnel
}

/// Whether what is installed of a policy depends on the host's variables or on SAs.
pub fn depends(policy: &Policy) -> bool {
    let templates = policy.action.templates().iter();
    let mut levels = templates.map(|template| (template.level, can_be_optional(policy, template)));
    levels.any(|depends| matches!(depends, (Level::Default, _) | (Level::Use, false)))
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Current, Prefix, Proto, ReqId, Sa, Selector, Spi, Variable};

    use super::*;

    const A: [u8; 4] = [192, 0, 2, 1];
    const B: [u8; 4] = [192, 0, 2, 2];

    fn ends() -> AddressPair {
        AddressPair::new(A.into(), B.into()).unwrap()
    }

    fn template(proto: Proto, mode: TemplateMode, level: Level) -> Template {
        Template::new(proto, mode, level)
    }

    fn policy(direction: Direction, templates: Vec<Template>) -> Policy {
        let selector = Selector::new(Prefix::host(A.into()), Prefix::host(B.into())).unwrap();
        Policy::new(PolicyId::new(selector, direction), Action::Ipsec(templates))
    }

    fn sas(change: impl Fn(&mut SaEntry)) -> TunnelSas {
        let sa = Sa { mode: Mode::Tunnel.into(), ..Sa::bare(ends(), Proto::Esp, Spi(4096)) };
        let mut entry = SaEntry::new(sa, SaState::Mature, Current::default());
        change(&mut entry);
        let mut sas = TunnelSas::default();
        sas.note(&entry);
        sas
    }

    /// How many templates are installed, the optional ones among them, and whether some are left out.
    fn installed(
        requested: &Policy,
        variables: &Variables,
        sas: &TunnelSas,
    ) -> (usize, Vec<usize>, bool) {
        let (policy, installation) = to_install(requested, variables, Some(sas));
        let count = policy.action.templates().len();
        (
            count,
            (0..count).filter(|place| installation.is_optional(*place)).collect(),
            installation.is_partial,
        )
    }

    #[test]
    fn default_has_the_level_of_the_variable() {
        let mut variables = Variables::default();
        let esp = template(Proto::Esp, TemplateMode::Transport, Level::Default);
        let ipcomp = Template { proto: Proto::IpComp, ..esp };
        let requested = policy(Direction::Out, vec![ipcomp, esp]);
        let none = TunnelSas::default();
        assert_eq!(installed(&requested, &variables, &none), (2, vec![0], false));
        let deflev = Variable::of_name("net.inet.ipsec.esp_trans_deflev").unwrap();
        variables.set(deflev.set(1).unwrap());
        assert_eq!(installed(&requested, &variables, &none), (2, vec![0, 1], false));
    }

    #[test]
    fn what_the_kernel_cannot_leave_out_is_required_by_default() {
        for mode in [TemplateMode::Beet(ends()), TemplateMode::Other(Mode::IpTfs, Some(ends()))] {
            let ipcomp = template(Proto::IpComp, mode, Level::Default);
            let installed = |direction| {
                let requested = policy(direction, vec![ipcomp]);
                installed(&requested, &Variables::default(), &TunnelSas::default())
            };
            assert_eq!(installed(Direction::Out), (1, vec![], false), "{mode:?}");
            assert_eq!(installed(Direction::In), (1, vec![0], false), "{mode:?}");
        }
    }

    #[test]
    fn an_optional_tunnel_comes_and_goes_with_its_sa() {
        let variables = Variables::default();
        let esp = template(Proto::Esp, TemplateMode::Tunnel(ends()), Level::Use);
        let ah = template(Proto::Ah, TemplateMode::Transport, Level::Require);
        let out = policy(Direction::Out, vec![esp, ah]);
        assert_eq!(installed(&out, &variables, &TunnelSas::default()), (1, vec![], true));
        assert_eq!(installed(&out, &variables, &sas(|_| ())), (2, vec![], false));
        let inbound = policy(Direction::In, vec![esp, ah]);
        assert_eq!(installed(&inbound, &variables, &TunnelSas::default()), (2, vec![0], false));
        assert!(depends(&out) && !depends(&inbound));
    }

    #[test]
    fn only_an_sa_that_the_kernel_would_take_serves() {
        let variables = Variables::default();
        let esp = template(Proto::Esp, TemplateMode::Tunnel(ends()), Level::Use);
        let out = policy(Direction::Out, vec![esp]);
        let is_served = |sas: TunnelSas| !installed(&out, &variables, &sas).2;
        assert!(is_served(sas(|entry| entry.state = SaState::Dying)));
        for unfit in [
            |entry: &mut SaEntry| entry.state = SaState::Larval,
            |entry: &mut SaEntry| entry.state = SaState::Dead,
            |entry: &mut SaEntry| entry.sa.mode = Mode::Transport.into(),
            |entry: &mut SaEntry| entry.sa.reqid = ReqId::new(7),
            |entry: &mut SaEntry| entry.sa.proto = Proto::Ah,
            |entry: &mut SaEntry| entry.sa.if_id = NonZeroU32::new(1),
            |entry: &mut SaEntry| entry.sa.mark = Mark { value: 1, mask: 1 },
            |entry: &mut SaEntry| entry.sa.direction = Some(SaDirection::In),
        ] {
            assert!(!is_served(sas(unfit)));
        }
    }

    #[test]
    fn the_other_ip_version_needs_an_sa_for_any() {
        let variables = Variables::default();
        let esp = template(Proto::Esp, TemplateMode::Tunnel(ends()), Level::Use);
        let mut inner_v6 = policy(Direction::Out, vec![esp]);
        inner_v6.id.selector = Selector::within(Prefix::everything(IpVersion::V6));
        assert!(installed(&inner_v6, &variables, &sas(|_| ())).2);
        let any = sas(|entry| entry.sa.flags = SaFlags::ANY_FAMILY);
        assert!(!installed(&inner_v6, &variables, &any).2);
    }
}
