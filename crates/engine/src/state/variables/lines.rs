//! The lines of the file, and those that are wrong.

use std::path::Path;

use model::{IpVersion, Variable, Variables, variable::Meaning};

use crate::state::files::{self, UnusedSetting};

pub const NO_VARIABLE: &str = "there is no variable of this name";

/// In force instead of a variable that does not exist.
pub const NOTHING: &str = "nothing";

/// In force instead of a wrong value.
pub fn initial(variable: &Variable) -> String {
    format!("the initial value, {}", variable.initial)
}

/// Wrong lines that are named. The others are counted.
const MOST_NAMED: usize = 16;

/// Characters that are printed of a line.
const MOST_PRINTED: usize = 200;

/// What the lines set.
#[derive(Debug, Default)]
pub struct Lines<'a> {
    pub variables: Variables,
    pub wrong: Vec<WrongLine<'a>>,
}

/// A line that is no setting of a variable.
#[derive(Debug)]
pub struct WrongLine<'a> {
    /// From 1, with the header.
    number: usize,
    text: &'a str,
    /// `None`: there is no variable of this name.
    variable: Option<&'static Variable>,
    reason: String,
}

impl<'a> Lines<'a> {
    /// Reads the lines behind the header.
    pub fn parse(lines: &'a str) -> Self {
        let mut parsed = Self::default();
        for (line, number) in lines.lines().zip(2..) {
            let text = line.trim();
            if text.is_empty() || text.starts_with(['#', ';']) {
                continue;
            }
            let name = text.split_once('=').map_or(text, |(name, _)| name).trim();
            let variable = Variable::of_name(name);
            let setting = match (variable, text.split_once('=')) {
                (None, _) => Err(NO_VARIABLE.to_owned()),
                (Some(_), None) => Err("there is no `=`".to_owned()),
                (Some(variable), Some((_, value))) => {
                    variable.parse(value.trim()).map_err(|error| error.to_string())
                }
            };
            match setting {
                Ok(setting) => parsed.variables.set(setting),
                Err(reason) => parsed.wrong.push(WrongLine { number, text, variable, reason }),
            }
        }
        parsed
    }

    /// The variables that only wrong lines set.
    fn unset(&self) -> impl Iterator<Item = Meaning> {
        let meanings = self.wrong.iter().filter_map(|line| Some(line.variable?.meaning));
        let is_set =
            |meaning: &Meaning| self.variables.set_values().any(|(set, _)| set == *meaning);
        meanings.filter(move |meaning| !is_set(meaning))
    }

    /// The IP versions whose default policy only wrong lines set.
    pub fn unknown_default_policies(&self) -> Vec<IpVersion> {
        let versions = self.unset().filter_map(|meaning| match meaning {
            Meaning::DefaultPolicy(version) => Some(version),
            _ => None,
        });
        versions.collect()
    }

    /// Reports the wrong lines, each once, with what is in force in their place.
    pub fn warn(&self, path: &Path) {
        for line in self.wrong.iter().take(MOST_NAMED) {
            let text: &str = &line.text.chars().take(MOST_PRINTED).collect::<String>();
            let (reason, instead) = (&*line.reason, &*self.instead(line));
            let line = Some(line.number);
            files::warn_setting_once(path, &UnusedSetting { line, text, reason, instead });
        }
        if let Some(more) = self.wrong.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            files::warn_once(path, &format_args!("{more} more lines are wrong"));
        }
    }

    /// What is in force where a line is wrong.
    fn instead(&self, line: &WrongLine<'_>) -> String {
        let Some(variable) = line.variable else { return NOTHING.into() };
        let meaning = &variable.meaning;
        if self.variables.set_values().any(|(set, _)| set == *meaning) {
            return format!("{}, of another line", self.variables.value(*meaning));
        }
        match meaning {
            Meaning::DefaultPolicy(_) => "the default policy that the kernel has".into(),
            _ => initial(variable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_line_has_a_reason_and_what_is_in_force() {
        let text = "net.inet.ipsec.ecn=0\n# a comment\nnet.inet.ipsec.later = 1\n\
                    net.inet.ipsec.dfbit = 7\n\nnet.inet6.ipsec6.def_policy = O\n\
                    net.inet.ipsec.ecn=-\nnet.key.spi_minval\n";
        let lines = Lines::parse(text);
        let named = lines.wrong.iter().map(|line| (line.number, lines.instead(line)));
        let expected = [
            (4, "nothing"),
            (5, "the initial value, 2"),
            (7, "the default policy that the kernel has"),
            (8, "0, of another line"),
            (9, "the initial value, 256"),
        ];
        assert!(
            named.eq(expected.map(|(number, instead)| (number, instead.to_owned()))),
            "{lines:?}"
        );
        assert!(lines.wrong.iter().all(|line| !line.reason.is_empty()));
        assert_eq!(lines.unknown_default_policies(), [IpVersion::V6]);
        let mut expected = Variables::default();
        expected.set(Variable::of_name("net.inet.ipsec.ecn").unwrap().set(0).unwrap());
        assert_eq!(lines.variables, expected);
    }
}
