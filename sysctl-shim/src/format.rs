//! How variables look on standard output.

use std::io::{self, StdoutLock, Write};

use cli::{
    VariableJson,
    json::{AnyVariableJson, Document, ProcVariableJson},
};
use model::{Dialect, Variable};

/// How variables look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Format {
    /// Whose sysctl this is.
    pub dialect: Dialect,
    /// What is printed of each.
    pub what: What,
    /// End values with a new line (all but `-b`).
    pub newline: bool,
    /// Numbers are hexadecimal (`-x`).
    pub hex: bool,
    /// Digits are in groups of three (`-h`).
    pub grouped: bool,
    /// `name=value` (`-e` of the BSDs).
    pub equals_sign: bool,
    /// Print nothing at all (NetBSD's `-q`).
    pub silent: bool,
}

/// What is printed of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Its name and value.
    Both,
    /// Its name (`-N`).
    Names,
    /// Its value (`-n`).
    Values,
    /// What it is (`-d`), with its name or without (`-n`).
    Descriptions {
        /// With it.
        named: bool,
    },
    /// All that is known of it (`--json`).
    Json,
}

/// Standard output, one system call per line: lines on standard error are in their place between, in
/// procps's order.
pub struct Output {
    out: StdoutLock<'static>,
    format: Format,
    json: Vec<AnyVariableJson>,
}

impl Output {
    /// Standard output in this format.
    pub fn new(format: Format) -> Self {
        Output { out: io::stdout().lock(), format, json: Vec::new() }
    }

    /// Prints the value of a variable of /proc/sys. Each of its lines is printed as if it were
    /// alone.
    pub fn file(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        if self.format.what == What::Json {
            let value = String::from_utf8_lossy(text).trim_end_matches('\n').to_owned();
            let variable = ProcVariableJson { name: name.to_owned(), value };
            self.json.push(AnyVariableJson::Proc(variable));
            return Ok(());
        }
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            // procps' -x does nothing: hexadecimal is for the BSDs and for what they have.
            let number = std::str::from_utf8(line).ok().filter(|_| self.format.dialect.is_bsd());
            match number.and_then(|text| text.trim().parse().ok()) {
                Some(number) => self.value(name, self.number(number).as_bytes())?,
                None => self.value(name, line)?,
            }
        }
        Ok(())
    }

    /// Prints a variable of ipsec(4).
    pub fn ours(&mut self, variable: &Variable, value: i64) -> io::Result<()> {
        if self.format.what == What::Json {
            self.json.push(AnyVariableJson::Ours(VariableJson::new(variable, Some(value))));
            return Ok(());
        }
        self.value(variable.name, self.number(value).as_bytes())
    }

    /// Prints what a variable is. /proc/sys does not know that of its own.
    pub fn description(&mut self, name: &str, description: Option<&str>) -> io::Result<()> {
        let text = description.unwrap_or("(no description)");
        match self.format.what {
            What::Descriptions { named: false } => writeln!(self.out, "{text}"),
            _ => writeln!(self.out, "{name}: {text}"),
        }
    }

    /// Prints a name (`-N`).
    pub fn name(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.out, "{name}")
    }

    /// Prints that a variable was set: as procps does, or from what to what as the BSDs.
    pub fn set(&mut self, name: &str, old: &str, new: &str) -> io::Result<()> {
        if !self.format.dialect.is_bsd() {
            return match self.format.what {
                What::Names => self.name(name),
                _ => self.value(name, new.as_bytes()),
            };
        }
        let shown = |text: &str| text.trim().parse().map_or(text.to_owned(), |n| self.number(n));
        let (old, new) = (shown(old), shown(new));
        match (self.format.what, self.format.dialect) {
            _ if self.format.silent => Ok(()),
            (What::Names, _) => self.name(name),
            (What::Values, Dialect::NetBsd) => writeln!(self.out, "{new}"),
            (What::Values, _) => writeln!(self.out, "{old} -> {new}"),
            _ if self.format.equals_sign && self.format.dialect == Dialect::FreeBsd => {
                writeln!(self.out, "{name}={old} -> {new}")
            }
            _ => writeln!(self.out, "{name}: {old} -> {new}"),
        }
    }

    /// Prints that a file of settings comes next.
    pub fn applying(&mut self, path: &str) -> io::Result<()> {
        writeln!(self.out, "* Applying {path} ...")
    }

    /// Prints the JSON, and flushes standard output.
    pub fn finish(mut self) -> io::Result<()> {
        if self.format.what == What::Json {
            Document { variables: Some(self.json), ..Document::default() }.write(&mut self.out)?;
        }
        self.out.flush()
    }

    fn value(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        if self.format.silent {
            return Ok(());
        }
        if self.format.what != What::Values {
            let between = match self.format.dialect {
                _ if self.format.equals_sign => "=",
                Dialect::FreeBsd => ": ",
                _ => " = ",
            };
            write!(self.out, "{name}{between}")?;
        }
        self.out.write_all(value)?;
        // -b means -n too: a name always ends its line.
        if self.format.newline { self.out.write_all(b"\n") } else { Ok(()) }
    }

    fn number(&self, number: i64) -> String {
        match (self.format.hex, i32::try_from(number)) {
            (true, Ok(number)) => format!("{number:#010x}"),
            (true, Err(_)) => format!("{number:#018x}"),
            (false, _) if self.format.grouped => grouped(number),
            (false, _) => number.to_string(),
        }
    }
}

/// With a comma after every third digit from the end.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn digits_in_groups() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (-268_435_455, "-268,435,455")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
