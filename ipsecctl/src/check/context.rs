//! What every kind of finding is made from.

use metrics::Offers;
use model::{Demand, LevelKind, Mode, Prefix, SaEntry, SaMode, Selector, Template, TemplateMode};

use super::{cover::Cover, entry::PolicyAt, ssh::SshConnection, tables::LoadedTables};

/// The host around the tables.
#[derive(Debug, Clone, Default)]
pub struct CheckedHost {
    /// The tables are the kernel's.
    pub is_live: bool,
    /// A program receives the kernel's requests for SAs.
    pub has_key_daemon: bool,
    /// The connection by which this process is used.
    pub ssh: Option<SshConnection>,
}

/// The tables, with what several kinds of findings look up.
pub struct TablesInContext<'a> {
    pub tables: &'a LoadedTables,
    pub surroundings: &'a CheckedHost,
    pub cover: Cover<'a>,
    offers: Offers,
}

impl<'a> TablesInContext<'a> {
    /// Looks through the tables once.
    pub fn new(tables: &'a LoadedTables, surroundings: &'a CheckedHost) -> Self {
        let mut offers = Offers::default();
        for (at, sa) in tables.sas.iter().enumerate() {
            for entry in in_its_modes(&sa.entry) {
                offers.add(at, &entry);
            }
        }
        Self { tables, surroundings, cover: Cover::new(&tables.policies), offers }
    }

    /// The places of the SAs that serve a template.
    pub fn serving(&self, demand: &Demand) -> impl Iterator<Item = usize> {
        self.offers.numbered(demand).map(|(_, at)| *at)
    }

    /// Whether SAs serve all templates of a policy that packets do not pass without.
    pub fn is_served(&self, policy: &PolicyAt) -> bool {
        required(policy).all(|(_, demand)| self.serving(&demand).next().is_some())
    }
}

/// An SA of a script without `-m` is, in the dialects of the BSDs, of the mode that a policy demands.
fn in_its_modes(entry: &SaEntry) -> Vec<SaEntry> {
    if !entry.sa.mode.is_any() {
        return vec![entry.clone()];
    }
    let of = |mode| {
        let mut entry = entry.clone();
        entry.sa.mode = SaMode::Of(mode);
        entry
    };
    vec![of(Mode::Transport), of(Mode::Tunnel)]
}

/// What the templates of a policy demand, with their places. A template in transport mode after a tunnel is
/// between the ends of that (`xfrm_tmpl_resolve_one`).
pub fn demands(policy: &PolicyAt) -> Vec<(usize, Demand)> {
    let id = &policy.policy.id;
    let mut ends = None;
    let mut demands = Vec::new();
    for (at, template) in policy.policy.action.templates().iter().enumerate() {
        let mut id = id.clone();
        if template.mode == TemplateMode::Transport
            && let Some(between) = ends
        {
            id.selector = between;
        }
        if let Some(pair) = template.mode.endpoints()
            && !pair.dst().is_unspecified()
        {
            ends = Selector::new(Prefix::host(pair.src()), Prefix::host(pair.dst())).ok();
        }
        demands.extend(Demand::of(&id, std::slice::from_ref(template)).map(|demand| (at, demand)));
    }
    demands
}

/// What those templates demand that packets do not pass without.
pub fn required(policy: &PolicyAt) -> impl Iterator<Item = (usize, Demand)> {
    demands(policy).into_iter().filter(|(_, demand)| is_required(&demand.template))
}

/// Whether no packet passes a template without an SA. What `default` is depends on the host's variables.
pub fn is_required(template: &Template) -> bool {
    matches!(template.level.kind(), LevelKind::Require | LevelKind::Unique)
}

/// Whether packets of a policy are dropped or transformed, and never pass in clear.
pub fn is_blocking(policy: &PolicyAt) -> bool {
    match &policy.policy.action {
        model::Action::Discard => true,
        model::Action::None => false,
        model::Action::Ipsec(templates) => templates.iter().any(is_required),
    }
}
