use std::{collections::HashMap, net::IpAddr};

use model::{Mark, Proto, Sa, SaEntry, SaId, SaState, Spi};

use super::{
    same::{SaDifference, sa_difference},
    scope::PlanScope,
    step::Step,
};
use crate::state::owned::Record;

/// The changes of SAs, by the time at which they are made.
#[derive(Debug, Default)]
pub struct SaSteps {
    /// Before policies that need the SAs.
    pub first: Vec<Step>,
    /// While policies that the SAs serve require them.
    pub replaced: Vec<Step>,
    /// When no policy needs the SAs.
    pub last: Vec<Step>,
    /// What may not be touched, and is otherwise than requested.
    pub conflicts: Vec<Step>,
    /// What is otherwise than requested, where the filter selects only one of the two.
    pub crossing: Vec<Step>,
    /// What may not be touched, and is as requested.
    pub adopted: Vec<Record>,
    /// The SAs that no file describes and that stay.
    pub staying: usize,
}

/// Compares SAs; those of the files as they will be installed.
pub fn steps(scope: &PlanScope<'_>, fitted: Vec<Sa>, installed: Vec<SaEntry>) -> SaSteps {
    let mut steps = SaSteps::default();
    let mut by_id: HashMap<SaId, SaEntry> = HashMap::new();
    let mut removed = Removed::default();
    for entry in installed {
        let id = entry.sa.id();
        if scope.requested.has_sa(&id) {
            by_id.insert(id, entry);
        } else if scope.removes_sa(&entry) {
            removed.add(entry);
        } else {
            steps.staying += 1;
        }
    }
    for sa in fitted {
        if let Some(entry) = by_id.remove(&sa.id()) {
            steps.compare(scope, sa, entry);
        } else if let Some(entry) = removed.take_alike(&sa.id()) {
            let (installed, requested) = (Box::new(entry), Box::new(sa));
            steps.replaced.push(Step::ReplaceSa { installed, requested });
        } else {
            steps.first.push(Step::AddSa(Box::new(sa)));
        }
    }
    steps.last = removed.0.into_iter().flatten().map(|it| Step::DeleteSa(Box::new(it))).collect();
    steps
}

impl SaSteps {
    /// Adds what leads from an SA of the kernel to the requested one of its name.
    fn compare(&mut self, scope: &PlanScope<'_>, sa: Sa, entry: SaEntry) {
        let difference = match entry.state {
            SaState::Mature | SaState::Dying => sa_difference(&sa, &entry.sa),
            SaState::Larval | SaState::Dead => SaDifference::Lasting,
        };
        let may_touch = scope.may_touch_sa(&entry);
        let is_crossing = !scope.selects_sa(&sa) || !scope.selects_sa(&entry.sa);
        if difference == SaDifference::None {
            if let Some(owned) = scope.owned.filter(|_| !may_touch && !is_crossing) {
                self.adopted.push(owned.record_of_sa(&entry));
            }
            return;
        }
        let (installed, requested) = (Box::new(entry), Box::new(sa));
        let (step, time) = match difference {
            SaDifference::Limits => (Step::UpdateSa { installed, requested }, &mut self.first),
            _ => (Step::ReplaceSa { installed, requested }, &mut self.replaced),
        };
        match (is_crossing, may_touch) {
            (true, _) => self.crossing.push(step),
            (false, true) => time.push(step),
            (false, false) => self.conflicts.push(step),
        }
    }
}

/// The SAs that go.
#[derive(Debug, Default)]
struct Removed(Vec<Option<SaEntry>>, HashMap<(IpAddr, Proto, Spi), Vec<usize>>);

impl Removed {
    fn add(&mut self, entry: SaEntry) {
        let SaId { dst, proto, spi, .. } = entry.sa.id();
        self.1.entry((dst, proto, spi)).or_default().push(self.0.len());
        self.0.push(Some(entry));
    }

    /// Takes one that the kernel takes for the SA of this name, or the other way round: both cannot be there, or
    /// the deletion of one would delete the other (`__xfrm_state_lookup`, net/xfrm/xfrm_state.c).
    fn take_alike(&mut self, id: &SaId) -> Option<SaEntry> {
        let places = self.1.get(&(id.dst, id.proto, id.spi))?;
        let answers = |mark: Mark, own: Mark| mark.value & mark.mask & own.mask == own.value;
        let is_alike = |place: &&usize| {
            self.0[**place].as_ref().is_some_and(|entry| {
                answers(id.mark, entry.sa.mark) || answers(entry.sa.mark, id.mark)
            })
        };
        let place = *places.iter().find(is_alike)?;
        self.0[place].take()
    }
}
