mod columns;

use std::io::Write;

use cli::{Listing, PolicyJson, json::DocumentStream};
use engine::{Engine, EngineOptions, Installed, Requested};
use metrics::Offers;
use model::{Demand, PolicyEntry, Priority, Template};

use super::{
    Style,
    cells::{self, Hex},
    order::EntryOrder,
    sorted::sorted,
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
    let mut print = |policy: ReadPolicy| {
        Ok::<_, Error>(listing.entry(&ShownPolicy::new(policy, &offers, now))?)
    };
    let mut order = EntryOrder::new();
    read(&mut engine, filter, |policy| order.push(policy, &mut print))?;
    order.finish(look_up, &mut print)?;
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
    let mut print = |policy: ReadPolicy| {
        let (Requested(requested), _) = &policy;
        let mut json = PolicyJson::new(requested);
        let templates = requested.policy.action.templates();
        let words = installation(templates, installed_of(&policy));
        let demands = Demand::of(&requested.policy.id, templates);
        for ((template, word), demand) in json.templates.iter_mut().zip(words).zip(demands) {
            template.installed = Some(word);
            template.sas = Some(offers.serving(&demand).map(|sa| sa.spi.0).collect());
        }
        Ok(document.element(out, &json)?)
    };
    let read = |take: &mut dyn FnMut(ReadPolicy)| {
        read(&mut engine, filter, |policy| {
            take(policy);
            Ok(())
        })
    };
    sorted(read, look_up, |(policy, _)| policy.index.into(), &mut print)?;
    Ok(document.end_array(out)?)
}

/// A policy that is read, and what is installed of it where that differs.
type ReadPolicy = (Requested, Option<Box<Installed>>);

/// Reads the policies that are meant, newest first.
fn read(
    engine: &mut Engine,
    filter: &Filter,
    mut give: impl FnMut(ReadPolicy) -> Result<(), Error>,
) -> Result<(), Error> {
    for entry in engine.policies()? {
        let (requested, installed) = entry?;
        if filter.has_policy_entry(&requested) {
            let installed = (installed.0 != requested.0).then(|| Box::new(installed));
            give((requested, installed))?;
        }
    }
    Ok(())
}

/// What is installed of a policy. Most often it is what was requested.
fn installed_of((requested, installed): &ReadPolicy) -> &PolicyEntry {
    installed.as_ref().map_or(requested, |installed| installed)
}

/// The place of a policy in the kernel's look-up: of those of one place the oldest is preferred.
fn look_up((Requested(entry), _): &ReadPolicy) -> (u8, bool, Priority) {
    let PolicyEntry { policy, socket, .. } = entry;
    (policy.id.direction.xfrm(), !socket, policy.priority)
}

impl ShownPolicy {
    fn new(policy: ReadPolicy, offers: &Offers, now: u64) -> Self {
        let (Requested(entry), _) = &policy;
        let requested = entry.policy.action.templates();
        let words = installation(requested, installed_of(&policy));
        let demands = Demand::of(&entry.policy.id, requested);
        let templates = words.zip(demands).map(|(installed, demand)| {
            let spis = offers.serving(&demand).map(|sa| Hex(sa.spi.0));
            let mut sas = String::new();
            // A string takes whatever is written.
            let _ = cells::first(&mut sas, spis);
            ShownTemplate { installed, sas }
        });
        let templates = templates.collect();
        let (Requested(entry), _) = policy;
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
