use model::{Direction, Mode, PolicyEntry, SaEntry};

use crate::{
    Arrival, Doubt, Field, Flow, InUdp, InputResult, Outer, OutputResult, PolicyCheck, Reason,
    Surroundings, Tables, Verdict, decapsulate,
    peer::of_same_ends,
    xfrm_device::{arrive, leave},
};

/// What becomes of a packet, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// From this host, to it, or through it.
    pub direction: Direction,
    /// The packet that policies are looked up for; for `in` and `fwd` the innermost.
    pub flow: Option<Flow>,
    /// The UDP packet that it comes in, if that is known.
    pub udp: Option<InUdp<'a>>,
    /// The protected packet that arrives for a vti device, if it does.
    pub outer: Option<Outer<'a>>,
    /// The transformations that are undone, if there is any.
    pub input: Option<InputResult<'a>>,
    /// The check of the policy of a received packet.
    pub check: Option<PolicyCheck<'a>>,
    /// The policy and the SAs of a packet that leaves.
    pub output: Option<OutputResult<'a>>,
    /// What becomes of it.
    pub verdict: Verdict<'a>,
    /// Whether that is already so of the packet that its SAs are undone of, before an SA is looked up.
    pub is_of_outer: bool,
}

impl<'a> Explanation<'a> {
    /// The explanation of a packet with this TTL or hop limit, which is looked at after the check for `fwd`.
    #[must_use]
    pub fn with_hops(mut self, hops: u8) -> Self {
        if self.direction == Direction::Fwd && hops <= 1 && self.output.take().is_some() {
            self.verdict = Verdict::dropped(Reason::HopLimit, Direction::Fwd);
        }
        self
    }

    /// The explanation of a packet that is dropped where it leaves, transformed or in clear.
    #[must_use]
    pub fn stopped(mut self, reason: Reason) -> Self {
        if self.verdict.passes() {
            self.verdict = Verdict::dropped(reason, Direction::Out);
        }
        self
    }

    /// The explanation of a packet of which it is not known whether it passes where it leaves.
    #[must_use]
    pub fn doubted(mut self, doubt: Doubt<'a>) -> Self {
        if self.verdict.passes() {
            self.verdict = Verdict::Unknown(doubt);
        }
        self
    }

    /// The SAs that it has come through, outermost first.
    #[must_use]
    pub fn path(&self) -> &[&'a SaEntry] {
        self.input.as_ref().map_or(&[], |input| &input.path)
    }
}

/// The way of a packet from this host. `socket` is the policy for `out` of its socket.
#[must_use]
pub fn explain_out<'a>(
    tables: &'a Tables,
    flow: Flow,
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> Explanation<'a> {
    let (flow, output) = leave(tables, flow, socket, surroundings);
    let verdict = refused(surroundings, Direction::Out).unwrap_or(output.verdict.clone());
    let (input, check) = (None, None);
    Explanation {
        direction: Direction::Out,
        flow: Some(flow),
        udp: None,
        outer: None,
        input,
        check,
        output: Some(output),
        verdict,
        is_of_outer: false,
    }
}

/// The way of a packet to this host: through the SAs of `arrivals`, outermost first, then the check of its
/// policy. `socket` is the policy for `in` of its socket.
#[must_use]
pub fn explain_in<'a>(
    tables: &'a Tables,
    arrivals: &[Arrival],
    flow: Option<Flow>,
    mark: u32,
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> Explanation<'a> {
    arrived(tables, Direction::In, (arrivals, flow, mark), socket, surroundings)
}

/// The way of a packet through this host: as [`explain_in`], and then out.
#[must_use]
pub fn explain_forwarded<'a>(
    tables: &'a Tables,
    arrivals: &[Arrival],
    flow: Option<Flow>,
    mark: u32,
    surroundings: &Surroundings<'_>,
) -> Explanation<'a> {
    let mut explanation =
        arrived(tables, Direction::Fwd, (arrivals, flow, mark), None, surroundings);
    if let (true, Some(mut flow)) = (explanation.verdict.passes(), explanation.flow) {
        // The number of the interface that it arrived by is none of the way out.
        if surroundings.interface.is_none() {
            flow.if_id = None;
        }
        // `xfrm_route_forward` asks neither the SPD nor for the default policy then.
        let (flow, mut output) = if surroundings.has_no_xfrm && surroundings.interface.is_none() {
            (flow, OutputResult::exempt(Verdict::Clear))
        } else {
            leave(tables, flow, None, surroundings)
        };
        // Those that have taken it when it was received are not meant for it when it leaves.
        if let Some(lookup) = &mut output.lookup {
            lookup.near.retain(|near| near.field != Field::Direction);
        }
        if surroundings.interface.is_some() {
            explanation.flow = Some(flow);
        }
        explanation.verdict = output.verdict.clone();
        explanation.output = Some(output);
    }
    explanation
}

/// The verdict of the routing table.
fn refused<'a>(surroundings: &Surroundings<'_>, direction: Direction) -> Option<Verdict<'a>> {
    surroundings.refusal.map(|reason| Verdict::dropped(reason, direction))
}

/// As [`received`], where the packet that the SAs are undone of arrives.
fn arrived<'a>(
    tables: &'a Tables,
    direction: Direction,
    packet: (&[Arrival], Option<Flow>, u32),
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> Explanation<'a> {
    let mut explanation = received(tables, direction, packet, socket, surroundings);
    let refused = surroundings.outer_refusal.map(|reason| Verdict::dropped(reason, direction));
    let forwarded =
        surroundings.is_outer_forwarded.then_some(Verdict::Unknown(Doubt::OuterForwarded));
    if let Some(verdict) = refused.or(forwarded) {
        (explanation.verdict, explanation.is_of_outer) = (verdict, true);
    }
    explanation
}

fn received<'a>(
    tables: &'a Tables,
    direction: Direction,
    (arrivals, flow, mark): (&[Arrival], Option<Flow>, u32),
    socket: Option<&'a PolicyEntry>,
    surroundings: &Surroundings<'_>,
) -> Explanation<'a> {
    let input = (!arrivals.is_empty())
        .then(|| decapsulate(&tables.sas, arrivals, mark, surroundings.vti_key));
    let mut explanation = Explanation {
        direction,
        flow,
        udp: None,
        outer: None,
        input,
        check: None,
        output: None,
        verdict: Verdict::Clear,
        is_of_outer: false,
    };
    if let (Some(untaken), Some(input)) = (surroundings.untaken, &mut explanation.input)
        && let Some((place, reason)) = input.untaken()
    {
        input.headers.truncate(place + 1);
        let path = input.headers.iter().filter_map(|header| header.sa).collect::<Vec<_>>();
        let counters = untaken.counters(tables, &path, surroundings);
        input.stops = Some(Verdict::Dropped { reason, counters });
    }
    if let Some(verdict) = explanation.input.as_ref().and_then(|input| input.stops.clone()) {
        explanation.verdict = verdict;
        if let (Verdict::Dropped { reason: Reason::UnknownSpi, .. }, Some(input)) =
            (&explanation.verdict, &mut explanation.input)
        {
            let similar = of_same_ends(tables, direction, input, flow.as_ref());
            input.headers.last_mut().into_iter().for_each(|last| last.near.extend(similar.iter()));
        }
        return explanation;
    }
    let path = explanation.input.as_ref().map(|input| input.path.clone()).unwrap_or_default();
    let mark = explanation.input.as_ref().map_or(mark, |input| input.mark);
    explanation.flow = flow.map(|flow| flow.marked(mark)).map(|flow| match path.last() {
        Some(entry) if entry.sa.mode.installed() == Mode::Beet => flow.out_of_beet(&entry.sa),
        _ => flow,
    });
    let Some(flow) = explanation.flow else {
        explanation.verdict = Verdict::Unknown(Doubt::InnerPacket);
        return explanation;
    };
    let check = arrive(tables, direction, &flow, &path, socket, surroundings);
    let elsewhere = surroundings.elsewhere.map(|it| Verdict::Unknown(Doubt::OtherDirection(it)));
    explanation.verdict =
        refused(surroundings, direction).or(elsewhere).unwrap_or_else(|| check.verdict.clone());
    explanation.check = Some(check);
    explanation
}
