use model::{Counter, Counter as C, Direction, MAX_DEPTH, table};

/// Sentences below name it, and one less.
const _: () = assert!(MAX_DEPTH == 6);

struct Row {
    word: &'static str,
    sentence: &'static str,
    counted: Counted,
}

/// The counters of XFRM that a drop raises, in the kernel's order.
#[derive(Clone, Copy)]
enum Counted {
    /// None: those of IP and of the routing table count it.
    OfRoute,
    /// None.
    Nothing,
    /// These counters, whatever the direction.
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
            counted: Counted::OfRoute,
        },
        /// The route is of type `unreachable`.
        UnreachableRoute => Row {
            word: "unreachable route",
            sentence: "the route to its destination is of type unreachable",
            counted: Counted::OfRoute,
        },
        /// The route is of type `prohibit`.
        ProhibitRoute => Row {
            word: "prohibit route",
            sentence: "the route to its destination is of type prohibit",
            counted: Counted::OfRoute,
        },
        /// The route is of type `blackhole`.
        BlackholeRoute => Row {
            word: "blackhole route",
            sentence: "the route to its destination is of type blackhole",
            counted: Counted::OfRoute,
        },
        /// IPv6 is off at the device that it arrives at, in whatever it came (`ip6_rcv_core`).
        NoIpv6 => Row {
            word: "no IPv6",
            sentence: "IPv6 is off at the device that it arrives at: its disable_ipv6 is set, or its MTU is below 1280 bytes",
            counted: Counted::OfRoute,
        },
        /// It is for another host, and this one forwards no packets of its IP version from its device.
        NoForwarding => Row {
            word: "no forwarding",
            sentence: "the device that it arrives at forwards no packets of its IP version",
            counted: Counted::OfRoute,
        },
        /// `rp_filter` of the device refuses its source (`__fib_validate_source`, net/ipv4/fib_frontend.c).
        ReversePath => Row {
            word: "reverse path",
            sentence: "rp_filter refuses its source: the route back is by another device, IPReversePathFilter counts it",
            counted: Counted::OfRoute,
        },
        /// No packet may arrive with its source or destination (`ip_route_input_slow`, net/ipv4/route.c).
        Martian => Row {
            word: "martian",
            sentence: "no packet with these addresses may arrive, as one with a source of this host",
            counted: Counted::OfRoute,
        },
        /// The packet that its SAs are undone of is for another host.
        OuterElsewhere => Row {
            word: "outer packet elsewhere",
            sentence: "it arrives in a packet whose destination is no address of this host: no SA is looked up for that",
            counted: Counted::OfRoute,
        },
        /// Its TTL or hop limit lets it go no further (`ip_forward`, `ip6_forward`).
        HopLimit => Row {
            word: "hop limit",
            sentence: "its TTL or hop limit ends at this host, and it is to be forwarded",
            counted: Counted::Nothing,
        },
        /// There is no route to the end of a tunnel (`xfrm_bundle_create`).
        TunnelRoute => Row {
            word: "no route to tunnel end",
            sentence: "there is no route to the end of the tunnel",
            counted: Counted::Always(&[C::OutBundleGenError]),
        },
        /// The source of a tunnel is another host's (`ip_route_output_key_hash_rcu`, IPv4 alone).
        TunnelSource => Row {
            word: "tunnel source",
            sentence: "the source of the tunnel is no address of this host",
            counted: Counted::Always(&[C::OutBundleGenError]),
        },
        /// The end of a tunnel is an address of this host.
        TunnelToItself => Row {
            word: "tunnel to itself",
            sentence: "the end of the tunnel is an address of this host, and what the tunnel makes does not leave it",
            counted: Counted::Nothing,
        },
        /// It is longer than what fits, and must not be fragmented.
        TooLong => Row {
            word: "too long",
            sentence: "it is too long for the link, and must not be fragmented",
            counted: Counted::Nothing,
        },
        /// It leaves by a vti device or an xfrm interface that finds no SA for it ([`crate::XfrmDevice`]).
        InterfaceWithoutSa => Row {
            word: "interface without SA",
            sentence: "the vti device or xfrm interface that it leaves by finds no policy with its key and an SA of its ends",
            counted: Counted::Nothing,
        },
        /// It leaves by a vti device that takes no SA of other ends than its own (`vti_state_check`).
        InterfaceEnds => Row {
            word: "interface of other ends",
            sentence: "the SA that is found is not between the ends of the vti device that it leaves by",
            counted: Counted::Nothing,
        },
        /// It leaves by a vti device or an xfrm interface, and so would what that makes of it (`vti_xmit`, `xfrmi_xmit2`).
        InterfaceLoop => Row {
            word: "interface loop",
            sentence: "the route to the end of its tunnel leads into the vti device or xfrm interface that it leaves by, a loop",
            counted: Counted::Nothing,
        },
        /// The device that it leaves by has no carrier.
        NoCarrier => Row {
            word: "no carrier",
            sentence: "the link of the device that it leaves by is down: it has no carrier",
            counted: Counted::Nothing,
        },
        /// Its policy has the action `discard`.
        Policy => Row {
            word: "policy discards",
            sentence: "its policy discards it",
            counted: Counted::By { out: &[C::OutPolBlock], received: &[C::InPolBlock] },
        },
        /// No policy matches, and a catch-all of `def_policy` discards it.
        CatchAll => Row {
            word: "def_policy discards",
            sentence: "no policy matches it, and the variable def_policy discards such packets",
            counted: Counted::By { out: &[C::OutPolBlock], received: &[C::InPolBlock] },
        },
        /// No policy matches, and the kernel's own default policy discards it.
        KernelDefault => Row {
            word: "kernel default discards",
            sentence: "no policy matches it, and the kernel's default policy is block: `ip xfrm policy getdefault`",
            counted: Counted::By { out: &[], received: &[C::InNoPols] },
        },
        /// It came through a tunnel, and no policy matches.
        TunnelWithoutPolicy => Row {
            word: "tunnel without policy",
            sentence: "it comes through a tunnel, and no policy matches it",
            counted: Counted::Always(&[C::InNoPols]),
        },
        /// The policy has six templates, one more than XFRM carries out (`xfrm_tmpl_resolve`).
        TooManyTemplates => Row {
            word: "too many templates",
            sentence: "its policy has six templates, of which the kernel carries out five at most",
            counted: Counted::By { out: &[C::OutPolError], received: &[C::InBufferError] },
        },
        /// No SA serves a template.
        NoSa => Row {
            word: "no SA",
            sentence: "no SA serves a template of its policy",
            counted: Counted::Always(&[C::OutNoStates]),
        },
        /// The SA that the look-up finds is for the other direction.
        SaDirection => Row {
            word: "SA direction",
            sentence: "the SA that is found is for the other direction",
            counted: Counted::By { out: &[C::OutStateDirError, C::OutPolError], received: &[C::InStateDirError] },
        },
        /// No SA serves a template that demands an SPI, and an SA with this SPI is there.
        SpiIsTaken => Row {
            word: "SPI is taken",
            sentence: "its template demands an SPI, and the SA of this SPI does not serve it",
            counted: Counted::Always(&[C::OutPolError]),
        },
        /// It has one header of AH, ESP or IPComp more than the kernel undoes (`xfrm_input`).
        TooManyHeaders => Row {
            word: "too many headers",
            sentence: "it has more headers of AH, ESP and IPComp than the six that the kernel undoes",
            counted: Counted::Always(&[C::InBufferError]),
        },
        /// No SA has the SPI of the packet.
        UnknownSpi => Row {
            word: "unknown SPI",
            sentence: "no SA has its SPI, destination and protocol",
            counted: Counted::Always(&[C::InNoStates]),
        },
        /// The SA has reached a hard limit.
        Expired => Row {
            word: "expired",
            sentence: "the SA has reached a hard limit",
            counted: Counted::By { out: &[C::OutStateExpired], received: &[C::InStateExpired] },
        },
        /// The SA has sent the last sequence number.
        SequenceOverflow => Row {
            word: "sequence overflow",
            sentence: "the SA has sent the last sequence number",
            counted: Counted::Always(&[C::OutStateSeqError]),
        },
        /// The sequence number was received before, or is older than the window.
        Replay => Row {
            word: "replay",
            sentence: "the replay window of the SA refuses its sequence number",
            counted: Counted::Always(&[C::InStateSeqError]),
        },
        /// It ends within the header of AH, ESP or IPComp (`xfrm_parse_spi`).
        TooShort => Row {
            word: "too short",
            sentence: "it is too short for a packet of AH, ESP or IPComp",
            counted: Counted::Always(&[C::InHdrError]),
        },
        /// No packet of the SA has its length (`esp_input`, net/ipv4/esp4.c; `ah_input`, net/ipv4/ah4.c).
        HeaderLength => Row {
            word: "header length",
            sentence: "no packet of its SA has such a length: IV, ciphertext, trailer and ICV of ESP, or the header of AH, do not fit",
            counted: Counted::Always(&[C::InStateProtoError]),
        },
        /// UDP has a length that the kernel refuses (`__udp4_lib_rcv`, net/ipv4/udp.c).
        UdpLength => Row {
            word: "UDP length",
            sentence: "its UDP header has the length of no packet: longer than it is, or shorter than the header",
            counted: Counted::Nothing,
        },
        /// The kernel refuses its IP header (`ip_rcv_core`, net/ipv4/ip_input.c).
        IpHeader => Row {
            word: "IP header",
            sentence: "its IP header is that of no packet: of another version, or with wrong lengths",
            counted: Counted::Nothing,
        },
        /// It is a fragment, and the host has no memory to put it together with the others (`inet_frag_find`).
        Reassembly => Row {
            word: "reassembly",
            sentence: "it is a fragment, and this host puts none together: it may use no memory for that",
            counted: Counted::Nothing,
        },
        /// A NAT is to keep its mapping by it, and it has nothing inside (RFC 3948, section 4).
        Keepalive => Row {
            word: "keepalive",
            sentence: "it is a keepalive for the NAT on its way: the socket of ESP in UDP takes it, and nothing comes of it",
            counted: Counted::Nothing,
        },
        /// The SA has an SPI and no keys yet.
        Larval => Row {
            word: "larval",
            sentence: "the SA is larval: it has no keys yet",
            counted: Counted::Always(&[C::AcquireError]),
        },
        /// The SA is dead.
        Dead => Row {
            word: "dead",
            sentence: "the SA is dead",
            counted: Counted::Always(&[C::InStateInvalid]),
        },
        /// The packet is encapsulated in UDP or TCP and the SA is not, or the other way round.
        Encapsulation => Row {
            word: "encapsulation",
            sentence: "the SA has another encapsulation in UDP or TCP than the packet",
            counted: Counted::Always(&[C::InStateMismatch]),
        },
        /// No UDP socket has the port of ESP in UDP.
        NoUdpSocket => Row {
            word: "no UDP socket",
            sentence: "it is in UDP, and no socket has the port of that",
            counted: Counted::Nothing,
        },
        /// The integrity check value is not that of the SA's key (`esp_input_done2`).
        Integrity => Row {
            word: "integrity",
            sentence: "its integrity check value is not that of the SA: keys or algorithms differ, or the packet was changed",
            counted: Counted::Always(&[C::InStateProtoError]),
        },
        /// What ESP is decrypted to has no trailer (`esp_remove_trailer`), or no packet.
        Decryption => Row {
            word: "decryption",
            sentence: "what it is decrypted to is no packet: the keys or algorithms of encryption differ",
            counted: Counted::Always(&[C::InStateProtoError]),
        },
        /// The next header of ESP is that of a dummy packet (RFC 4303, section 2.6; `esp_input_done2`).
        Dummy => Row {
            word: "dummy packet",
            sentence: "it is a dummy packet: its sender hides by it how many packets there are",
            counted: Counted::Always(&[C::InStateProtoError]),
        },
        /// An SA in tunnel mode, and inside is no IP packet (`xfrm_inner_mode_encap_remove`).
        NoIpInside => Row {
            word: "no IP packet inside",
            sentence: "its SA is in tunnel mode, and no IP packet is inside: the peer has transport mode",
            counted: Counted::Always(&[C::InStateModeError]),
        },
        /// An SA in transport mode, and inside is an IP packet, for which there is no device (`tunnel4_rcv`).
        IpInside => Row {
            word: "IP packet inside",
            sentence: "its SA is in transport mode, and an IP packet is inside: the peer has tunnel mode",
            counted: Counted::Nothing,
        },
        /// AH comes right inside ESP or IPComp in transport mode: the kernel checks it against an IP header that names the
        /// outer protocol (`xfrm_input`), so that the integrity check fails.
        NestedAh => Row {
            word: "nested AH",
            sentence: "AH is inside ESP or IPComp in transport mode, which the kernel cannot verify",
            counted: Counted::Always(&[C::InStateProtoError]),
        },
        /// The inner packet is outside the selector of an SA.
        SaSelector => Row {
            word: "SA selector",
            sentence: "it is outside the selector of the SA",
            counted: Counted::Always(&[C::InStateMismatch]),
        },
        /// The SAs of the packet are not those of the templates.
        Templates => Row {
            word: "template mismatch",
            sentence: "the SAs that it comes through are not those that the templates of its policy demand",
            counted: Counted::Always(&[C::InTmplMismatch]),
        },
    }
}

impl Reason {
    /// Whether the packet is dropped where it is routed, before its policy is looked up.
    #[must_use]
    pub fn is_of_route(self) -> bool {
        matches!(self.row().counted, Counted::OfRoute)
    }

    /// The reason in a sentence whose subject is the packet, without a full stop.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// The counters that the kernel raises, in its order.
    #[must_use]
    pub fn counters(self, direction: Direction) -> &'static [Counter] {
        match self.row().counted {
            Counted::OfRoute | Counted::Nothing => &[],
            Counted::Always(counters) => counters,
            Counted::By { out, .. } if direction == Direction::Out => out,
            Counted::By { received, .. } => received,
        }
    }
}
