use pfkey::Message;

use super::{Seen, Step};
use crate::has_ripemd160;

/// A difference that is wanted, or that cannot be helped.
pub struct Allowed {
    /// The reason.
    pub reason: &'static str,
    /// Why no key daemon minds: racoon, iked, strongSwan's kernel-pfkey.
    pub daemons: &'static str,
    /// Whether this is it: what happened, and what the sockets received then on both sides, as text.
    pub applies: fn(&Step, &str, &str) -> bool,
}

/// All of them.
pub const ALLOWED: &[Allowed] = &[
    Allowed {
        reason: "the service takes AEAD algorithms, which AF_KEY answers with ENOSYS, and shows no \
                 algorithm of their SAs",
        daemons: "strongSwan asks for them to have them; none reads the algorithms of an SA back",
        applies: |step, expected, actual| {
            let is_aead = |number| matches!(number, 14 | 15 | 16 | 18 | 19 | 20 | 23);
            let asks =
                || sent(step).is_some_and(|it| it.sa().is_some_and(|sa| is_aead(sa.encrypt)));
            let shows = |number| actual.contains(&format!("encrypt: {number},"));
            let unseen = without(expected, "encrypt: ", "Key(Encrypt,")
                == without(actual, "encrypt: ", "Key(Encrypt,");
            refusal(expected) == Some("38") && asks() || unseen && (14..=23).any(shows)
        },
    },
    Allowed {
        reason: "the service takes `use` of an outbound tunnel, which AF_KEY answers with EINVAL",
        daemons: "none has policies that say `use`, but by a script of setkey, where it is wanted",
        applies: |_, expected, actual| {
            let is_optional = actual.contains("dir: 2,") && actual.contains("mode: 2, level: 1,");
            let refused = [" errno=22 ", " errno=2 "].iter().any(|errno| expected.contains(errno));
            // Or else it goes on, and meets with too many requests.
            let too_many = refusal(expected) == Some("22") && refusal(actual) == Some("40");
            refused && is_optional && actual.contains(" errno=0 ") || too_many
        },
    },
    Allowed {
        reason: "the service takes replay windows over 32, which AF_KEY makes 32, and shows those of \
                 others, which are 0 there",
        daemons: "a window that is as large as was asked for drops fewer packets",
        applies: |_, expected, actual| {
            let windows = ["32", "0"].map(|instead| with_window(actual, instead));
            expected == windows[1] || with_window(expected, "32") == windows[0]
        },
    },
    Allowed {
        reason: "netlink does not report whether an SA that others updated was larval: the service \
                 takes it for mature then, AF_KEY calls the request that updated a mature one dead",
        daemons: "all pass over the UPDATE of another process",
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
        daemons: "none sends one",
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
        daemons: "they ask for 16 bits: more do not fit into the packet",
        applies: |step, expected, actual| {
            let is_wide = |message: Message| message.sa().is_some_and(|sa| sa.spi > 0xffff);
            // One that the kernel has chosen for ESP or AH is.
            let is_chosen = matches!(step, Step::Send(_, draft) if draft.text().contains("$spi"));
            expected.contains(" satype=9 ")
                && (is_chosen || sent(step).is_some_and(is_wide))
                && refusal(expected) != Some("22")
                && refusal(actual) == Some("22")
        },
    },
    Allowed {
        reason: "of a request in transport mode behind a tunnel of the other IP version AF_KEY sends \
                 a message of a wrong length",
        daemons: "none makes such a policy, with which no packet passes",
        applies: |step, expected, actual| {
            let Step::Send(_, draft) = step else { return false };
            let request = draft.text();
            let ends = |family: char| {
                request.split(" rq:").any(|it| it.contains(",tunnel,") && it.contains(family))
            };
            let is_mixed = ends(':') && request.contains("src:") && request.contains(",transport,");
            // A message that cannot be read is shown as bytes.
            expected.contains(" < [") && actual.contains(" errno=0 ") && is_mixed
        },
    },
    Allowed {
        reason: "a GETSPI that asks for no possible SPI leaves a larval SA without SPI behind it in \
                 AF_KEY, and none in the service",
        daemons: "the refusal is the same, and what is left behind shows in dumps only",
        applies: |_, expected, actual| {
            let is_larval = |line: &&str| line.contains("Sa(Sa { spi: 0, replay: 0, state: 0,");
            let larval = expected.lines().filter(is_larval).count();
            larval != 0
                && larval == expected.matches("Sa(Sa {").count()
                && actual.contains(" errno=2 ")
        },
    },
    Allowed {
        reason: "an ACQUIRE of the service has at most 4,096 bytes, and the last combs of AF_KEY's that \
                 is longer are missing: strongSwan drops such a message",
        daemons: "55 combs are a choice as well, and of policies by PF_KEY there are none",
        applies: |_, expected, actual| {
            let combs = actual.lines().map(|line| line.matches("Comb {").count()).max();
            let sent = combs.unwrap_or_default();
            expected.contains(" < type=6 ")
                && first_combs(expected, sent) == first_combs(actual, sent)
                && actual.lines().all(|line| bytes(line) <= 4096)
                // What the service proposes of an algorithm that the kernel does not have is removed.
                && (expected.lines().any(|line| bytes(line) > 4096) || !has_ripemd160())
        },
    },
    Allowed {
        reason: "an SA that the key management has failed to make is dead in AF_KEY until its time \
                 is over, and gone in the service: netlink can only delete it",
        daemons: "it has answered the ACQUIRE and forgotten it; a packet may ask again at once, not after 30 s",
        applies: |_, expected, actual| {
            let dead = expected.matches("state: 3,").count();
            dead != 0 && dead == expected.matches("Sa(Sa {").count() && actual.contains(" errno=2 ")
        },
    },
    Allowed {
        reason: "netlink does not report the security context of a policy that was added or deleted",
        daemons: "racoon alone reads it, where networks are labelled, and has it from the dump at its start",
        applies: |_, expected, actual| {
            expected.contains("SecCtx(")
                && without(expected, " pid=", "SecCtx(") == without(actual, " pid=", "SecCtx(")
        },
    },
    Allowed {
        reason: "AF_KEY sends the selector of an SA with the SA's own IP version, even if it has the \
                 other one: the address is none then",
        daemons: "none reads it: the address of AF_KEY is none",
        applies: |_, expected, actual| {
            let proxies = |text: &str| -> Vec<bool> {
                let proxies = text.lines().filter(|line| line.contains("Address(Proxy,"));
                proxies.map(|line| line.contains("sockaddr: [")).collect()
            };
            proxies(expected) != proxies(actual)
                && without(expected, " pid=", "Address(Proxy,")
                    == without(actual, " pid=", "Address(Proxy,")
        },
    },
    Allowed {
        reason: "a key has whole bytes in the service, and bits in AF_KEY",
        daemons: "all keys of IKE have whole bytes",
        applies: |_, expected, actual| {
            let whole = |text: &str| {
                text.lines()
                    .map(|line| line.split(" bits of ").next().unwrap_or(line).to_owned())
                    .collect::<Vec<_>>()
            };
            expected.contains(" bits of ") && whole(expected) == whole(actual)
        },
    },
    Allowed {
        reason: "`default` of IPComp is `use` in the service and `require` in AF_KEY: small packets are \
                 not compressed (docs/quirks.md)",
        daemons: "only a script of setkey has `default`; racoon negotiates IPComp whatever the level",
        applies: |step, expected, actual| {
            let required = "IpsecRequest { proto: 108, mode: 1, level: 2, reqid: 0, ";
            let without_level = |text: &str| {
                let modes = ["proto: 108, mode: 2", "proto: 108, mode: 3"];
                let text = modes
                    .iter()
                    .fold(text.to_owned(), |text, mode| text.replace(mode, "proto: 108, mode: 1"));
                text.replace(&required.replace("level: 2", "level: 1"), required)
            };
            let may_ask = match step {
                Step::Send(_, draft) => ["default", "bytes "].map(|it| draft.text().contains(it)),
                _ => [false; 2],
            };
            may_ask.contains(&true) && without_level(expected) == without_level(actual)
        },
    },
    Allowed {
        reason: "a MIGRATE that no policy can ask for is refused with another errno: AF_KEY compares \
                 it with the policy first",
        daemons: "it is refused all the same",
        applies: |_, expected, actual| {
            let errnos = (refusal(expected), refusal(actual));
            expected.contains(" < type=24 ") && matches!(errnos, (Some("2" | "61"), Some("22")))
        },
    },
];

/// The errno of the last answer in a text, if it is a refusal.
fn refusal(text: &str) -> Option<&str> {
    let header = text.lines().rev().find(|line| line.contains(" errno="))?;
    header.split(" errno=").nth(1)?.split(' ').next().filter(|&errno| errno != "0")
}

/// The message that a step sends.
fn sent(step: &Step) -> Option<Message> {
    let Step::Send(_, draft) = step else { return None };
    Message::decode(&draft.bytes(&Seen::default()).ok()?).ok()
}

/// A text in which replay windows over 32 are another.
fn with_window(text: &str, instead: &str) -> String {
    let mut parts = text.split("replay: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (number, rest) = part.split_once(',').unwrap_or((part, ""));
        let is_wide = number.parse().is_ok_and(|packets: u8| packets > 32);
        text + "replay: " + if is_wide { instead } else { number } + "," + rest
    })
}

/// Whether ip(8) shows a policy of which the kernel holds a part, and the service the whole: one of
/// those that AF_KEY refuses, or holds otherwise ([`ALLOWED`]).
pub(super) fn has_part(tables: &str) -> bool {
    tables.contains(" flag localok ")
}

/// What ip(8) shows differently on the two sides, and its placeholder.
pub struct Masked {
    /// The reason.
    pub reason: &'static str,
    /// A regular expression.
    pub pattern: &'static str,
    /// The placeholder.
    pub place: &'static str,
}

/// All of that.
pub const TABLES: &[Masked] = &[
    Masked {
        reason: "that a template allows every algorithm is a full mask in netlink and a flag in AF_KEY",
        pattern: "(enc-mask|auth-mask|comp-mask) (0|[0-9a-f]{8})\\b",
        place: "$1 ALL",
    },
    Masked {
        reason: "the service keeps the level in `share`, which the kernel never reads",
        pattern: "level (required|use) share (any|session|user|unique)",
        place: "level $1 share ANY",
    },
];

/// Whether the hosts are not alike after this, though both said it: a GETSPI that fails leaves a
/// larval SA without SPI in AF_KEY, and none in the service.
pub(super) fn leaves_larval_sa(expected: &str) -> bool {
    expected.lines().any(|line| line.contains(" < type=1 errno=") && !line.contains(" errno=0 "))
}

/// The length that the header of a message shows, 0 in another line.
fn bytes(line: &str) -> usize {
    let length = line.strip_suffix(" bytes").and_then(|line| line.rsplit(' ').next());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// A text without the combs behind the first ones of each proposal, and without lengths.
fn first_combs(text: &str, most: usize) -> String {
    let lines = text.lines().map(|line| {
        let combs: Vec<&str> = line.split("Comb {").take(most + 1).collect();
        let line = combs.join("Comb {");
        let line = line.split(" pid=").next().unwrap_or_default();
        line.trim_end_matches([' ', ',', ']', '}', ')']).to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

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
