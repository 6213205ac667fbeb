use model::{Counter, Direction, table};

struct Row {
    word: &'static str,
    sentence: &'static str,
}

table! {
    /// Why a packet is dropped.
    pub enum Reason: Row, "reason" {
        /// Its policy has the action `discard`.
        Policy => Row {
            word: "policy discards",
            sentence: "its policy discards it",
        },
        /// No policy matches, and a catch-all of `def_policy` discards it.
        CatchAll => Row {
            word: "def_policy discards",
            sentence: "no policy matches it, and the variable def_policy discards such packets",
        },
        /// No policy matches, and the kernel's own default policy discards it.
        KernelDefault => Row {
            word: "kernel default discards",
            sentence: "no policy matches it, and the kernel's default policy discards such packets",
        },
        /// It came through a tunnel, and no policy matches.
        TunnelWithoutPolicy => Row {
            word: "tunnel without policy",
            sentence: "it comes through a tunnel, and no policy matches it",
        },
        /// The policy has six templates, one more than XFRM carries out (`xfrm_tmpl_resolve`).
        TooManyTemplates => Row {
            word: "too many templates",
            sentence: "its policy has six templates, of which the kernel carries out five at most",
        },
        /// No SA serves a template.
        NoSa => Row {
            word: "no SA",
            sentence: "no SA serves a template of its policy",
        },
        /// The SA that the look-up finds is for the other direction.
        SaDirection => Row {
            word: "SA direction",
            sentence: "the SA that is found is for the other direction",
        },
        /// No SA serves a template that demands an SPI, and an SA with this SPI is there.
        SpiIsTaken => Row {
            word: "SPI is taken",
            sentence: "its template demands an SPI, and the SA of this SPI does not serve it",
        },
        /// No SA has the SPI of the packet.
        UnknownSpi => Row {
            word: "unknown SPI",
            sentence: "no SA has its SPI, destination and protocol",
        },
        /// The SA has reached a hard limit.
        Expired => Row {
            word: "expired",
            sentence: "the SA has reached a hard limit",
        },
        /// The SA has sent the last sequence number.
        SequenceOverflow => Row {
            word: "sequence overflow",
            sentence: "the SA has sent the last sequence number",
        },
        /// The sequence number was received before, or is older than the window.
        Replay => Row {
            word: "replay",
            sentence: "the replay window of the SA refuses its sequence number",
        },
        /// The SA has an SPI and no keys yet.
        Larval => Row {
            word: "larval",
            sentence: "the SA is larval: it has no keys yet",
        },
        /// The SA is dead.
        Dead => Row {
            word: "dead",
            sentence: "the SA is dead",
        },
        /// The packet is encapsulated in UDP or TCP and the SA is not, or the other way round.
        Encapsulation => Row {
            word: "encapsulation",
            sentence: "the SA has another encapsulation in UDP or TCP than the packet",
        },
        /// AH comes right inside ESP or IPComp in transport mode: the kernel checks it against an IP header that names the
        /// outer protocol (`xfrm_input`), so that the integrity check fails.
        NestedAh => Row {
            word: "nested AH",
            sentence: "AH is inside ESP or IPComp in transport mode, which the kernel cannot verify",
        },
        /// The inner packet is outside the selector of an SA.
        SaSelector => Row {
            word: "SA selector",
            sentence: "it is outside the selector of the SA",
        },
        /// The SAs of the packet are not those of the templates.
        Templates => Row {
            word: "template mismatch",
            sentence: "the SAs that it comes through are not those that the templates of its policy demand",
        },
    }
}

impl Reason {
    /// The reason in a sentence whose subject is the packet, without a full stop.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// The counters that the kernel raises, in its order.
    #[must_use]
    pub fn counters(self, direction: Direction) -> &'static [Counter] {
        use Counter as C;
        let is_out = direction == Direction::Out;
        match self {
            Reason::Policy | Reason::CatchAll if is_out => &[C::OutPolBlock],
            Reason::Policy | Reason::CatchAll => &[C::InPolBlock],
            Reason::KernelDefault if is_out => &[],
            Reason::KernelDefault | Reason::TunnelWithoutPolicy => &[C::InNoPols],
            Reason::TooManyTemplates if is_out => &[C::OutPolError],
            Reason::TooManyTemplates => &[C::InBufferError],
            Reason::NoSa => &[C::OutNoStates],
            Reason::SaDirection if is_out => &[C::OutStateDirError, C::OutPolError],
            Reason::SaDirection => &[C::InStateDirError],
            Reason::SpiIsTaken => &[C::OutPolError],
            Reason::UnknownSpi => &[C::InNoStates],
            Reason::Expired if is_out => &[C::OutStateExpired],
            Reason::Expired => &[C::InStateExpired],
            Reason::SequenceOverflow => &[C::OutStateSeqError],
            Reason::Replay => &[C::InStateSeqError],
            Reason::Larval => &[C::AcquireError],
            Reason::Dead => &[C::InStateInvalid],
            Reason::Encapsulation | Reason::SaSelector => &[C::InStateMismatch],
            Reason::NestedAh => &[C::InStateProtoError],
            Reason::Templates => &[C::InTmplMismatch],
        }
    }
}
