use super::Step;

/// A difference that is wanted, or that cannot be helped.
pub struct Allowed {
    /// Why.
    pub reason: &'static str,
    /// Whether this is it: what happened, and what the sockets heard then on both sides, as text.
    pub applies: fn(&Step, &str, &str) -> bool,
}

/// All of them.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        reason: "the service takes AEAD algorithms, which AF_KEY answers with ENOSYS",
        applies: |_, expected, actual| {
            let has_aead = (14..=23).any(|number| actual.contains(&format!("encrypt: {number},")));
            expected.contains(" errno=38 ") && has_aead
        },
    },
    Allowed {
        reason: "the service takes `use` of an outbound tunnel, which AF_KEY answers with EINVAL",
        applies: |_, expected, actual| {
            let is_optional = actual.contains("dir: 2,") && actual.contains("mode: 2, level: 1,");
            let refused = [" errno=22 ", " errno=2 "].iter().any(|errno| expected.contains(errno));
            refused && is_optional && actual.contains(" errno=0 ")
        },
    },
    Allowed {
        reason: "the service takes replay windows over 32, which AF_KEY makes 32",
        applies: |_, expected, actual| {
            let replay = actual.lines().find_map(|line| line.split("replay: ").nth(1));
            let replay = replay.and_then(|it| it.split(',').next()).unwrap_or_default();
            actual.replace(&format!("replay: {replay},"), "replay: 32,") == expected
        },
    },
    Allowed {
        reason: "netlink does not tell whether an SA that others updated was larval: the service \
                 takes it for mature then, AF_KEY calls the request that updated a mature one dead",
        applies: |step, expected, actual| {
            let is_update = expected.lines().all(|line| {
                line.starts_with(' ')
                    || line.split(" < ").nth(1).is_some_and(|it| it.starts_with("type=2 "))
            });
            let lives = expected.replace("state: 3,", "state: 1,");
            matches!(step, Step::Command(_)) && is_update && lives == actual
        },
    },
    Allowed {
        reason: "AF_KEY keeps a cipher of AH and an authentication of IPComp, which netlink refuses \
                 and the service drops",
        applies: |_, expected, actual| {
            let kept = [
                (" satype=2 ", "encrypt: ", "Key(Encrypt,"),
                (" satype=9 ", "auth: ", "Key(Auth,"),
            ];
            kept.iter().any(|(satype, number, key)| {
                expected.contains(satype)
                    && without(expected, number, key) == without(actual, number, key)
            })
        },
    },
    Allowed {
        reason: "a CPI has 16 bits: netlink refuses larger ones with EINVAL, AF_KEY takes them",
        applies: |_, expected, actual| {
            expected.contains("type=3 errno=0 satype=9 ")
                && actual.contains("type=3 errno=22 satype=9 ")
        },
    },
    Allowed {
        reason: "AF_KEY takes a request in transport mode behind a tunnel of the other IP version, \
                 though no packet will ever pass; netlink refuses it with EINVAL",
        applies: |step, expected, actual| {
            let Step::Send(_, draft) = step else { return false };
            let request = draft.text();
            let ends = |family: char| {
                request.split(" rq:").any(|it| it.contains(",tunnel,") && it.contains(family))
            };
            let is_mixed = ends(':') && request.contains("src:") && request.contains(",transport,");
            // Of its own message AF_KEY gives a wrong length then.
            !expected.contains(" errno=22 ") && actual.contains(" errno=22 ") && is_mixed
        },
    },
    Allowed {
        reason: "a GETSPI that asks for no possible SPI leaves a larval SA without SPI behind it in \
                 AF_KEY, and none in the service",
        applies: |_, expected, actual| {
            let is_larval = |line: &&str| line.contains("Sa(Sa { spi: 0, replay: 0, state: 0,");
            let larval = expected.lines().filter(is_larval).count();
            larval != 0
                && larval == expected.matches("Sa(Sa {").count()
                && actual.contains(" errno=2 ")
        },
    },
    Allowed {
        reason: "a template that allows every algorithm does so by a full mask in netlink and by a \
                 flag in AF_KEY, which then proposes none",
        applies: |_, expected, actual| {
            let proposals =
                |text: &str| text.lines().filter(|line| line.contains("Proposal(")).count();
            let rest = |text| without(text, " pid=", "Proposal(");
            expected.contains("Proposal { replay: 32, combs: [] }")
                && proposals(expected) == proposals(actual)
                && rest(expected) == rest(actual)
        },
    },
    Allowed {
        reason: "an SA that the key management has failed to make is dead in AF_KEY until its time \
                 is over, and gone in the service: netlink can only delete it",
        applies: |_, expected, actual| {
            let dead = expected.matches("state: 3,").count();
            dead != 0 && dead == expected.matches("Sa(Sa {").count() && actual.contains(" errno=2 ")
        },
    },
];

/// A text without a number, a key and the lengths of the messages.
fn without(text: &str, number: &str, key: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(key)).map(|line| {
        let line = line.split(" pid=").next().unwrap_or(line);
        let Some((before, after)) = line.split_once(number) else { return line.to_owned() };
        let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
        format!("{before}{after}")
    });
    lines.collect::<Vec<_>>().join("\n")
}
