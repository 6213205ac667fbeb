//! The entries of files.

use std::io::{self, BufRead, Read};

use cli::json::{ReadKeys, read_entries};
use iproute2::text::{EntryOfText, Placed, entries};
use model::{PolicyEntry, SaEntry, Visible};
use sys::bounded::Bounded;
use zeroize::Zeroizing;

use crate::Error;

/// The longest file, in bytes.
const MOST: u64 = 64 << 20;

/// What a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON of a command.
    Json,
    /// What `ip xfrm state` or `ip xfrm policy` has printed.
    IpXfrm,
}

impl Format {
    /// The format of a file by its first characters; none of a script, which may be empty.
    pub fn of(name: &str, reader: &mut impl BufRead) -> Result<Option<Self>, Error> {
        let beginning = reader.fill_buf().map_err(|error| Error::unreadable(name, &error))?;
        let beginning = beginning.trim_ascii_start();
        Ok(match beginning {
            [b'{', ..] => Some(Self::Json),
            // No statement of a script begins so.
            _ if beginning.starts_with(b"src ") => Some(Self::IpXfrm),
            _ => None,
        })
    }

    /// The format of a file that is no script. `ip xfrm` prints nothing of empty tables.
    pub fn of_import(name: &str, reader: &mut impl BufRead) -> Result<Self, Error> {
        let format = Self::of(name, reader)?;
        let beginning = reader.fill_buf().map_err(|error| Error::unreadable(name, &error))?;
        match format {
            Some(format) => Ok(format),
            None if beginning.trim_ascii().is_empty() => Ok(Self::IpXfrm),
            None => Err(Error::NotImported { name: name.to_owned() }),
        }
    }
}

/// SAs and policies, oldest first.
#[derive(Default)]
pub struct Imported {
    pub sas: Vec<SaEntry>,
    pub policies: Vec<PolicyEntry>,
    /// The policies of sockets, which no script adds.
    socket_policies: usize,
    /// The files that were printed without `-s`.
    without_details: Vec<String>,
}

impl Imported {
    /// Adds the entries of a file.
    pub fn read(&mut self, name: &str, reader: impl BufRead, format: Format) -> Result<(), Error> {
        let text = read_all(name, reader)?;
        match format {
            Format::Json => self.json(name, &text),
            Format::IpXfrm => self.ip_xfrm(name, &text),
        }
    }

    fn json(&mut self, name: &str, text: &[u8]) -> Result<(), Error> {
        let wrong =
            |error: cli::json::ReadError| Error::Imported { place: format!("{name}:{error}") };
        let read = read_entries(text, ReadKeys::Required).map_err(wrong)?;
        let (of_sockets, mut policies): (Vec<_>, Vec<_>) =
            read.policies.into_iter().partition(|policy| policy.socket);
        // The commands print them in several orders; the kernel counts indexes up.
        policies.sort_by_key(|policy| policy.index >> 3);
        self.sas.extend(read.sas);
        self.policies.extend(policies);
        self.socket_policies += of_sockets.len();
        Ok(())
    }

    fn ip_xfrm(&mut self, name: &str, text: &[u8]) -> Result<(), Error> {
        let text = str::from_utf8(text).map_err(|error| {
            let before = &text[..error.valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            Error::Imported { place: format!("{name}:{line}: expected text in UTF-8") }
        })?;
        let wrong = |error| Error::Imported { place: format!("{name}:{error}") };
        let (mut sas, mut policies) = (Vec::new(), Vec::new());
        let mut is_detailed = true;
        for placed in entries(text) {
            let Placed { entry, is_detailed: has_details, .. } = placed.map_err(wrong)?;
            is_detailed &= has_details;
            match entry {
                EntryOfText::Sa(sa) => sas.push(*sa),
                EntryOfText::Policy(policy) => policies.push(*policy),
                EntryOfText::SocketPolicy => self.socket_policies += 1,
                // It makes them again.
                EntryOfText::OfLinux => {}
            }
        }
        if !is_detailed {
            self.without_details.push(name.to_owned());
        }
        // `ip` prints the newest first.
        self.sas.extend(sas.into_iter().rev());
        self.policies.extend(policies.into_iter().rev());
        Ok(())
    }

    /// What the script does not have and is no entry.
    pub fn notes(&self) -> Vec<String> {
        let of_files = self.without_details.iter().map(|name| {
            let what =
                "was printed without -s: limits, extra flags, masks and shares are not in it";
            format!("{} {what}", Visible(name))
        });
        let of_sockets = (self.socket_policies != 0)
            .then(|| format!("policies of sockets are left out: {}", self.socket_policies));
        of_files.chain(of_sockets).collect()
    }
}

/// The bytes of a file, which have keys: no copy of them stays in memory.
///
/// Errors: [`Error::Read`], also for more than 64 MiB.
pub fn read_all(name: &str, reader: impl BufRead) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut text = Zeroizing::new(Vec::new());
    let mut reader = Bounded::new(reader, MOST);
    let mut piece = Zeroizing::new([0; 16 << 10]);
    loop {
        let unreadable = |error: io::Error| Error::unreadable(name, &error);
        let count = reader.read(&mut piece[..]).map_err(unreadable)?;
        if count == 0 {
            return Ok(text);
        }
        text.extend_from_slice(&piece[..count]);
    }
}
