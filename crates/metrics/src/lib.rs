//! What is in the SAD and SPD in numbers: which SAs serve which policies, how many there are of each, and the text of
//! OpenMetrics, for `ipsecctl` and `ipsecd`.

mod by;
mod family;
mod groups;
mod join;
mod survey;

use std::io::{self, Write};

use engine::{DefaultPolicy, Engine, EngineOptions, Listeners, Namespace};
use model::{Counter, CounterValues, IpVersion};

pub use by::By;
use family::Family;
use groups::{Groups, Totals};
pub use join::{Demands, Offers};
pub use survey::{CountedPart, Survey};

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tables cannot be read.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The text cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Every family that is printed, in order. Rules and dashboards of dist/ use their names.
mod families {
    use super::Family;

    pub const DROPPED: Family = Family::counter(
        "xfrm_dropped_packets",
        "Packets that XFRM has dropped, by the kernel's counter.",
    );
    pub const SAS: Family = Family::gauge("xfrm_sas", "SAs by state.");
    pub const POLICIES: Family =
        Family::gauge("xfrm_policies", "Policies by direction, without those of sockets.");
    pub const WITHOUT_SA: Family = Family::gauge(
        "xfrm_policy_without_sa",
        "Policies that require an SA and have none: their packets are dropped.",
    );
    pub const SOCKET_POLICIES: Family =
        Family::gauge("xfrm_socket_policies", "Policies of sockets.");
    pub const IN_FORCE: Family = Family::gauge(
        "xfrm_default_policy_in_force",
        "Whether packets that no policy matches are treated as def_policy demands.",
    );
    pub const IPSECD: Family =
        Family::gauge("xfrm_ipsecd_running", "Whether ipsecd runs in this network namespace.");
    pub const LISTENERS: Family = Family::gauge(
        "xfrm_event_listeners",
        "Sockets that receive the kernel's events of SAs and policies.",
    );
    pub const LOST_EVENTS: Family = Family::gauge(
        "xfrm_lost_events",
        "Events that these sockets have lost since they were opened.",
    );
    pub const SA_COUNT: Family = Family::gauge("xfrm_sa_count", "SAs of the series.");
    pub const SA_PACKETS: Family = Family::gauge(
        "xfrm_sa_packets",
        "Packets that the SAs have transformed since they were added.",
    );
    pub const SA_BYTES: Family = Family::gauge(
        "xfrm_sa_bytes",
        "Bytes that the SAs have transformed since they were added.",
    );
    pub const SA_DROPPED: Family = Family::gauge(
        "xfrm_sa_dropped_packets",
        "Packets that the SAs have dropped since they were added.",
    );
    pub const SEQUENCE_LEFT: Family = Family::gauge(
        "xfrm_sa_sequence_left",
        "Sequence numbers that are left, of the SA that has the fewest.",
    );
    pub const SECONDS_LEFT: Family = Family::gauge(
        "xfrm_sa_seconds_left",
        "Seconds until a hard limit of time, of the SA that reaches it first.",
    );
}

/// Writes the metrics of this thread's network namespace, of SAs and policies those of a part.
///
/// Errors: [`Error::Engine`], without CAP_NET_ADMIN too; [`Error::Output`].
pub fn write(by: By, part: &CountedPart<'_>, out: &mut impl Write) -> Result<(), Error> {
    let mut engine = Engine::open(EngineOptions::default())?;
    let mut groups = Groups::new(by, sys::clock::unix_seconds());
    let survey = Survey::read(&mut engine, part, |entry| groups.add(entry))?;
    // Without its statistics a kernel has no counters.
    if let Ok(counters) = engine::counters() {
        print_counters(&counters, out)?;
    }
    print_survey(&survey, out)?;
    print_defaults(&engine::default_policies()?, out)?;
    let is_running = Namespace::current().has_daemon();
    families::IPSECD.print(out, [(String::new(), u64::from(is_running))])?;
    if let Ok(listeners) = engine::listeners() {
        print_listeners(listeners, out)?;
    }
    print_groups(&groups.into_labelled(), out)?;
    Ok(family::end(out)?)
}

fn print_listeners(listeners: Listeners, out: &mut impl Write) -> io::Result<()> {
    families::LISTENERS.print(out, [(String::new(), listeners.sockets)])?;
    families::LOST_EVENTS.print(out, [(String::new(), listeners.lost)])
}

fn print_counters(counters: &CounterValues, out: &mut impl Write) -> io::Result<()> {
    let samples = counters.iter().map(|(name, packets)| {
        let counter = name.parse::<Counter>().ok();
        let direction = counter.map(|it| it.direction().word()).unwrap_or_default();
        (family::labels(&[("counter", name), ("direction", direction)]), packets)
    });
    families::DROPPED.print(out, samples)
}

fn print_survey(survey: &Survey, out: &mut impl Write) -> io::Result<()> {
    let of_state = |state| family::labels(&[("state", state)]);
    families::SAS.print(out, survey.sas().map(|(state, count)| (of_state(state.word()), count)))?;
    let of_direction = |direction| family::labels(&[("direction", direction)]);
    let all = survey.policies().map(|(direction, all, _)| (of_direction(direction.word()), all));
    families::POLICIES.print(out, all)?;
    let without_sa = survey.policies();
    let without_sa =
        without_sa.map(|(direction, _, count)| (of_direction(direction.word()), count));
    families::WITHOUT_SA.print(out, without_sa)?;
    families::SOCKET_POLICIES.print(out, [(String::new(), survey.of_sockets)])
}

fn print_defaults(policies: &[DefaultPolicy], out: &mut impl Write) -> io::Result<()> {
    let samples = policies.iter().map(|policy| {
        let version = match policy.version {
            IpVersion::V4 => "4",
            IpVersion::V6 => "6",
        };
        let labels = [("ip_version", version), ("direction", policy.direction.word())];
        (family::labels(&labels), u64::from(policy.in_force))
    });
    families::IN_FORCE.print(out, samples)
}

/// The number of a group in a family, if it has one.
type Number = fn(&Totals) -> Option<u64>;

/// A family at a time, as the format demands.
fn print_groups(groups: &[(String, Totals)], out: &mut impl Write) -> io::Result<()> {
    let numbers: [(Family, Number); 5] = [
        (families::SA_COUNT, |it| Some(it.sas)),
        (families::SA_PACKETS, |it| Some(it.packets)),
        (families::SA_BYTES, |it| Some(it.bytes)),
        (families::SEQUENCE_LEFT, |it| it.sequence_left),
        (families::SECONDS_LEFT, |it| it.seconds_left),
    ];
    for (family, number) in numbers {
        family.begin(out)?;
        for (labels, totals) in groups {
            if let Some(number) = number(totals) {
                family.sample(out, &[labels], number)?;
            }
        }
    }
    families::SA_DROPPED.begin(out)?;
    let reasons = ["integrity_failed", "replay", "replay_window"];
    let reasons = reasons.map(|reason| format!(",{}", family::labels(&[("reason", reason)])));
    for (labels, totals) in groups {
        for (reason, packets) in reasons.iter().zip(totals.dropped) {
            families::SA_DROPPED.sample(out, &[labels, reason], packets)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    /// Rules and dashboards ask for nothing that is not printed.
    #[test]
    fn what_dist_asks_for_is_there() {
        let source = include_str!("lib.rs");
        let names = Regex::new(r#""(xfrm_[a-z_]+)""#).unwrap();
        let printed = names.captures_iter(source).map(|it| it[1].to_owned());
        let printed =
            printed.flat_map(|name| [format!("{name}_total"), name]).collect::<BTreeSet<_>>();
        let requested = Regex::new(r"\bxfrm_[a-z_]+").unwrap();
        for text in [
            include_str!("../../../dist/prometheus/xfrm-tools.rules.yml"),
            include_str!("../../../dist/grafana/xfrm-tools.json"),
        ] {
            let found = requested.find_iter(text).map(|it| it.as_str()).collect::<BTreeSet<_>>();
            assert!(found.len() > 3, "{found:?}");
            for name in found {
                assert!(printed.contains(name), "{name}");
            }
        }
    }
}
