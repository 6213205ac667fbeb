//! How many SAs and policies there are, in which states, and which policies no SA serves.

use engine::{Engine, Error, Installed};
use model::{Demand, Direction, PolicyEntry, SaEntry, SaState};

use crate::Offers;

/// The entries that are counted. SAs that are not serve policies as well.
pub struct CountedPart<'a> {
    /// Whether an SA is counted.
    pub has_sa: &'a dyn Fn(&SaEntry) -> bool,
    /// Whether a policy, as it was requested, is counted.
    pub has_policy: &'a dyn Fn(&PolicyEntry) -> bool,
}

impl CountedPart<'static> {
    /// All.
    pub const ALL: Self = Self { has_sa: &|_| true, has_policy: &|_| true };
}

/// What is in the SAD and SPD of a network namespace, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// SAs, in the order of [`SaState::ALL`].
    sas: [u64; SaState::ALL.len()],
    /// Policies, in the order of [`Direction::ALL`].
    policies: [u64; Direction::ALL.len()],
    /// Of these, policies with a required template that no SA serves: their packets are dropped.
    without_sa: [u64; Direction::ALL.len()],
    /// Policies of sockets, which are not among those above.
    pub of_sockets: u64,
    /// Policies with an optional tunnel that is not installed, since no SA serves it.
    pub partial: u64,
    /// Packets that SAs have dropped.
    pub dropped_by_sas: u64,
}

impl Survey {
    /// Reads the SAD, one SA at a time, and the SPD, and counts a part of them.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn read(
        engine: &mut Engine,
        part: &CountedPart<'_>,
        mut each_sa: impl FnMut(&SaEntry),
    ) -> Result<Self, Error> {
        let (mut survey, mut offers) = (Self::default(), Offers::default());
        for (number, entry) in engine.sas()?.enumerate() {
            let entry = entry?;
            offers.add(number, &entry);
            if (part.has_sa)(&entry) {
                survey.add_sa(&entry);
                each_sa(&entry);
            }
        }
        for policy in engine.policies()? {
            let (requested, installed) = policy?;
            if !(part.has_policy)(&requested) {
                continue;
            }
            let is_partial = requested.policy.action.templates().len()
                > installed.policy.action.templates().len();
            survey.partial += u64::from(is_partial);
            survey.add_policy(&installed, &offers);
        }
        Ok(survey)
    }

    fn add_sa(&mut self, entry: &SaEntry) {
        let place = SaState::ALL.iter().position(|&state| state == entry.state);
        self.sas[place.unwrap_or_default()] += 1;
        let stats = entry.stats;
        let dropped = [stats.integrity_failed, stats.replay, stats.replay_window];
        self.dropped_by_sas += dropped.map(u64::from).iter().sum::<u64>();
    }

    fn add_policy(&mut self, policy: &Installed, offers: &Offers) {
        if policy.socket {
            self.of_sockets += 1;
            return;
        }
        let direction = usize::from(policy.policy.id.direction.xfrm());
        self.policies[direction] += 1;
        let demands = Demand::of(&policy.policy.id, policy.policy.action.templates());
        let is_without = demands.enumerate().any(|(place, demand)| {
            !policy.installation.is_optional(place) && offers.serving(&demand).next().is_none()
        });
        self.without_sa[direction] += u64::from(is_without);
    }

    /// The number of SAs in each state.
    pub fn sas(&self) -> impl Iterator<Item = (SaState, u64)> + '_ {
        SaState::ALL.iter().copied().zip(self.sas)
    }

    /// For each direction the number of policies, and of those that no SA serves.
    pub fn policies(&self) -> impl Iterator<Item = (Direction, u64, u64)> + '_ {
        let numbers = self.policies.into_iter().zip(self.without_sa);
        let of_directions = Direction::ALL.iter().zip(numbers);
        of_directions.map(|(&direction, (all, without_sa))| (direction, all, without_sa))
    }
}
