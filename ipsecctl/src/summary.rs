//! `ipsecctl` without a subcommand: what there is, and what needs attention.

mod attention;

use std::{fmt::Write as _, io::Write, process::ExitCode};

use cli::{
    json::{AttentionJson, Document, PoliciesByDirectionJson, SasByStateJson, SummaryJson},
    wrap,
};
use engine::{DefaultPolicy, Engine, EngineOptions, Namespace};
use metrics::{CountedPart, Survey};
use model::{ActionKind, CounterValues, Direction, SaState};

use crate::{Error, output};

/// The options of the summary.
#[derive(clap::Args)]
pub struct Summary {
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// What was read. What cannot be read, as without CAP_NET_ADMIN, is left out.
struct Overview {
    survey: Result<Survey, Error>,
    defaults: Option<Vec<DefaultPolicy>>,
    counters: Option<CounterValues>,
    has_daemon: bool,
}

impl Summary {
    /// Prints the summary. The exit status is 1 if the SAD or SPD cannot be read.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let found = Overview::read();
        let printed = output::print(|out| {
            if self.json {
                let summary = Some(found.json());
                return Ok(Document { summary, ..Document::default() }.write(out)?);
            }
            Ok(out.write_all(found.text(cli::output_width()).as_bytes())?)
        })?;
        Ok(if found.survey.is_ok() { printed } else { ExitCode::FAILURE })
    }
}

impl Overview {
    fn read() -> Self {
        let survey = || {
            let mut engine = Engine::open(EngineOptions::default())?;
            Ok(Survey::read(&mut engine, &CountedPart::ALL, |_| ())?)
        };
        Self {
            survey: survey(),
            defaults: engine::default_policies().ok(),
            counters: engine::counters().ok(),
            has_daemon: Namespace::current().has_daemon(),
        }
    }

    fn dropped(&self) -> Option<u64> {
        let counters = self.counters.as_ref()?;
        Some(counters.iter().map(|(_, packets)| packets).sum())
    }

    fn json(&self) -> SummaryJson {
        let survey = self.survey.as_ref().ok();
        let by_direction = |number: fn((Direction, u64, u64)) -> u64| {
            survey.map(|survey| {
                let of = |wanted: Direction| {
                    survey.policies().find(|it| it.0 == wanted).map_or(0, number)
                };
                let [r#in, out, fwd] = [Direction::In, Direction::Out, Direction::Fwd].map(of);
                PoliciesByDirectionJson { r#in, out, fwd }
            })
        };
        let sas = survey.map(|survey| {
            let of = |wanted| survey.sas().find(|it| it.0 == wanted).map_or(0, |it| it.1);
            SasByStateJson {
                larval: of(SaState::Larval),
                mature: of(SaState::Mature),
                dying: of(SaState::Dying),
                dead: of(SaState::Dead),
            }
        });
        SummaryJson {
            sas,
            policies: by_direction(|(_, all, _)| all),
            policies_without_sa: by_direction(|(_, _, without_sa)| without_sa),
            policies_of_sockets: survey.map(|survey| survey.of_sockets),
            dropped: self.dropped(),
            is_ipsecd_running: self.has_daemon,
            attention: attention::of(self),
        }
    }

    fn text(&self, width: Option<usize>) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // A String takes all that is written.
            let _ = writeln!(text, "{name:<10}{value}");
        };
        line("SAs", &self.sas());
        line("policies", &self.policies());
        line("default", &self.default_policy());
        let dropped = self.dropped().map_or("not counted by this kernel".into(), packets);
        line("dropped", &dropped);
        line("ipsecd", if self.has_daemon { "running" } else { "not running" });
        let attention = attention::of(self);
        if !attention.is_empty() {
            text += "\nneeds attention\n";
        }
        for AttentionJson { what, command } in attention {
            text += &wrap(&format!("{what}: `{command}`"), 4, width);
        }
        text + "\n`ipsecctl help` lists the subcommands.\n"
    }

    fn sas(&self) -> String {
        let Ok(survey) = &self.survey else { return "-".to_owned() };
        let parts = survey.sas().filter(|(_, count)| *count > 0);
        let parts = parts.map(|(state, count)| format!("{count} {}", state.word()));
        let total = survey.sas().map(|(_, count)| count).sum::<u64>();
        of_parts(total, &parts.collect::<Vec<_>>())
    }

    fn policies(&self) -> String {
        let Ok(survey) = &self.survey else { return "-".to_owned() };
        let parts = survey.policies().filter(|(_, count, _)| *count > 0);
        let parts = parts.map(|(direction, count, _)| format!("{count} {}", direction.word()));
        let total = survey.policies().map(|(_, count, _)| count).sum::<u64>();
        let of_sockets = match survey.of_sockets {
            0 => String::new(),
            count => format!("; {count} of sockets"),
        };
        of_parts(total, &parts.collect::<Vec<_>>()) + &of_sockets
    }

    /// What becomes of packets that no policy matches, by IP version.
    fn default_policy(&self) -> String {
        let Some(defaults) = &self.defaults else { return "-".to_owned() };
        let outbound = defaults.iter().filter(|it| it.direction == Direction::Out);
        let words = outbound.map(|it| {
            let action = if it.discards { ActionKind::Discard } else { ActionKind::None };
            format!("{} {}", it.version, action.word())
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// `3: 2 mature, 1 dying`, or `0`.
fn of_parts(total: u64, parts: &[String]) -> String {
    if parts.is_empty() { total.to_string() } else { format!("{total}: {}", parts.join(", ")) }
}

fn packets(count: u64) -> String {
    if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") }
}
