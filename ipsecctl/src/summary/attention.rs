//! What needs the administrator's attention, worst first, each with a command that shows more or mends it.

use cli::json::AttentionJson;
use model::SaState;

use super::Overview;
use metrics::Survey;

/// What needs attention in what was found.
pub fn of(found: &Overview) -> Vec<AttentionJson> {
    let mut list = Vec::new();
    let mut add = |what: String, command: &str| {
        list.push(AttentionJson { what, command: command.to_owned() });
    };
    match &found.survey {
        Ok(survey) => of_survey(survey, found.has_daemon, &mut add),
        Err(error) => {
            let text = sys::without_number(error.to_string());
            add(format!("SAs and policies cannot be read, {text}"), "sudo ipsecctl");
        }
    }
    let is_not_in_force = |all: &Vec<_>| all.iter().any(|it: &engine::DefaultPolicy| !it.in_force);
    if found.defaults.as_ref().is_some_and(is_not_in_force) {
        let what =
            "packets that no policy matches are not treated as def_policy demands".to_owned();
        add(what, "ipsecctl show default");
    }
    if found.dropped().is_some_and(|packets| packets > 0) {
        add("XFRM has dropped packets".to_owned(), "ipsecctl counters");
    }
    list
}

fn of_survey(survey: &Survey, has_daemon: bool, add: &mut impl FnMut(String, &str)) {
    let without_sa = survey.policies().map(|(_, _, without_sa)| without_sa).sum::<u64>();
    if without_sa > 0 {
        let what = match without_sa {
            1 => "1 policy requires an SA that does not exist, and its packets are dropped"
                .to_owned(),
            many => format!(
                "{many} policies require SAs that do not exist, and their packets are dropped"
            ),
        };
        add(what, "ipsecctl show policies");
    }
    let dying = survey.sas().find(|(state, _)| *state == SaState::Dying).map_or(0, |it| it.1);
    if dying > 0 {
        add(format!("SAs past a soft limit: {dying}"), "ipsecctl show sas -o spi,dst,left");
    }
    if survey.dropped_by_sas > 0 {
        let what = format!(
            "packets that SAs have dropped, since they were not authentic or replayed: {}",
            survey.dropped_by_sas
        );
        add(what, "ipsecctl show sas -o spi,src,dropped");
    }
    if survey.partial > 0 && !has_daemon {
        let what = format!(
            "policies with an optional tunnel, which no ipsecd installs when there is an SA: {}",
            survey.partial
        );
        add(what, "systemctl start ipsecd");
    }
}
