//! Looking for what is near an SA or policy that is not there.

use std::num::NonZeroU32;

use model::{Mark, PolicyId, Sa, SaId, ScriptOption};
use rustix::io::Errno;
use xfrm::SadSelection;

use super::{
    Engine,
    near::{Differences, Near},
    refusal::Refusal,
    target::Target,
};

/// The refusals of a run for which the SAD or SPD is read: to read it for each of thousands would take
/// hours.
pub(super) const MOST_COMPARISONS: u8 = 10;

impl Engine {
    /// Completes the refusal of an SA or a policy that is not there. Where the SAD or SPD cannot be read, nothing
    /// is added.
    pub(super) fn look_for_near(&mut self, refusal: &mut Refusal) {
        let Refusal::Kernel { target, errno, .. } = refusal else { return };
        let target = match target {
            Target::ForwardCopy(copied) => &mut **copied,
            target => target,
        };
        if !matches!(
            (&*target, *errno),
            (Target::NamedSa(..), Errno::SRCH) | (Target::Policy(..), Errno::NOENT)
        ) {
            return;
        }
        let Some(left) = self.comparisons.checked_sub(1) else { return };
        self.comparisons = left;
        match target {
            Target::NamedSa(id, if_id, near) => {
                let filter = SadSelection { proto: Some(id.proto), ..SadSelection::default() };
                let Ok(dump) = self.host.kernel.dump_sad(&filter) else { return };
                let sas = dump.filter_map(Result::ok);
                *near = Near::of(sas.filter_map(|entry| of_sa(id, *if_id, &entry.sa)));
            }
            Target::Policy(id, near) => {
                let Ok(dump) = self.host.kernel.dump_spd() else { return };
                let policies = dump.filter_map(Result::ok);
                *near = Near::of(policies.filter_map(|entry| of_policy(id, &entry.policy.id)));
            }
            _ => {}
        }
    }
}

/// What an SA has otherwise than the missing one; none if it is another.
fn of_sa(id: &SaId, if_id: Option<Option<NonZeroU32>>, there: &Sa) -> Option<Differences> {
    let found = there.id();
    (SaId { mark: id.mark, ..found } == *id).then(|| {
        let of_if_id = match if_id {
            Some(wanted) if there.if_id != wanted => Some(text(there.if_id)),
            _ => None,
        };
        let of_mark = (found.mark != id.mark).then(|| mark(found.mark));
        let both = [(ScriptOption::Mark, of_mark), (ScriptOption::IfId, of_if_id)];
        both.into_iter().filter_map(|(option, value)| Some((option, value?))).collect()
    })
}

/// What a policy has otherwise than the missing one; none if it is for other packets.
fn of_policy(id: &PolicyId, there: &PolicyId) -> Option<Differences> {
    let mut alike = there.clone();
    alike.selector.device.clone_from(&id.selector.device);
    (alike.direction, alike.mark, alike.if_id) = (id.direction, id.mark, id.if_id);
    alike.policy_type = id.policy_type;
    (alike == *id).then(|| {
        let options = |of: &PolicyId| {
            [
                (ScriptOption::Policy, Some(of.direction.word().to_owned())),
                (ScriptOption::Mark, mark(of.mark)),
                (ScriptOption::IfId, text(of.if_id)),
                (ScriptOption::Device, of.selector.device.as_ref().map(ToString::to_string)),
                (ScriptOption::PolicyType, Some(of.policy_type.word().to_owned())),
            ]
        };
        let pairs = options(there).into_iter().zip(options(id));
        pairs.filter(|(there, wanted)| there != wanted).map(|(there, _)| there).collect()
    })
}

fn mark(mark: Mark) -> Option<String> {
    (!mark.is_none()).then(|| mark.to_string())
}

fn text(number: Option<NonZeroU32>) -> Option<String> {
    number.map(|number| number.to_string())
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Direction, Prefix, Proto, Selector, Spi};

    use super::*;

    const MARK: Mark = Mark { value: 5, mask: 0xff };

    fn refusal(target: Target, errno: Errno) -> String {
        Refusal::Kernel { target, errno, text: None }.to_string()
    }

    #[test]
    fn a_missing_sa_is_compared_with_those_of_its_spi() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa::bare(ends, Proto::Esp, Spi(0x1001));
        let absent = |if_id, there: &Sa| {
            let near = Near::of(of_sa(&sa.id(), if_id, there).into_iter());
            refusal(Target::NamedSa(sa.id(), if_id, near), Errno::SRCH)
        };
        let plain = "no SA has this destination, protocol and SPI";
        let eight = NonZeroU32::new(8);
        assert_eq!(absent(None, &Sa { spi: Spi(0x1002), mark: MARK, ..sa.clone() }), plain);
        let of_interface = Sa { if_id: NonZeroU32::new(7), ..sa.clone() };
        assert_eq!(absent(None, &of_interface), plain);
        assert_eq!(
            absent(None, &Sa { mark: MARK, ..sa.clone() }),
            "no SA has this destination, protocol, SPI and mark: one with -mark 0x5/0xff is there"
        );
        let expected = "no SA has this destination, protocol, SPI, mark and if_id: one ";
        assert_eq!(absent(Some(eight), &of_interface), format!("{expected}with -ifid 7 is there"));
        assert_eq!(absent(Some(None), &of_interface), format!("{expected}with -ifid 7 is there"));
        assert_eq!(absent(Some(eight), &sa), format!("{expected}without -ifid is there"));
    }

    #[test]
    fn a_missing_policy_is_compared_with_those_for_its_packets() {
        let [src, dst] = [1, 2].map(|last| Prefix::host([192, 0, 2, last].into()));
        let out = PolicyId::new(Selector::new(src, dst).unwrap(), Direction::Out);
        let back = PolicyId::new(Selector::new(dst, src).unwrap(), Direction::Out);
        let absent = |id: &PolicyId, there: &[PolicyId]| {
            let near = Near::of(there.iter().filter_map(|there| of_policy(id, there)));
            refusal(Target::Policy(Box::new(id.clone()), near), Errno::NOENT)
        };
        let plain = "no policy has exactly this selector and direction";
        assert_eq!(absent(&out, &[back]), plain);
        let inbound = PolicyId { direction: Direction::In, ..out.clone() };
        let mut marked = PolicyId { mark: MARK, if_id: NonZeroU32::new(7), ..out.clone() };
        let both = absent(&out, &[marked.clone(), inbound.clone()]);
        let expected = "one with -P in is there, one with -mark 0x5/0xff and with -ifid 7 is there";
        assert_eq!(both, format!("{plain}: {expected}"));
        assert_eq!(
            absent(&marked, std::slice::from_ref(&out)),
            format!("{plain}: one without -mark and without -ifid is there")
        );
        (marked.mark, marked.if_id) = (out.mark, None);
        marked.selector.device = Some("eth0".parse().unwrap());
        assert_eq!(absent(&out, &[marked]), format!("{plain}: one with -dev eth0 is there"));
    }
}
