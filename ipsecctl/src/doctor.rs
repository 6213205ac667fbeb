//! `ipsecctl doctor`: what IPsec needs of this host, and whether it is there.

mod af_key;
mod caller;
mod condition;
mod crypto;
mod features;
mod files;
mod modules;
mod needs;
mod offload;
mod questions;
mod required;
mod scripts;
mod security;
mod sysctls;
mod tables;

use std::{io::Write, path::PathBuf, process::ExitCode};

use cli::{json::Document, wrap};
use engine::Namespace;

use condition::{Condition, Status};
use files::Files;
use modules::Modules;
use needs::Needs;
use tables::ExaminedTables;

use crate::{Error, output};

/// The exit status when there is a fault.
const FAULT: u8 = 3;

/// Report what of this host IPsec needs, whether it is there, and what mends it.
///
/// With scripts, what they need of the kernel. Most needs no privilege; what does is named.
#[derive(clap::Args)]
pub struct Doctor {
    /// Scripts whose needs are looked at in place of those of the kernel's tables; `-` is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whose setkey the scripts are for: linux, netbsd or freebsd
    #[arg(long, value_name = "DIALECT", requires = "files")]
    dialect: Option<String>,
    /// Leave out what is as it should be
    #[arg(short, long)]
    quiet: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    /// Prints the conditions. The exit status is 3 if there is a fault.
    pub fn execute(&self) -> Result<ExitCode, Error> {
        sys::process::keep_memory_private();
        let mut conditions = self.conditions()?;
        let has_fault = conditions.iter().any(|it| it.status == Status::Fault);
        conditions.retain(|it| !self.quiet || it.status != Status::Ok);
        let printed = output::print(|out| {
            if self.json {
                let conditions = Some(conditions.iter().map(Condition::json).collect());
                return Ok(Document { conditions, ..Document::default() }.write(out)?);
            }
            let width = cli::output_width();
            conditions
                .iter()
                .try_for_each(|it| Ok(out.write_all(wrap(&it.line(), 0, width).as_bytes())?))
        })?;
        Ok(if has_fault { ExitCode::from(FAULT) } else { printed })
    }

    fn conditions(&self) -> Result<Vec<Condition>, Error> {
        let dialect = cli::chosen_dialect(self.dialect.as_deref()).map_err(Error::Usage)?;
        let files = Files::of_this_host();
        let modules = Modules::read(&files);
        let mut needs = Needs::default();
        let of_scripts = scripts::read(&self.files, dialect, &mut needs)?;
        let is_of_host = self.files.is_empty();
        let mut tables = if is_of_host {
            required::add_usual(&mut needs);
            ExaminedTables::read(&mut needs)
        } else {
            ExaminedTables::read(&mut Needs::default())
        };
        let mut conditions = tables.conditions(&files);
        let engine = tables.engine.as_mut();
        conditions.extend(required::conditions(&needs, &files, &modules, engine)?);
        conditions.extend(sysctls::conditions(&files, &needs));
        conditions.extend(offload::conditions(&files, &needs));
        if is_of_host {
            let namespace = Namespace::current();
            let has_service = namespace.directory().join(sys::run::PFKEY_SOCKET).exists();
            conditions.extend(modules.others());
            conditions.extend(security::conditions(&files));
            conditions.push(af_key::condition(&files, &modules, has_service));
            conditions.extend(caller::conditions(&files, &tables));
            conditions.extend(caller::ipsecd(&tables, namespace.has_daemon()));
        }
        conditions.extend(of_scripts);
        Ok(conditions)
    }
}
