//! What a cause is, in a sentence without a full stop.

use std::net::IpAddr;

use ::diagnose::{Cause, EndField, EndTemplate, IcmpKind, NearSpi, PeerDifference};
use explain::{Arrival, Field, Flow, Reason};
use model::{DeviceName, Direction, Mode, PolicyEntry, SaEntry, SaField, Template, Visible};

use crate::explain::words;

/// `policy 9 (out 192.0.2.1/32 > 192.0.2.2/32 any)`.
pub fn policy(entry: &PolicyEntry) -> String {
    let id = &entry.policy.id;
    format!("policy {} ({} {})", entry.index, id.direction.word(), words::packets(&id.selector))
}

fn of_flow(flow: Option<&Flow>) -> String {
    flow.map_or(String::new(), |flow| format!(", such as {}", words::flow(flow)))
}

fn device(device: Option<DeviceName>) -> String {
    device.map_or("another device".to_owned(), |device| Visible(device.as_str()).to_string())
}

/// What differs of an SA that nearly serves.
fn near(near: Option<(&SaEntry, Option<SaField>)>) -> String {
    near.map_or(String::new(), |(entry, field)| {
        let differs = words::differing_sa_field(entry, field);
        format!("; {} does not serve: {differs}", words::sa(entry))
    })
}

/// The cause.
pub fn cause(cause: &Cause<'_>) -> String {
    match cause {
        Cause::NoSa { policy, template, near, is_requested, have_expired } => {
            no_sa(policy, template, *near, *is_requested, *have_expired)
        }
        Cause::Expired(sa) => format!("an SA has expired and was not replaced: {}", words::sa(sa)),
        Cause::UnknownSpi { arrival, ends, near } => unknown_spi(*arrival, *ends, *near),
        Cause::Integrity(sa) => format!(
            "packets fail the integrity check of {}: the keys, algorithms or ESN of the two ends differ",
            words::sa(sa)
        ),
        Cause::Decryption(sa) => format!(
            "packets{} are decrypted to what is no packet: the keys of encryption, or the modes, of the two ends differ",
            sa.map_or(String::new(), |sa| format!(" of {}", words::sa(sa))),
        ),
        Cause::Mode { sa, there } => mode(sa, *there),
        Cause::Replay { sa, are_old } => {
            let what = if *are_old { "older than its replay window" } else { "not new" };
            format!("replay: the sequence numbers of packets are {what} at {}", words::sa(sa))
        }
        Cause::Refused(sa, Reason::SaSelector) => outside_selector(sa),
        Cause::Refused(sa, reason) => {
            format!("packets are dropped at {}: {}", words::sa(sa), reason.sentence())
        }
        Cause::Sequence(sa) => {
            format!("the sequence numbers are used up: {}", words::sa(sa))
        }
        Cause::InClear { policy: entry, flow } => format!(
            "packets in clear are dropped by {}: the peer does not protect them{}",
            policy(entry),
            of_flow(flow.as_ref())
        ),
        Cause::CatchesEncapsulation { policy: entry, ends: (src, dst) } => format!(
            "ESP in UDP from {src} to {dst} is dropped before it is decapsulated: {} demands SAs of every UDP packet",
            policy(entry)
        ),
        Cause::Mismatch { policy, sa, field } => mismatch(policy, sa, *field),
        Cause::NoInbound { sa, flow } => format!(
            "no policy takes the packets that come by {}{}",
            words::sa(sa),
            of_flow(flow.as_ref())
        ),
        Cause::NoForward { policy: entry, flow } => format!(
            "no fwd policy: packets of {} are not forwarded{}",
            policy(entry),
            of_flow(flow.as_ref())
        ),
        Cause::Discards { policy: entry, flow } => {
            format!("{} discards packets{}", policy(entry), of_flow(flow.as_ref()))
        }
        Cause::DefaultDrops { direction, flow, is_kernels } => {
            default_drops(*direction, flow.as_ref(), *is_kernels)
        }
        Cause::LeavesInClear { policy, flow, near } => leaves_in_clear(policy, flow, *near),
        Cause::PassesInClear { by, policy: demanding, flow } => format!(
            "packets leave in clear ({}) by {}, while {} demands protection of what comes back",
            words::flow(flow),
            policy(by),
            policy(demanding)
        ),
        Cause::WithoutXfrm { device: at, policy: entry, flow } => format!(
            "packets of {} leave in clear ({}): {} has disable_xfrm",
            policy(entry),
            words::flow(flow),
            device(Some(*at))
        ),
        Cause::ReversePath { device, peer, route } => reverse_path(*device, *peer, *route),
        Cause::TooBig { policy, flow, mtu, router } => {
            too_big(*policy, flow.as_ref(), *mtu, *router)
        }
        Cause::NoRoute(addr) => format!(
            "there is no route to {}",
            addr.map_or("the other end of a tunnel".to_owned(), |addr| addr.to_string())
        ),
        Cause::NoRouteOf { policy: entry, flow, .. } => no_route_of(entry, flow.as_ref()),
        Cause::NoAnswer { policy: entry, flow, .. } => no_answer(entry, flow),
        Cause::WrongSource { policy: entry, template, .. } => format!(
            "the source of the tunnel of {}, template {}, is no address of this host",
            policy(entry),
            words::template(template)
        ),
        Cause::NotForwarding(entry) => format!(
            "this host does not forward the packets that come by the tunnel of {}",
            policy(entry)
        ),
        Cause::NotReceived(sa) => format!(
            "packets of {} arrive and are dropped before XFRM receives them: a firewall, or the memory for fragments",
            words::sa(sa)
        ),
        Cause::NotSent(sa) => format!(
            "packets of {} are transformed and do not leave: a firewall, or no neighbour answers for the next hop",
            words::sa(sa)
        ),
        Cause::Unreachable { by, dst, kind } => unreachable(*by, *dst, *kind),
        Cause::NoUdpSocket(sa) => format!(
            "no program here has a UDP socket for encapsulated ESP, so that packets of {} are not decapsulated",
            words::sa(sa)
        ),
        Cause::Peer(difference) => peer(difference),
        Cause::Counted(counter) => format!("{}; {}", counter.meaning(), counter.cause()),
    }
}

fn mismatch(entry: &PolicyEntry, sa: &SaEntry, field: Option<SaField>) -> String {
    let differs = match field {
        Some(_) => words::differing_sa_field(sa, field),
        None => "no template demands it".to_owned(),
    };
    format!("{} does not accept {}: {differs}", policy(entry), words::sa(sa))
}

/// The modes that the peer may have, in which what is inside a packet of ESP is not what it is in the mode of the SA.
fn mode(sa: &SaEntry, there: Option<Mode>) -> String {
    let own = sa.sa.mode.installed();
    let peer = match (there, own) {
        (Some(there), _) => return suspected_mode(sa, there),
        (None, Mode::Tunnel) => "mode transport or beet, or another key of encryption",
        (None, _) => "another mode or another key of encryption",
    };
    format!(
        "what is inside the packets of {} does not suit its mode {}: the peer has {peer}",
        words::sa(sa),
        own.word()
    )
}

/// What was noticed may have come beside the SA.
fn suspected_mode(sa: &SaEntry, there: Mode) -> String {
    let noticed = match there {
        Mode::Tunnel => "packets of IP in IP arrive",
        _ => "wrong checksums of TCP or UDP are counted",
    };
    format!(
        "{noticed} while {} receives packets in its mode {}: the peer may have mode {}",
        words::sa(sa),
        sa.sa.mode.installed().word(),
        there.word()
    )
}

fn outside_selector(sa: &SaEntry) -> String {
    format!(
        "the selector of {} leaves out packets that come by it: {}",
        words::sa(sa),
        sa.sa.selector.as_ref().map_or("none".to_owned(), words::packets)
    )
}

fn no_answer(entry: &PolicyEntry, flow: &Flow) -> String {
    format!(
        "{} does not answer ({}): packets of {} are decrypted and forwarded to it, which has no route back or a firewall",
        flow.dst(),
        words::flow(flow),
        policy(entry)
    )
}

fn no_route_of(entry: &PolicyEntry, flow: Option<&Flow>) -> String {
    let dst = entry.policy.id.selector.dst();
    let dst = flow.map_or(format!("{}/{}", dst.addr(), dst.length()), |it| it.dst().to_string());
    let of = match entry.policy.id.direction {
        Direction::Out => "policies are looked up after the route, so that",
        Direction::In | Direction::Fwd => "packets come by a tunnel and are not forwarded, so that",
    };
    format!("there is no route to {dst}: {of} {} has no effect{}", policy(entry), of_flow(flow))
}

fn default_drops(direction: Direction, flow: Option<&Flow>, is_kernels: bool) -> String {
    let which =
        if is_kernels { "the kernel's default policy" } else { "the default policy (def_policy)" };
    format!(
        "no policy matches, and {which} for {} discards packets{}",
        direction.word(),
        of_flow(flow)
    )
}

fn no_sa(
    entry: &PolicyEntry,
    template: &Template,
    nearly: Option<(&SaEntry, Option<SaField>)>,
    is_requested: bool,
    have_expired: bool,
) -> String {
    let larval = if is_requested { "; key management was asked and has not added one" } else { "" };
    let expired = if have_expired { "; SAs have expired before" } else { "" };
    format!(
        "no SA for {}, template {}{}{larval}{expired}",
        policy(entry),
        words::template(template),
        near(nearly),
    )
}

fn leaves_in_clear(
    entry: &PolicyEntry,
    flow: &Flow,
    near: Option<(&PolicyEntry, Field)>,
) -> String {
    let near = near.map_or(String::new(), |(near, field)| {
        format!("; {} does not match: {}", policy(near), words::differing_field(near, field))
    });
    format!(
        "packets leave in clear ({}), while {} demands protection of what comes back{near}",
        words::flow(flow),
        policy(entry)
    )
}

fn reverse_path(at: Option<DeviceName>, peer: Option<IpAddr>, route: Option<DeviceName>) -> String {
    let Some(peer) = peer else {
        return "rp_filter drops packets that arrive at another device than that of the route to their source".to_owned();
    };
    format!(
        "rp_filter drops packets of {peer}, which arrive at {} while the route to it is by {}",
        device(at),
        route.map_or("none".to_owned(), |it| device(Some(it)))
    )
}

fn too_big(
    entry: Option<&PolicyEntry>,
    flow: Option<&Flow>,
    mtu: Option<u32>,
    router: Option<IpAddr>,
) -> String {
    let of = entry.map_or(String::new(), |entry| format!(" of {}", policy(entry)));
    let most = mtu.map_or(String::new(), |mtu| format!(" of {mtu} bytes"));
    let at = router.map_or("here".to_owned(), |router| format!("at {router}"));
    format!(
        "packets{of} are longer than the MTU{most} {at} and may not be fragmented{}",
        of_flow(flow)
    )
}

fn unreachable(by: IpAddr, dst: IpAddr, kind: IcmpKind) -> String {
    let what = match kind {
        IcmpKind::NoProtocol => "has no such protocol: IPsec is not enabled there",
        IcmpKind::NoPort => "has no program at the UDP port",
        IcmpKind::Prohibited => "is not permitted by a firewall",
        IcmpKind::NoRoute => "is without a route there",
        IcmpKind::NoHost | IcmpKind::TooBig(_) => "cannot be reached",
    };
    format!("{by} reports that {dst} {what}")
}

fn unknown_spi(
    arrival: Option<Arrival>,
    ends: Option<(IpAddr, IpAddr)>,
    near: Option<NearSpi<'_>>,
) -> String {
    let (Some(arrival), Some((src, dst))) = (arrival, ends) else {
        return "a peer sends an SPI that is not here".to_owned();
    };
    let proto = arrival.proto.map_or("SPI", |proto| proto.word());
    let near = near.map_or(String::new(), |NearSpi { sa, field }| match field {
        SaField::Spi => format!("; here is {}, which no packet has used", words::sa(sa)),
        _ => format!("; {}: {}", words::sa(sa), words::differing_sa_field(sa, Some(field))),
    });
    format!("{src} sends {proto} {:#x} to {dst}, an SPI that is not here{near}", arrival.spi.0)
}

fn fields(fields: &[EndField]) -> String {
    let word = |field: &EndField| match field {
        EndField::Mode => "mode",
        EndField::Algorithms => "algorithms",
        EndField::Keys => "keys",
        EndField::Esn => "esn",
        EndField::Encapsulation => "encapsulation",
        EndField::Ends => "src or dst",
    };
    fields.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// `esp/tunnel/192.0.2.1-192.0.2.2`.
pub fn templates(templates: &[EndTemplate]) -> String {
    let one = |template: &EndTemplate| {
        let ends =
            template.ends.map_or(String::new(), |ends| format!("/{}-{}", ends.src(), ends.dst()));
        format!("{}/{}{ends}", template.proto.word(), template.mode.word())
    };
    templates.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn peer(difference: &PeerDifference<'_>) -> String {
    let instead = |spi: &Option<model::Spi>, whose: &str| {
        spi.map_or(String::new(), |spi| format!("; {whose} is {:#x}", spi.0))
    };
    match difference {
        PeerDifference::SaLacksThere(sa, near) => {
            format!("the peer does not have {}{}", words::sa(sa), instead(near, "there"))
        }
        PeerDifference::SaLacksHere(end, near) => format!(
            "the peer has {} {:#x} {} > {}, which is not here{}",
            end.proto.word(),
            end.spi.0,
            end.ends.src(),
            end.ends.dst(),
            instead(near, "here")
        ),
        PeerDifference::SaDiffers(sa, differing) => {
            format!("{} is not the same at the peer: {} differ", words::sa(sa), fields(differing))
        }
        PeerDifference::PolicyLacksThere(entry) => format!(
            "the peer has no {} policy for the packets of {}",
            entry.policy.id.direction.at_other_end().word(),
            policy(entry)
        ),
        PeerDifference::PolicyLacksHere(end) => format!(
            "no {} policy is here for the policy of the peer: {} {} {}",
            end.direction.at_other_end().word(),
            end.direction.word(),
            words::packets(&end.selector),
            templates(&end.templates)
        ),
        PeerDifference::TemplatesDiffer(entry, there) => {
            format!(
                "the templates of {} differ from those of the peer: {}",
                policy(entry),
                templates(there)
            )
        }
    }
}
