//! The SAs of the templates of an outbound policy (`xfrm_tmpl_resolve_one`, net/xfrm/xfrm_policy.c).

use std::net::IpAddr;

use model::{
    AddressPair, Demand, Direction, Mode, PolicyEntry, Prefix, SaDirection, SaEntry, Selector,
    Template, TemplateMode,
};

use crate::{Flow, Reason, SaSearch, Tables, sa::find_sa};

/// What becomes of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// The packet is transformed by an SA.
    Uses(&'a SaEntry),
    /// The template is optional, and the packet passes without it.
    Skipped,
    /// The packet is dropped.
    Fails(Reason),
}

/// A template and the look-up of its SA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The template.
    pub template: &'a Template,
    /// Whether the packet may pass without it.
    pub is_optional: bool,
    /// The source that the SA must have; 0: any, since the route decides and is not known.
    pub local: IpAddr,
    /// The destination that the SA must have.
    pub remote: IpAddr,
    /// The look-up.
    pub search: SaSearch<'a>,
    /// What becomes of it.
    pub resolution: Resolution<'a>,
}

/// Finds the SA of each template, first to last (innermost first), until one fails. `source` is the address
/// that the host would take for a tunnel whose template has none.
#[must_use]
pub fn resolve<'a>(
    tables: &'a Tables,
    entry: &'a PolicyEntry,
    flow: &Flow,
    source: &dyn Fn(IpAddr) -> Option<IpAddr>,
) -> Vec<Resolved<'a>> {
    let (mut local, mut remote) = (flow.src(), flow.dst());
    let mut resolved = Vec::new();
    for (place, template) in entry.policy.action.templates().iter().enumerate() {
        if let Some(ends) = own_endpoints(template) {
            remote = ends.dst();
            local = ends.src();
            if local.is_unspecified()
                && let Some(source) = source(remote)
            {
                local = source;
            }
        }
        let demand = demand(entry, template, local, remote);
        let search = demand.map(|demand| find_sa(tables, &demand, flow)).unwrap_or_default();
        let is_optional = entry.installation.is_optional(place);
        let resolution = resolution(&search, is_optional);
        if let Resolution::Uses(sa) = resolution
            && local.is_unspecified()
        {
            local = sa.sa.ends.src();
        }
        resolved.push(Resolved { template, is_optional, local, remote, search, resolution });
        if matches!(resolution, Resolution::Fails(_)) {
            break;
        }
    }
    resolved
}

fn resolution<'a>(search: &SaSearch<'a>, is_optional: bool) -> Resolution<'a> {
    match search.found {
        // The kernel finds an SA for the other direction and refuses it, optional or not.
        Some(found) if found.sa.direction == Some(SaDirection::In) => {
            Resolution::Fails(Reason::SaDirection)
        }
        Some(found) => Resolution::Uses(found),
        None if is_optional => Resolution::Skipped,
        None if search.spi_taken.is_some() && search.larval.is_none() => {
            Resolution::Fails(Reason::SpiIsTaken)
        }
        None => Resolution::Fails(Reason::NoSa),
    }
}

/// The endpoints of a template whose mode has them.
fn own_endpoints(template: &Template) -> Option<AddressPair> {
    match template.mode.mode() {
        Mode::Tunnel | Mode::Beet | Mode::IpTfs => template.mode.endpoints(),
        Mode::Transport | Mode::RouteOptimization | Mode::InTrigger => None,
    }
}

/// What a template demands, for packets between these addresses.
fn demand(
    entry: &PolicyEntry,
    template: &Template,
    local: IpAddr,
    remote: IpAddr,
) -> Option<Demand> {
    let ends = AddressPair::new(local, remote).ok()?;
    let mode = match template.mode {
        TemplateMode::Tunnel(_) => TemplateMode::Tunnel(ends),
        TemplateMode::Beet(_) => TemplateMode::Beet(ends),
        TemplateMode::Other(mode, Some(_)) => TemplateMode::Other(mode, Some(ends)),
        mode @ (TemplateMode::Transport | TemplateMode::Other(_, None)) => mode,
    };
    let selector = Selector::new(Prefix::host(local), Prefix::host(remote)).ok()?;
    let id = &entry.policy.id;
    Some(Demand {
        direction: Direction::Out,
        selector,
        mark: id.mark,
        if_id: id.if_id,
        template: Template { mode, ..*template },
    })
}
