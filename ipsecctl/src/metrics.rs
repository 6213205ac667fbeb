//! `ipsecctl metrics`: counters, SAs and policies in the format of OpenMetrics.

mod family;
mod groups;

use std::{io, process::ExitCode};

use clap::ValueEnum;
use engine::{DefaultPolicy, Engine, Namespace, Options};
use model::{Counter, CounterValues, IpVersion};

use crate::{
    Error,
    output::{self, Output},
    survey::Survey,
};
use family::Family;
use groups::{Groups, Totals};

/// Print metrics of this network namespace in the format of OpenMetrics.
///
/// The text is for Prometheus, as of node_exporter's textfile collector.
#[derive(clap::Args)]
pub struct Metrics {
    /// What a series of SAs is for
    #[arg(long, value_enum, value_name = "WHAT", default_value = "peer")]
    by: By,
}

/// What the SAs of a series have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The address of the other host, and the direction
    Peer,
    /// The reqid
    Reqid,
    /// Everything: a series an SA
    Sa,
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

impl Metrics {
    /// Prints the metrics.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        output::print(|out| {
            let mut engine = Engine::open(Options::default())?;
            let mut groups = Groups::new(self.by, sys::clock::unix_seconds());
            let survey = Survey::read(&mut engine, |entry| groups.add(entry))?;
            // Without its statistics a kernel has no counters.
            if let Ok(counters) = engine::counters() {
                print_counters(&counters, out)?;
            }
            print_survey(&survey, out)?;
            print_defaults(&engine::default_policies()?, out)?;
            let is_running = Namespace::current().has_daemon();
            families::IPSECD.print(out, [(String::new(), u64::from(is_running))])?;
            print_groups(&groups, out)?;
            Ok(family::end(out)?)
        })
    }
}

fn print_counters(counters: &CounterValues, out: &mut Output) -> io::Result<()> {
    let samples = counters.iter().map(|(name, packets)| {
        let counter = name.parse::<Counter>().ok();
        let direction = counter.map(|it| it.direction().word()).unwrap_or_default();
        (family::labels(&[("counter", name), ("direction", direction)]), packets)
    });
    families::DROPPED.print(out, samples)
}

fn print_survey(survey: &Survey, out: &mut Output) -> io::Result<()> {
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

fn print_defaults(policies: &[DefaultPolicy], out: &mut Output) -> io::Result<()> {
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
fn print_groups(groups: &Groups, out: &mut Output) -> io::Result<()> {
    let numbers: [(Family, Number); 5] = [
        (families::SA_COUNT, |it| Some(it.sas)),
        (families::SA_PACKETS, |it| Some(it.packets)),
        (families::SA_BYTES, |it| Some(it.bytes)),
        (families::SEQUENCE_LEFT, |it| it.sequence_left),
        (families::SECONDS_LEFT, |it| it.seconds_left),
    ];
    for (family, number) in numbers {
        let samples =
            groups.iter().filter_map(|(labels, it)| Some((labels.to_owned(), number(it)?)));
        family.print(out, samples)?;
    }
    let dropped = groups.iter().flat_map(|(labels, totals)| {
        let reasons = ["integrity_failed", "replay", "replay_window"];
        let with_reason = move |(reason, count)| (format!("{labels},reason=\"{reason}\""), count);
        reasons.into_iter().zip(totals.dropped).map(with_reason)
    });
    families::SA_DROPPED.print(out, dropped)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    /// Rules and dashboards ask for nothing that is not printed.
    #[test]
    fn what_dist_asks_for_is_there() {
        let source = include_str!("metrics.rs");
        let names = Regex::new(r#""(xfrm_[a-z_]+)""#).unwrap();
        let printed = names.captures_iter(source).map(|it| it[1].to_owned());
        let printed =
            printed.flat_map(|name| [format!("{name}_total"), name]).collect::<BTreeSet<_>>();
        let requested = Regex::new(r"\bxfrm_[a-z_]+").unwrap();
        for text in [
            include_str!("../../dist/prometheus/xfrm-tools.rules.yml"),
            include_str!("../../dist/grafana/xfrm-tools.json"),
        ] {
            let found = requested.find_iter(text).map(|it| it.as_str()).collect::<BTreeSet<_>>();
            assert!(found.len() > 3, "{found:?}");
            for name in found {
                assert!(printed.contains(name), "{name}");
            }
        }
    }
}
