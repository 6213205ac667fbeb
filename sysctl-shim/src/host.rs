//! The values of the variables of ipsec(4) in this network namespace.

use engine::Applied;
use model::{Setting, Variable, Variables, variable::Meaning};

use crate::{
    error::{Error, errno},
    name::Name,
    proc::{self, Failed},
};

/// Linux's own variable for net.key.larval_lifetime.
pub const LARVAL_LIFETIME: &str = "net.core.xfrm_acq_expires";

/// The values, read when one is first asked for.
#[derive(Debug, Default)]
pub struct HostVariables {
    variables: Option<Variables>,
}

impl HostVariables {
    /// The value of a variable, or why there is none, with more words where there are some.
    pub fn value(&mut self, variable: &Variable) -> Result<i64, (Error, Option<String>)> {
        if variable.meaning == Meaning::LarvalLifetime {
            return larval_lifetime(variable);
        }
        let variables = self.variables().map_err(|error| {
            let read = Error::Read { name: variable.name.to_owned(), source: error.errno() };
            (read, Some(error.to_string()))
        })?;
        Ok(variables.value(variable.meaning).into())
    }

    /// All values but the one that is Linux's.
    pub fn variables(&mut self) -> Result<&Variables, engine::Error> {
        let variables = match self.variables.take() {
            Some(variables) => variables,
            None => engine::variables()?,
        };
        Ok(self.variables.insert(variables))
    }

    /// Sets variables, all or none.
    pub fn apply(
        &mut self,
        settings: &[Setting],
        renew_sas: bool,
    ) -> Result<Applied, engine::Error> {
        self.variables = None;
        engine::apply(settings, renew_sas)
    }
}

/// Whether a variable is Linux's own, under another name.
pub fn is_linux_own(variable: &Variable) -> bool {
    variable.meaning == Meaning::LarvalLifetime
}

fn larval_lifetime(variable: &Variable) -> Result<i64, (Error, Option<String>)> {
    let text = proc::read(&Name::parse(LARVAL_LIFETIME)).map_err(|error| {
        let source = errno(&error);
        (Error::Read { name: variable.name.to_owned(), source }, Some(absence(variable)))
    })?;
    let value = std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
    value.ok_or_else(|| {
        let source = rustix::io::Errno::IO;
        (Error::Read { name: variable.name.to_owned(), source }, None)
    })
}

/// Sets net.key.larval_lifetime.
pub fn set_larval_lifetime(setting: &Setting) -> Result<(), Failed> {
    proc::write(&Name::parse(LARVAL_LIFETIME), &setting.value().to_string())
}

/// Why net.key.larval_lifetime may not be there.
pub fn absence(variable: &Variable) -> String {
    format!(
        "{} is Linux's {LARVAL_LIFETIME}, which network namespaces of unprivileged users do not have",
        variable.name
    )
}
