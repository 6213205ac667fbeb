//! The arguments of the command that are no options.

use std::ffi::{OsStr, OsString};

use model::Dialect;

use crate::{
    assignment::Assignment,
    conf::{self, Line},
    filter::Filter,
};

/// An argument of the command.
#[derive(Debug, PartialEq, Eq)]
pub enum Operand {
    /// Print the variable of this name, or those below it.
    Print(String),
    /// Set a variable.
    Set(Assignment),
    /// Nothing: `-r` excludes it, or it is too short. The command fails.
    Excluded,
    /// It is not `name=value`, and has to be.
    Malformed,
    /// NetBSD sets nothing without `-w`.
    NotWriting,
}

/// How operands are read.
#[derive(Debug, Clone, Copy)]
pub struct Syntax {
    /// Whose sysctl this is.
    pub dialect: Dialect,
    /// Whether descriptions are printed (`-d`): values are passed over.
    pub describes: bool,
    /// Whether assignments are expected (`-w`).
    pub writes: bool,
}

impl Syntax {
    /// Reads operands. One that cannot be used at all is the only one.
    pub fn operands(self, texts: &[OsString], filter: &Filter) -> Vec<Operand> {
        let is_refused = |text: &OsString| {
            self.dialect == Dialect::NetBsd
                && !self.writes
                && !self.describes
                && text.as_encoded_bytes().contains(&b'=')
        };
        if texts.iter().any(is_refused) {
            return vec![Operand::NotWriting];
        }
        texts.iter().map(|text| self.operand(text, filter)).collect()
    }

    fn operand(self, text: &OsStr, filter: &Filter) -> Operand {
        let Some(text) = text.to_str() else { return Operand::Malformed };
        if self.describes {
            return Operand::Print(text.split('=').next().unwrap_or(text).to_owned());
        }
        let must_set = self.writes && !self.dialect.is_bsd();
        if !must_set && !text.contains('=') {
            return Operand::Print(text.to_owned());
        }
        // So short is nothing to procps.
        if text.trim_start().len() < 2 {
            return Operand::Excluded;
        }
        match conf::parse(text, filter) {
            Ok(Line::Assign { name, value, tolerant }) => {
                Operand::Set(Assignment::new(name, value, tolerant))
            }
            Ok(Line::Empty) => Operand::Excluded,
            Ok(Line::Except(_)) | Err(_) => Operand::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::AssignmentTarget;

    fn read(dialect: Dialect, writes: bool, text: &str) -> Vec<Operand> {
        let syntax = Syntax { dialect, describes: false, writes };
        syntax.operands(&[text.into()], &Filter::Everything)
    }

    #[test]
    fn an_assignment_is_looked_up_and_parsed() {
        let operands = read(Dialect::Linux, false, "net.inet.ipsec.dfbit=1");
        let [Operand::Set(assignment)] = &operands[..] else { panic!("{operands:?}") };
        let AssignmentTarget::Variable { variable, setting: Ok(setting) } = &assignment.target
        else {
            panic!("{assignment:?}")
        };
        assert_eq!((variable.name, setting.value()), ("net.inet.ipsec.dfbit", 1));
        let operands = read(Dialect::Linux, false, "kernel.hostname=1");
        let [Operand::Set(assignment)] = &operands[..] else { panic!("{operands:?}") };
        assert_eq!(assignment.target, AssignmentTarget::Proc);
    }

    #[test]
    fn a_name_is_printed_unless_values_are_expected() {
        let print = Operand::Print("kernel.hostname".into());
        assert_eq!(read(Dialect::Linux, false, "kernel.hostname"), [print]);
        assert_eq!(read(Dialect::Linux, true, "kernel.hostname"), [Operand::Malformed]);
        assert_eq!(read(Dialect::Linux, true, "-kernel.hostname"), [Operand::Malformed]);
        assert_eq!(read(Dialect::Linux, true, "x"), [Operand::Excluded]);
    }

    #[test]
    fn netbsd_sets_nothing_without_w() {
        assert_eq!(read(Dialect::NetBsd, false, "a=1"), [Operand::NotWriting]);
        assert!(matches!(read(Dialect::NetBsd, true, "a=1")[..], [Operand::Set(_)]));
    }
}
