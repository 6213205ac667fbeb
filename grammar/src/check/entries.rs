//! What the SAs and policies of a script have to do with one another: keys that two SAs use, templates that no SA
//! serves, and tunnels that have the same ends in both directions.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use model::{
    Action, Direction, Level, LevelKind, Mode, Operation, Policy, Proto, ReqId, Sa, SaId, Template,
};

use super::{Finding, FindingKind, part::template_span};
use crate::{
    check::Part,
    parse::{Place, Source, Statement},
    tree::Span,
    warning::WarningKind,
};

/// Source and destination of an SA.
type Ends = (IpAddr, IpAddr);

/// The SAs and policies so far, as far as they are compared. Each statement takes the same time, and no key is kept.
#[derive(Debug, Default)]
pub(super) struct Entries {
    hasher: RandomState,
    /// The SAs of each protocol: `flush` may be for one.
    sas: HashMap<Proto, Sas>,
    /// The first template of its kind.
    templates: HashMap<Wanted, Found>,
    /// The first policy with a tunnel, for each direction.
    tunnels: HashMap<Ends, Tunnel>,
    /// Whether something was deleted by its name, so that what remains is not known here.
    is_unknown: bool,
}

/// The SAs of a protocol.
#[derive(Debug, Default)]
struct Sas {
    /// The first with a key and salt of a counter mode, by their hash.
    keys: HashMap<u64, (SaId, usize)>,
    offered: HashMap<Ends, Offered>,
}

/// The SAs between two ends.
#[derive(Debug)]
struct Offered {
    /// The line of the first.
    line: usize,
    /// The line of the first of each mode; None is for an SA that takes its mode from the policy.
    modes: HashMap<Option<Mode>, usize>,
    pairs: HashSet<(Option<Mode>, Option<ReqId>)>,
}

/// What a template demands of an SA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Wanted {
    ends: Ends,
    proto: Proto,
    mode: Mode,
    /// None if any number will do.
    reqid: Option<Option<ReqId>>,
}

#[derive(Debug, Default)]
struct Tunnel {
    /// The line of the first.
    out: Option<usize>,
    inbound: Option<Found>,
}

/// A template in its statement, whose place is only found out for a warning.
#[derive(Debug)]
struct Found {
    source: Source,
    span: Span,
}

impl Found {
    fn place(&self) -> Place {
        self.source.place(self.span, self.span)
    }
}

impl Entries {
    /// Follows an operation of a statement, and returns what it makes wrong.
    pub(super) fn take(&mut self, statement: &Statement, operation: &Operation) -> Option<Finding> {
        match operation {
            Operation::AddSa(sa) | Operation::UpdateSa(sa) => return self.sa(statement, sa),
            Operation::AddPolicy(policy) | Operation::UpdatePolicy(policy) => {
                self.policy(statement, policy);
            }
            Operation::WithoutForwardCopy(operation) => return self.take(statement, operation),
            Operation::FlushSad(None) => self.sas.clear(),
            Operation::FlushSad(Some(proto)) => {
                self.sas.remove(proto);
            }
            Operation::FlushSpd(_) => {
                self.templates.clear();
                self.tunnels.clear();
            }
            Operation::DeleteSa(..) | Operation::DeleteAllSa(_) | Operation::DeletePolicy(_) => {
                self.is_unknown = true;
            }
            Operation::GetSpi(_)
            | Operation::GetSa(..)
            | Operation::DumpSad(_)
            | Operation::DumpSpd => {}
        }
        None
    }

    fn sa(&mut self, statement: &Statement, sa: &Sa) -> Option<Finding> {
        let line = statement.line();
        let is_any = sa.mode.is_any() && statement.source.dialect().is_bsd();
        let mode = (!is_any).then(|| sa.mode.installed());
        let new = || Offered { line, modes: HashMap::new(), pairs: HashSet::new() };
        let sas = self.sas.entry(sa.proto).or_default();
        let offered = sas.offered.entry((sa.ends.src(), sa.ends.dst())).or_insert_with(new);
        offered.modes.entry(mode).or_insert(line);
        offered.pairs.insert((mode, sa.reqid));
        let keyed = sa.aead.as_ref().or(sa.crypt.as_ref())?;
        if !keyed.algorithm.is_counter_mode() {
            return None;
        }
        let hash = self.hasher.hash_one(keyed.key.bytes());
        let line = sas.line_of_key(hash, sa.id(), line)?;
        let place = statement.place_of(Part::EncryptionKey);
        Some(Finding { kind: FindingKind::Warning(WarningKind::ReusedNonce(line)), place })
    }

    fn policy(&mut self, statement: &Statement, policy: &Policy) {
        let Action::Ipsec(templates) = &policy.action else { return };
        for (at, template) in templates.iter().enumerate() {
            if template.level.kind() == LevelKind::Use {
                continue;
            }
            let Some(span) = template_span(&statement.command, at) else { continue };
            let found = || Found { source: statement.source.clone(), span };
            if let Some(wanted) = wanted(policy, template) {
                self.templates.entry(wanted).or_insert_with(found);
            }
            if let Some(ends) = template.mode.endpoints().filter(|_| is_tunnel(template)) {
                let tunnel = self.tunnels.entry((ends.src(), ends.dst())).or_default();
                match policy.id.direction {
                    Direction::Out => {
                        tunnel.out.get_or_insert_with(|| statement.line());
                    }
                    Direction::In => {
                        tunnel.inbound.get_or_insert_with(found);
                    }
                    Direction::Fwd => {}
                }
            }
        }
    }

    /// What is wrong with the whole, in the order of lines.
    pub(super) fn at_the_end(&mut self) -> Vec<Finding> {
        if self.is_unknown {
            return Vec::new();
        }
        let unserved = self.templates.iter().filter_map(|(wanted, found)| {
            let kind = self.sas.get(&wanted.proto)?.offered.get(&wanted.ends)?.lacks(wanted)?;
            Some((kind, found.place()))
        });
        let same = self.tunnels.iter().filter_map(|((src, dst), tunnel)| {
            let (out, inbound) = (tunnel.out?, tunnel.inbound.as_ref()?);
            // Otherwise the script is for both hosts.
            let is_both = self.tunnels.contains_key(&(*dst, *src)) || src == dst;
            (!is_both).then(|| (WarningKind::SameTunnelEnds(out), inbound.place()))
        });
        let finding = |(kind, place)| Finding { kind: FindingKind::Warning(kind), place };
        let mut found: Vec<_> = unserved.chain(same).map(finding).collect();
        found.sort_by_key(|Finding { place, .. }| (place.position.line, place.position.column));
        found
    }
}

impl Sas {
    /// The line of the first SA with the key and salt of this hash, if it is another SA.
    fn line_of_key(&mut self, hash: u64, id: SaId, line: usize) -> Option<usize> {
        match self.keys.entry(hash) {
            Entry::Occupied(first) => {
                let (first, line) = first.get();
                (*first != id).then_some(*line)
            }
            Entry::Vacant(place) => {
                place.insert((id, line));
                None
            }
        }
    }
}

impl Offered {
    /// Why none of the SAs serves a template.
    fn lacks(&self, wanted: &Wanted) -> Option<WarningKind> {
        let modes = [None, Some(wanted.mode)];
        let of_mode = modes.iter().filter_map(|mode| self.modes.get(mode)).min();
        let Some(&line) = of_mode else { return Some(WarningKind::SaOfOtherMode(self.line)) };
        let reqid = wanted.reqid?;
        let is_served = modes.iter().any(|&mode| self.pairs.contains(&(mode, reqid)));
        (!is_served).then_some(WarningKind::SaOfOtherReqId(line))
    }
}

/// What a template demands of SAs whose ends are known: a tunnel, or transport between two hosts.
fn wanted(policy: &Policy, template: &Template) -> Option<Wanted> {
    let mode = template.mode.mode();
    let selector = &policy.id.selector;
    let (src, dst) = if is_tunnel(template) {
        let ends = template.mode.endpoints()?;
        (ends.src(), ends.dst())
    } else {
        let is_alone = mode == Mode::Transport && policy.action.templates().len() == 1;
        let (src, dst) = (selector.src(), selector.dst());
        let are_hosts = [src, dst].iter().all(|it| it.is_host() && !it.addr().is_unspecified());
        (is_alone && are_hosts).then(|| (src.addr(), dst.addr()))?
    };
    let reqid = match (template.level, policy.id.direction) {
        // The engine chooses the number.
        (Level::Unique(None), _) => None,
        (_, Direction::Out) => Some(template.reqid()),
        // Of received packets only a number that is given is compared.
        (_, Direction::In | Direction::Fwd) => template.reqid().map(Some),
    };
    Some(Wanted { ends: (src, dst), proto: template.proto, mode, reqid })
}

fn is_tunnel(template: &Template) -> bool {
    matches!(template.mode.mode(), Mode::Tunnel | Mode::Beet | Mode::IpTfs)
}
