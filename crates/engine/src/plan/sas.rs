use std::collections::HashMap;

use model::{Sa, SaEntry, SaId, SaState};

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
    for entry in installed {
        let id = entry.sa.id();
        if requested.has_sa(&id) {
            by_id.insert(id, entry);
        } else if removal.is_whole(requested.has_all_sas(id.proto))
            && entry.state != SaState::Larval
        {
            steps.last.push(Step::DeleteSa(Box::new(entry)));
        } else {
            steps.staying += 1;
        }
    }
    for sa in fitted {
        let Some(entry) = by_id.remove(&sa.id()) else {
            steps.first.push(Step::AddSa(Box::new(sa)));
            continue;
        };
        let difference = match entry.state {
            SaState::Larval | SaState::Dead => SaDifference::Lasting,
            SaState::Mature | SaState::Dying => sa_difference(&sa, &entry.sa),
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
    steps
}
