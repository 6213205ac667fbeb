//! What is not the same at the peer.

use ::diagnose::{EndField, EndTemplate, PeerDifference};

use super::policy;
use crate::explain::words;

fn fields(fields: &[EndField]) -> String {
    let word = |field: &EndField| match field {
        EndField::Mode => "mode",
        EndField::Algorithms => "algorithms",
        EndField::Keys => "keys",
        EndField::Esn => "esn",
        EndField::Encapsulation => "encapsulation",
        EndField::Ends => "src or dst",
    };
    fields.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// `esp/tunnel/192.0.2.1-192.0.2.2`.
pub fn templates(templates: &[EndTemplate]) -> String {
    let one = |template: &EndTemplate| {
        let ends =
            template.ends.map_or(String::new(), |ends| format!("/{}-{}", ends.src(), ends.dst()));
        format!("{}/{}{ends}", template.proto.word(), template.mode.word())
    };
    templates.iter().map(one).collect::<Vec<_>>().join(" ")
}

pub(super) fn difference(difference: &PeerDifference<'_>) -> String {
    let instead = |spi: &Option<model::Spi>, whose: &str| {
        spi.map_or(String::new(), |spi| format!("; {whose} is {:#x}", spi.0))
    };
    match difference {
        PeerDifference::SaLacksThere(sa, near) => {
            format!("the peer does not have {}{}", words::sa(sa), instead(near, "there"))
        }
        PeerDifference::SaLacksHere(end, near) => format!(
            "the peer has {} {:#x} {} > {}, which is not here{}",
            end.proto.word(),
            end.spi.0,
            end.ends.src(),
            end.ends.dst(),
            instead(near, "here")
        ),
        PeerDifference::SaDiffers(sa, differing) => {
            format!("{} is not the same at the peer: {} differ", words::sa(sa), fields(differing))
        }
        PeerDifference::PolicyLacksThere(entry) => format!(
            "the peer has no {} policy for the packets of {}",
            entry.policy.id.direction.at_other_end().word(),
            policy(entry)
        ),
        PeerDifference::PolicyLacksHere(end) => format!(
            "no {} policy is here for the policy of the peer: {} {} {}",
            end.direction.at_other_end().word(),
            end.direction.word(),
            words::packets(&end.selector),
            templates(&end.templates)
        ),
        PeerDifference::TemplatesDiffer(entry, there) => {
            format!(
                "the templates of {} differ from those of the peer: {}",
                policy(entry),
                templates(there)
            )
        }
    }
}
