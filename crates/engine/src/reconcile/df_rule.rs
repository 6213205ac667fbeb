//! DF on the outer IPv4 header of this host's tunnel packets (dfbit 1).
//!
//! No flag of an SA does that: the kernel copies DF from the inner header, or clears it
//! (`xfrm4_tunnel_encap_add`, net/xfrm/xfrm_output.c). So a rule of nf_tables sets it. A packet, of
//! this host or forwarded, passes the output hook again with each outer header that it gets, before it
//! is cut into fragments (`xfrm_output_resume`). No ICV covers DF (RFC 4302, section 3.3.3.1.1.1). One
//! that does not fit the way is dropped then, even if its inner header allows fragments.
//!
//! Tunnels are known by what their packets look like, so packets of transport mode between the ends of
//! a tunnel, of its protocol, get DF too. ESP in TCP is left out: its outer header is TCP's.

use std::{net::IpAddr, num::NonZeroU16};

use model::{Encap, EncapKind, IpVersion, Mode, Proto, Sa, SaDirection, SaEntry, SaState, Upper};
use rustix::io::Errno;
use xfrm::SadSelection;

use crate::{Error, reconcile::nf_tables::NfTables, state::host::Host};

mod probe;
mod rules;
mod table;

use table::{Element, Elements, Set};

/// Makes the table what the SAD requires. Returns whether it was different.
///
/// Errors: [`Error::NoDfRule`], [`Error::Kernel`].
pub fn reconcile(host: &mut Host) -> Result<bool, Error> {
    let mut wanted = Elements::new();
    for entry in host.kernel.dump_sad(&SadSelection::default())? {
        wanted.extend(elements(&entry?));
    }
    make(&wanted).map_err(no_rule)
}

fn make(wanted: &Elements) -> Result<bool, Errno> {
    let mut kernel = NfTables::open()?;
    let is_wrong = table::read(&mut kernel)?.as_ref() != Some(wanted);
    if is_wrong {
        kernel.change(table::replacement(wanted))?;
    }
    Ok(is_wrong)
}

/// Deletes the table, if it is there.
///
/// Errors: [`Error::NoDfRule`].
pub fn remove() -> Result<(), Error> {
    NfTables::open()
        .and_then(|mut kernel| kernel.change(table::deletion(table::NAME)))
        .map_err(no_rule)
}

/// Tries whether the kernel sets DF, with one datagram over the loopback interface of this network
/// namespace.
///
/// Errors: [`Error::NoDfRule`], [`Error::DfIsNotWritten`].
pub fn probe() -> Result<(), Error> {
    if probe::sets_df().map_err(no_rule)? { Ok(()) } else { Err(Error::DfIsNotWritten) }
}

fn no_rule(source: Errno) -> Error {
    Error::NoDfRule { source }
}

/// Whether packets of an SA have an outer IPv4 header.
pub fn concerns(sa: &Sa) -> bool {
    sa.mode.installed() == Mode::Tunnel && IpVersion::of(sa.ends.dst()) == IpVersion::V4
}

/// What packets of an SA look like when they leave. Whether an SA is one for packets that leave, the
/// kernel need not know; packets of one that is not never pass the output hook.
fn elements(SaEntry { sa, state, .. }: &SaEntry) -> Elements {
    let is_usable = matches!(state, SaState::Mature | SaState::Dying);
    if !concerns(sa) || !is_usable || sa.direction == Some(SaDirection::In) {
        return Elements::new();
    }
    let (IpAddr::V4(src), IpAddr::V4(dst)) = (sa.ends.src(), sa.ends.dst()) else {
        return Elements::new();
    };
    let plain = |number: u8| Element::new(Set::Plain, [src, dst], &[&[number]]);
    let in_udp = |set, encap: Encap| {
        let ports = [encap.src_port, encap.dst_port]
            .map(|port| port.map_or(0, NonZeroU16::get).to_be_bytes());
        Element::new(set, [src, dst], &[&ports[0], &ports[1]])
    };
    match (sa.proto, sa.encap) {
        (Proto::Esp, Some(encap)) => match encap.kind {
            EncapKind::EspInUdp => [in_udp(Set::Udp, encap)].into(),
            EncapKind::EspInUdpNonIke => [in_udp(Set::UdpNonIke, encap)].into(),
            EncapKind::EspInTcp => Elements::new(),
        },
        // A packet that gets no shorter goes as IP in IP (`ipcomp_output`, net/xfrm/xfrm_ipcomp.c).
        (Proto::IpComp, _) => {
            [Proto::IpComp.number(), Upper::IPV4.xfrm(), Upper::IPV6.xfrm()].map(plain).into()
        }
        (Proto::Ah | Proto::Esp, _) => [plain(sa.proto.number())].into(),
        _ => Elements::new(),
    }
}

#[cfg(test)]
mod tests;
