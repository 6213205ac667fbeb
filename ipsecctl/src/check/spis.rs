//! SPIs by which a receiver cannot distinguish SAs.

use std::{collections::HashMap, net::IpAddr};

use grammar::Part;
use model::{Mark, Proto, Spi};

use super::{
    code::Code,
    context::TablesInContext,
    entry::{PlacedFinding, SaAt},
};

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let mut seen: HashMap<(IpAddr, Proto, Spi), Vec<&SaAt>> = HashMap::new();
    let mut found = Vec::new();
    for at in &context.tables.sas {
        let sa = &at.entry.sa;
        let same = seen.entry((sa.ends.dst(), sa.proto, sa.spi)).or_default();
        if let Some(first) = same.iter().find(|first| overlap(first.entry.sa.mark, sa.mark)) {
            let first = first.name_for(&at.origin);
            let message = format!("{first} has this destination, protocol and SPI too");
            found.push(at.finding(Code::ReusedSpi, Part::Spi, &message));
        }
        same.push(at);
    }
    found
}

/// Whether a packet can have both marks.
fn overlap(one: Mark, other: Mark) -> bool {
    one.value & other.mask == other.value & one.mask
}
