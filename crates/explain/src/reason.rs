use model::{Counter, Counter as C, Direction, table};

struct Row {
    word: &'static str,
    sentence: &'static str,
    raises: Raises,
}

/// The counters of XFRM that a drop raises, in the kernel's order.
#[derive(Clone, Copy)]
enum Raises {
    /// None: those of IP and of the routing table count it.
    OfRoute,
    /// None.
    Nothing,
    /// These.
    Always(&'static [Counter]),
    /// These of a packet that leaves, or that is received.
    By { out: &'static [Counter], received: &'static [Counter] },
}

table! {
    /// Why a packet is dropped.
    pub enum Reason: Row, "reason" {
        /// The routing table has no route to its destination, or the route is of another device than it asks for.
        NoRoute => Row {
            word: "no route",
            sentence: "there is no route to its destination",
            raises: Raises::OfRoute,
        },
        /// The route is of type `unreachable`.
        UnreachableRoute => Row {
            word: "unreachable route",
            sentence: "the route to its destination is of type unreachable",
            raises: Raises::OfRoute,
        },
        /// The route is of type `prohibit`.
        ProhibitRoute => Row {
            word: "prohibit route",
            sentence: "the route to its destination is of type prohibit",
            raises: Raises::OfRoute,
        },
        /// The route is of type `blackhole`.
        BlackholeRoute => Row {
            word: "blackhole route",
            sentence: "the route to its destination is of type blackhole",
            raises: Raises::OfRoute,
        },
        /// It is for another host, and this one forwards no packets of its IP version from its device.
        NoForwarding => Row {
            word: "no forwarding",
            sentence: "this host does not forward such packets (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding)",
            raises: Raises::OfRoute,
        },
        /// `rp_filter` of the device refuses its source (`__fib_validate_source`, net/ipv4/fib_frontend.c).
        ReversePath => Row {
            word: "reverse path",
            sentence: "rp_filter refuses its source: the route back is by another device, IPReversePathFilter counts it",
            raises: Raises::OfRoute,
        },
        /// No packet may arrive with its source or destination (`ip_route_input_slow`, net/ipv4/route.c).
        Martian => Row {
            word: "martian",
            sentence: "no packet with these addresses may arrive, as one with a source of this host",
            raises: Raises::OfRoute,
        },
        /// There is no route to the end of a tunnel (`xfrm_bundle_create`).
        TunnelRoute => Row {
            word: "no route to tunnel end",
            sentence: "there is no route to the end of the tunnel",
            raises: Raises::Always(&[C::OutBundleGenError]),
        },
        /// The source of a tunnel is another host's (`ip_route_output_key_hash_rcu`, IPv4 alone).
        TunnelSource => Row {
            word: "tunnel source",
            sentence: "the source of the tunnel is no address of this host",
            raises: Raises::Always(&[C::OutBundleGenError]),
        },
        /// It is longer than what fits, and must not be fragmented.
        TooLong => Row {
            word: "too long",
            sentence: "it is too long for the link, and must not be fragmented",
            raises: Raises::Nothing,
        },
        /// It leaves by a vti device or an xfrm interface that finds no SA for it ([`crate::XfrmDevice`]).
        InterfaceWithoutSa => Row {
            word: "interface without SA",
            sentence: "the vti device or xfrm interface that it leaves by finds no policy with its key and an SA of its ends",
            raises: Raises::Nothing,
        },
        /// Its policy has the action `discard`.
        Policy => Row {
            word: "policy discards",
            sentence: "its policy discards it",
            raises: Raises::By { out: &[C::OutPolBlock], received: &[C::InPolBlock] },
        },
        /// No policy matches, and a catch-all of `def_policy` discards it.
        CatchAll => Row {
            word: "def_policy discards",
            sentence: "no policy matches it, and the variable def_policy discards such packets",
            raises: Raises::By { out: &[C::OutPolBlock], received: &[C::InPolBlock] },
        },
        /// No policy matches, and the kernel's own default policy discards it.
        KernelDefault => Row {
            word: "kernel default discards",
            sentence: "no policy matches it, and the kernel's default policy discards such packets",
            raises: Raises::By { out: &[], received: &[C::InNoPols] },
        },
        /// It came through a tunnel, and no policy matches.
        TunnelWithoutPolicy => Row {
            word: "tunnel without policy",
            sentence: "it comes through a tunnel, and no policy matches it",
            raises: Raises::Always(&[C::InNoPols]),
        },
        /// The policy has six templates, one more than XFRM carries out (`xfrm_tmpl_resolve`).
        TooManyTemplates => Row {
            word: "too many templates",
            sentence: "its policy has six templates, of which the kernel carries out five at most",
            raises: Raises::By { out: &[C::OutPolError], received: &[C::InBufferError] },
        },
        /// No SA serves a template.
        NoSa => Row {
            word: "no SA",
            sentence: "no SA serves a template of its policy",
            raises: Raises::Always(&[C::OutNoStates]),
        },
        /// The SA that the look-up finds is for the other direction.
        SaDirection => Row {
            word: "SA direction",
            sentence: "the SA that is found is for the other direction",
            raises: Raises::By { out: &[C::OutStateDirError, C::OutPolError], received: &[C::InStateDirError] },
        },
        /// No SA serves a template that demands an SPI, and an SA with this SPI is there.
        SpiIsTaken => Row {
            word: "SPI is taken",
            sentence: "its template demands an SPI, and the SA of this SPI does not serve it",
            raises: Raises::Always(&[C::OutPolError]),
        },
        /// No SA has the SPI of the packet.
        UnknownSpi => Row {
            word: "unknown SPI",
            sentence: "no SA has its SPI, destination and protocol",
            raises: Raises::Always(&[C::InNoStates]),
        },
        /// The SA has reached a hard limit.
        Expired => Row {
            word: "expired",
            sentence: "the SA has reached a hard limit",
            raises: Raises::By { out: &[C::OutStateExpired], received: &[C::InStateExpired] },
        },
        /// The SA has sent the last sequence number.
        SequenceOverflow => Row {
            word: "sequence overflow",
            sentence: "the SA has sent the last sequence number",
            raises: Raises::Always(&[C::OutStateSeqError]),
        },
        /// The sequence number was received before, or is older than the window.
        Replay => Row {
            word: "replay",
            sentence: "the replay window of the SA refuses its sequence number",
            raises: Raises::Always(&[C::InStateSeqError]),
        },
        /// The SA has an SPI and no keys yet.
        Larval => Row {
            word: "larval",
            sentence: "the SA is larval: it has no keys yet",
            raises: Raises::Always(&[C::AcquireError]),
        },
        /// The SA is dead.
        Dead => Row {
            word: "dead",
            sentence: "the SA is dead",
            raises: Raises::Always(&[C::InStateInvalid]),
        },
        /// The packet is encapsulated in UDP or TCP and the SA is not, or the other way round.
        Encapsulation => Row {
            word: "encapsulation",
            sentence: "the SA has another encapsulation in UDP or TCP than the packet",
            raises: Raises::Always(&[C::InStateMismatch]),
        },
        /// No UDP socket has the port of ESP in UDP.
        NoUdpSocket => Row {
            word: "no UDP socket",
            sentence: "it is in UDP, and no socket has the port of that",
            raises: Raises::Nothing,
        },
        /// AH comes right inside ESP or IPComp in transport mode: the kernel checks it against an IP header that names the
        /// outer protocol (`xfrm_input`), so that the integrity check fails.
        NestedAh => Row {
            word: "nested AH",
            sentence: "AH is inside ESP or IPComp in transport mode, which the kernel cannot verify",
            raises: Raises::Always(&[C::InStateProtoError]),
        },
        /// The inner packet is outside the selector of an SA.
        SaSelector => Row {
            word: "SA selector",
            sentence: "it is outside the selector of the SA",
            raises: Raises::Always(&[C::InStateMismatch]),
        },
        /// The SAs of the packet are not those of the templates.
        Templates => Row {
            word: "template mismatch",
            sentence: "the SAs that it comes through are not those that the templates of its policy demand",
            raises: Raises::Always(&[C::InTmplMismatch]),
        },
    }
}

impl Reason {
    /// Whether the packet is dropped where it is routed, before its policy is looked up.
    #[must_use]
    pub fn is_of_route(self) -> bool {
        matches!(self.row().raises, Raises::OfRoute)
    }

    /// The reason in a sentence whose subject is the packet, without a full stop.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// The counters that the kernel raises, in its order.
    #[must_use]
    pub fn counters(self, direction: Direction) -> &'static [Counter] {
        match self.row().raises {
            Raises::OfRoute | Raises::Nothing => &[],
            Raises::Always(counters) => counters,
            Raises::By { out, .. } if direction == Direction::Out => out,
            Raises::By { received, .. } => received,
        }
    }
}
