mod columns;

use std::io::Write;

use cli::{Listing, PolicyJson, json::DocumentStream};
use engine::{Engine, EngineOptions, Installed, Requested};
use metrics::Offers;
use model::{Demand, PolicyEntry, Template};

use super::{
    Style,
    cells::{self, Hex},
    order::{self, EntryOrder},
};
use crate::{Error, filter::Filter};

pub use columns::COLUMNS;

/// The words for how a template is installed.
mod installed {
    pub const REQUIRED: &str = "required";
    pub const OPTIONAL: &str = "optional";
    pub const NOT_INSTALLED: &str = "not installed";
}

/// A policy as it was requested.
pub struct ShownPolicy {
    entry: PolicyEntry,
    /// One for each template that was requested.
    templates: Vec<ShownTemplate>,
    /// Unix seconds.
    now: u64,
}

/// What is shown of a template beside it.
struct ShownTemplate {
    /// How it is installed.
    installed: &'static str,
    /// The SPIs of SAs that serve it; empty if none does.
    sas: String,
}

/// Prints the SPD as a table.
pub fn list(filter: &Filter, style: &Style, out: &mut impl Write) -> Result<(), Error> {
    let mut engine = Engine::open(EngineOptions::default())?;
    let offers = Offers::read(&mut engine)?;
    let mut listing = Listing::new(out, &COLUMNS, style.choice(), "No policies.");
    let now = sys::clock::unix_seconds();
    each(&mut engine, filter, order::MOST, |requested, installed| {
        let shown = ShownPolicy::new(requested, installed, &offers, now);
        Ok(listing.entry(&shown)?)
    })?;
    Ok(listing.finish()?)
}

/// Prints the SPD as the member of a document.
pub fn print_json(
    filter: &Filter,
    document: &mut DocumentStream,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut engine = Engine::open(EngineOptions::default())?;
    let offers = Offers::read(&mut engine)?;
    document.array(out, "policies")?;
    each(&mut engine, filter, usize::MAX, |Requested(requested), installed| {
        let mut json = PolicyJson::new(&requested);
        let templates = requested.policy.action.templates();
        let words = installation(templates, installed);
        let demands = Demand::of(&requested.policy.id, templates);
        for ((template, word), demand) in json.templates.iter_mut().zip(words).zip(demands) {
            template.installed = Some(word);
            template.sas = Some(offers.serving(&demand).map(|sa| sa.spi.0).collect());
        }
        Ok(document.element(out, &json)?)
    })?;
    Ok(document.end_array(out)?)
}

/// Reads the policies that are meant: in the order of the kernel's look-up, unless there are more than `most`.
fn each(
    engine: &mut Engine,
    filter: &Filter,
    most: usize,
    mut give: impl FnMut(Requested, &PolicyEntry) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut order = EntryOrder::new(most);
    let mut give = |(requested, installed): (Requested, Option<Installed>)| {
        // The requested one is most often what is installed, and then the only one in memory.
        let installed = installed.map_or_else(|| requested.0.clone(), |installed| installed.0);
        give(requested, &installed)
    };
    for entry in engine.policies()? {
        let (requested, installed) = entry?;
        if filter.has_policy_entry(&requested) {
            let installed = (installed.0 != requested.0).then_some(installed);
            order.push((requested, installed), &mut give)?;
        }
    }
    // Of those with the same priority the kernel prefers the oldest.
    let look_up = |(Requested(entry), _): &(Requested, Option<Installed>)| {
        let PolicyEntry { policy, socket, .. } = entry;
        (policy.id.direction.xfrm(), !socket, policy.priority)
    };
    order.finish(look_up, &mut give)
}

impl ShownPolicy {
    fn new(
        Requested(entry): Requested,
        installed: &PolicyEntry,
        offers: &Offers,
        now: u64,
    ) -> Self {
        let requested = entry.policy.action.templates();
        let words = installation(requested, installed);
        let demands = Demand::of(&entry.policy.id, requested);
        let templates = words.zip(demands).map(|(installed, demand)| {
            let spis = offers.serving(&demand).map(|sa| Hex(sa.spi.0));
            let mut sas = String::new();
            // A string takes whatever is written.
            let _ = cells::first(&mut sas, spis);
            ShownTemplate { installed, sas }
        });
        let templates = templates.collect();
        Self { entry, templates, now }
    }
}

/// How each requested template is installed. The kernel has some of them, in their order.
fn installation<'a>(
    requested: &'a [Template],
    installed: &'a PolicyEntry,
) -> impl Iterator<Item = &'static str> + use<'a> {
    let mut rest = installed.policy.action.templates().iter().enumerate().peekable();
    let of_template = move |requested| match rest.next_if(|(_, installed)| *installed == requested)
    {
        Some((place, _)) if installed.installation.is_optional(place) => installed::OPTIONAL,
        Some(_) => installed::REQUIRED,
        None => installed::NOT_INSTALLED,
    };
    requested.iter().map(of_template)
}

#[cfg(test)]
mod tests;
