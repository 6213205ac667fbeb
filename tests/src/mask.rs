//! Texts without what differs from run to run.

use std::sync::LazyLock;

use regex::Regex;

/// A text in which times, ages, process numbers and reference counts have letters for their digits.
#[must_use]
pub fn masked(text: &str) -> String {
    static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}", "TIME"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
            (r"\bdiff: \d+", "diff: N"),
            (r"\b(pid|refcnt)=\d+", "$1=N"),
            // The kernel counts from 1; the engine draws from the upper half.
            (r"\bspid=[234]\d{9}\b", "spid=CHOSEN"),
            // A point in time, not a limit.
            (r"\baddtime=\d{9,}", "addtime=N"),
        ]
        .map(|(pattern, mask)| (Regex::new(pattern).expect("a pattern"), mask))
        .into()
    });
    MASKS.iter().fold(text.to_owned(), |text, (pattern, mask)| {
        pattern.replace_all(&text, *mask).into_owned()
    })
}

/// A text of ip(8) in which templates are alike, whether AF_KEY or netlink has made them. That every algorithm will do is a
/// flag in AF_KEY and full masks in netlink; in `share`, which the kernel never reads, xfrm-tools keep the level.
#[must_use]
pub fn with_plain_templates(text: &str) -> String {
    let shares = [" share session", " share user", " share unique"];
    let text = text.replace("-mask 00000000", "-mask ffffffff");
    shares.iter().fold(text, |text, share| text.replace(share, " share any"))
}
