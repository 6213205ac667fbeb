//! What to say of a name that nothing has but that looks like one of ipsec(4).

use model::variable::{UNSUPPORTED, VARIABLES};

use crate::tree;

/// How alike two names must be for one to be taken for the other, from 0 to 1.
const ALIKE: f64 = 0.9;

/// A hint for an unknown name that is in the folders of ipsec(4), or similar to one there.
pub fn of(name: &str) -> Option<String> {
    if let Some(why) = tree::unsupported(name) {
        return Some(format!("the BSDs have {name}, Linux has nothing for it: {why}"));
    }
    let alike = |row: &&str| strsim::normalized_damerau_levenshtein(row, name);
    let names = VARIABLES.iter().map(|variable| variable.name);
    let nearest = names
        .chain(UNSUPPORTED.iter().map(|row| row.0))
        .max_by(|one, other| alike(one).total_cmp(&alike(other)))?;
    if alike(&nearest) >= ALIKE {
        return Some(format!("did you mean {nearest}?"));
    }
    let folder = name.rsplit_once('.').map(|split| split.0)?;
    tree::is_in_our_folders(name)
        .then(|| format!("ipsec(4) has no {name}: `-N {folder}` lists what there is"))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn names_that_look_like_ours() {
        let has = |name, text: &str| assert!(of(name).unwrap().contains(text), "{:?}", of(name));
        has("net.key.prefered_oldsa", "newest SA");
        has("net.inet.ipsec.esp_trans_defleve", "net.inet.ipsec.esp_trans_deflev?");
        has("net.inet6.ipsec.def_policy", "net.inet6.ipsec6.def_policy?");
        has("net.key.nonsense", "`-N net.key`");
        assert_eq!(of("net.ipv4.ip_forwards"), None);
        assert_eq!(of("kernel"), None);
        assert_eq!(of("net.inet.ip.forwarding"), None);
    }
}
