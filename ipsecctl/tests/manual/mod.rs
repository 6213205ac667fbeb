//! The examples of ipsecctl(8), which tests run.

const PAGE: &str = include_str!("../../../man/ipsecctl.8");

/// The command lines of the section EXAMPLES that begin with these words, without the prompt.
pub fn examples(beginning: &str) -> Vec<&'static str> {
    let (_, section) = PAGE.split_once(".Sh EXAMPLES\n").expect("it has examples");
    let (section, _) = section.split_once("\n.Sh ").expect("another section follows");
    let lines = section.lines().filter_map(|line| line.strip_prefix(".Dl # "));
    let found = lines.filter(|line| line.starts_with(beginning)).collect::<Vec<_>>();
    assert!(!found.is_empty(), "ipsecctl(8) has no example `{beginning}`");
    found
}
