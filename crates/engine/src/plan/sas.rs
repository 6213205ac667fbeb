use std::{collections::HashMap, net::IpAddr};

use model::{Mark, Proto, Sa, SaEntry, SaId, SaState, Spi};

use super::{
    removal::Removal,
    requested::RequestedTables,
    same::{SaDifference, sa_difference},
    step::Step,
};

/// The changes of SAs, by the time at which they are made.
#[derive(Debug, Default)]
pub struct SaSteps {
    /// Before policies that need the SAs.
    pub first: Vec<Step>,
    /// While policies that the SAs serve require them.
    pub replaced: Vec<Step>,
    /// When no policy needs the SAs.
    pub last: Vec<Step>,
    /// The SAs that no file describes and that stay.
    pub staying: usize,
}

/// Compares SAs; those of the files as they will be installed.
pub fn steps(
    requested: &RequestedTables,
    fitted: Vec<Sa>,
    installed: Vec<SaEntry>,
    removal: Removal,
) -> SaSteps {
    let mut steps = SaSteps::default();
    let mut by_id: HashMap<SaId, SaEntry> = HashMap::new();
    let mut removed = Removed::default();
    for entry in installed {
        let id = entry.sa.id();
        if requested.has_sa(&id) {
            by_id.insert(id, entry);
        } else if removal.is_whole(requested.has_all_sas(id.proto))
            && entry.state != SaState::Larval
        {
            removed.add(entry);
        } else {
            steps.staying += 1;
        }
    }
    for sa in fitted {
        let entry = by_id.remove(&sa.id());
        let is_there = entry.is_some();
        let Some(entry) = entry.or_else(|| removed.take_alike(&sa.id())) else {
            steps.first.push(Step::AddSa(Box::new(sa)));
            continue;
        };
        let difference = match entry.state {
            SaState::Mature | SaState::Dying if is_there => sa_difference(&sa, &entry.sa),
            SaState::Larval | SaState::Mature | SaState::Dying | SaState::Dead => {
                SaDifference::Lasting
            }
        };
        let (installed, requested) = (Box::new(entry), Box::new(sa));
        match difference {
            SaDifference::None => {}
            SaDifference::Limits => steps.first.push(Step::UpdateSa { installed, requested }),
            SaDifference::Lasting => {
                steps.replaced.push(Step::ReplaceSa { installed, requested });
            }
        }
    }
    steps.last = removed.0.into_iter().flatten().map(|it| Step::DeleteSa(Box::new(it))).collect();
    steps
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
