//! Packets that are larger than the links that they take.

use grammar::Part;

use super::{code::Code, context::TablesInContext, entry::PlacedFinding};

/// Bytes: the MTU of Ethernet, which few paths exceed.
const ETHERNET: u32 = 1500;

pub fn findings(context: &TablesInContext<'_>) -> Vec<PlacedFinding> {
    let sas = context.tables.sas.iter().filter_map(|sa| {
        let size = sa.entry.sa.iptfs.packet_size.filter(|size| *size > ETHERNET)?;
        let message = format!("outer packets of {size} bytes do not fit an MTU of {ETHERNET}");
        Some(sa.finding(Code::Mtu, Part::IpTfs, &message))
    });
    sas.collect()
}
