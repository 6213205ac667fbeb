//! The host's variables: what sysctl(8) sets in net.inet.ipsec, net.inet6.ipsec6 and net.key.

mod table;
mod values;

use crate::{IpVersion, Proto, error::VariableError};

pub use table::{UNSUPPORTED, VARIABLES};
pub use values::{Deflev, DfBit, Variables};

/// A variable by its name. Two names may mean the same variable.
#[derive(Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name, with dots.
    pub name: &'static str,
    /// What it decides.
    pub meaning: Meaning,
    /// Its value on a host where it was not set: what Linux does untouched.
    pub initial: i32,
    /// The values that it takes.
    pub values: Values,
    /// What it is, in one line (`sysctl -d`).
    pub description: &'static str,
}

/// What a variable decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Meaning {
    /// The level of templates that say `default`: by the version of the policy's selector, for AH
    /// or ESP, in tunnel mode or not.
    Deflev(IpVersion, DeflevProto, DeflevMode),
    /// What becomes of a packet that no policy matches.
    DefaultPolicy(IpVersion),
    /// Whether AH leaves the type of service out of its ICV.
    AhClearTos,
    /// The bits of the fragment offset that AH takes into its ICV.
    AhOffsetMask,
    /// The DF bit of a tunnel's outer IPv4 header.
    DfBit,
    /// Whether a tunnel carries ECN bits: by the version of its outer header.
    Ecn(IpVersion),
    /// How much the daemon logs.
    Debug,
    /// The lowest SPI that is chosen where none is asked for.
    SpiMin,
    /// The highest.
    SpiMax,
    /// Seconds that a larval SA waits for its keys: Linux has this one itself.
    LarvalLifetime,
}

/// The protocols that have a default level. IPComp has none: its `default` is always `use`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeflevProto {
    /// `esp_*_deflev`.
    Esp,
    /// `ah_*_deflev`.
    Ah,
}

/// The modes that have a default level of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeflevMode {
    /// `*_trans_deflev`: every mode but tunnel.
    Trans,
    /// `*_net_deflev`: tunnel mode.
    Net,
}

/// The values that a variable takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Values {
    /// These, each with what it means.
    OneOf(&'static [(i32, &'static str)]),
    /// From the first to the last.
    Range(i32, i32),
    /// This one alone, though the BSDs have others: Linux cannot honour them, for this reason.
    Only(i32, &'static str),
    /// These, each with what it means; the BSDs have this other one, which Linux cannot honour, for
    /// this reason.
    OneOfBut(&'static [(i32, &'static str)], i32, &'static str),
}

/// A value for a variable, which it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    variable: &'static Variable,
    value: i32,
}

impl Setting {
    /// The variable.
    #[must_use]
    pub fn variable(&self) -> &'static Variable {
        self.variable
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> i32 {
        self.value
    }
}

impl Variable {
    /// The variable of this name, with dots.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Variable> {
        VARIABLES.iter().find(|variable| variable.name == name)
    }

    /// A value for it, from text: decimal, or hexadecimal after `0x`.
    pub fn parse(&'static self, text: &str) -> Result<Setting, VariableError> {
        let number = number(text.trim()).ok_or_else(|| VariableError::NotANumber {
            name: self.name,
            text: text.to_owned(),
            takes: self.values.to_string(),
        })?;
        self.set(number)
    }

    /// A value for it.
    pub fn set(&'static self, value: i64) -> Result<Setting, VariableError> {
        let name = self.name;
        let out_of_range =
            || VariableError::OutOfRange { name, value, takes: self.values.to_string() };
        let number = i32::try_from(value).map_err(|_| out_of_range())?;
        let impossible = |why| Err(VariableError::Impossible { name, value, why });
        let is_taken = match self.values {
            Values::OneOf(values) | Values::OneOfBut(values, ..)
                if values.iter().any(|(taken, _)| *taken == number) =>
            {
                true
            }
            Values::OneOfBut(_, other, why) if number == other => return impossible(why),
            Values::OneOf(_) | Values::OneOfBut(..) => false,
            Values::Range(from, to) => (from..=to).contains(&number),
            Values::Only(only, why) if number != only => return impossible(why),
            Values::Only(..) => true,
        };
        if is_taken { Ok(Setting { variable: self, value: number }) } else { Err(out_of_range()) }
    }
}

/// A decimal or hexadecimal number, as sysctl(8) takes it.
fn number(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = hexadecimal.map_or((digits, 10), |digits| (digits, 16));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok().map(|number| sign * number)
}

impl DeflevProto {
    /// The protocol's variables, if it has some.
    #[must_use]
    pub fn of(proto: Proto) -> Option<Self> {
        match proto {
            Proto::Esp => Some(DeflevProto::Esp),
            Proto::Ah => Some(DeflevProto::Ah),
            _ => None,
        }
    }
}

impl std::fmt::Display for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Values::OneOf(values) | Values::OneOfBut(values, ..) => {
                for (place, (value, meaning)) in values.iter().enumerate() {
                    let between = match place {
                        0 => "",
                        _ if place + 1 == values.len() => " or ",
                        _ => ", ",
                    };
                    write!(f, "{between}{value} ({meaning})")?;
                }
                Ok(())
            }
            Values::Range(from, to) => write!(f, "{from} to {to}"),
            Values::Only(only, _) => write!(f, "{only}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    fn parse(name: &str, text: &str) -> Result<i32, VariableError> {
        Variable::of_name(name).unwrap().parse(text).map(|setting| setting.value())
    }

    #[test]
    fn a_level_is_use_or_require() {
        assert_eq!(parse("net.inet.ipsec.esp_trans_deflev", "1"), Ok(1));
        assert_eq!(parse("net.inet.ipsec.esp_trans_deflev", " 0x2 "), Ok(2));
        let error = parse("net.inet.ipsec.esp_trans_deflev", "3").unwrap_err();
        assert_eq!(error.errno(), Errno::INVAL);
        let text =
            "3 is out of range: net.inet.ipsec.esp_trans_deflev takes 1 (use) or 2 (require)";
        assert_eq!(error.to_string(), text);
        for text in ["", "use", "0x", "--1", "1 2", "99999999999999999999"] {
            let error = parse("net.inet6.ipsec6.ah_net_deflev", text).unwrap_err();
            assert!(matches!(error, VariableError::NotANumber { .. }), "{text}");
        }
    }

    #[test]
    fn what_linux_cannot_honour_is_refused_with_a_reason() {
        for (name, value) in [
            ("net.inet.ipsec.ah_cleartos", "0"),
            ("net.inet.ipsec.ah_offsetmask", "1"),
            ("net.inet.ipsec.ecn", "-1"),
            ("net.inet6.ipsec6.ecn", "-1"),
        ] {
            assert_eq!(parse(name, value).unwrap_err().errno(), Errno::OPNOTSUPP, "{name}={value}");
        }
        assert_eq!(parse("net.inet.ipsec.ecn", "2").unwrap_err().errno(), Errno::INVAL);
        assert_eq!(parse("net.inet.ipsec.dfbit", "4294967297").unwrap_err().errno(), Errno::INVAL);
    }

    #[test]
    fn every_initial_value_is_one_that_the_variable_takes() {
        for variable in &VARIABLES {
            let setting = variable.set(variable.initial.into());
            assert!(setting.is_ok(), "{}", variable.name);
        }
    }
}
