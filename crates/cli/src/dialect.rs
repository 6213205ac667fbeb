use std::env;

use model::Dialect;

/// The variable of the environment that selects the dialect of `setkey` and `sysctl-shim`.
const VARIABLE: &str = "SETKEY_DIALECT";

/// The dialect of the option `--dialect`, otherwise of SETKEY_DIALECT, otherwise `linux`. An empty variable
/// is as good as none.
///
/// # Errors
///
/// A message, for a word that is no dialect.
pub fn chosen_dialect(option: Option<&str>) -> Result<Dialect, String> {
    let variable = env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned());
    of_words(option, variable.as_deref())
}

fn of_words(option: Option<&str>, variable: Option<&str>) -> Result<Dialect, String> {
    let words = || Dialect::ALL.iter().map(|dialect| dialect.word()).collect::<Vec<_>>().join(", ");
    match (option, variable) {
        (Some(word), _) => {
            word.parse().map_err(|_| format!("no dialect `{word}`: one of {}", words()))
        }
        (None, Some(word)) if !word.is_empty() => {
            word.parse().map_err(|_| format!("{VARIABLE} is `{word}`: one of {}", words()))
        }
        (None, _) => Ok(Dialect::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_comes_before_the_variable() {
        assert_eq!(of_words(Some("netbsd"), Some("freebsd")), Ok(Dialect::NetBsd));
        assert_eq!(of_words(None, Some("freebsd")), Ok(Dialect::FreeBsd));
        for unset in [None, Some("")] {
            assert_eq!(of_words(None, unset), Ok(Dialect::Linux));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refusal = "no dialect `vms`: one of linux, netbsd, freebsd";
        assert_eq!(of_words(Some("vms"), None), Err(refusal.into()));
        let refusal = "SETKEY_DIALECT is `vms`: one of linux, netbsd, freebsd";
        assert_eq!(of_words(None, Some("vms")), Err(refusal.into()));
    }
}
