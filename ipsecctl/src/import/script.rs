//! Imported entries as statements.

use std::io::{self, Write};

use cli::script::{Counters, PolicyScript, write_sa};
use model::Dialect;
use zeroize::Zeroizing;

use super::Imported;

/// Writes the script; the number of entries that no statement adds.
pub fn write(imported: &Imported, counters: Counters, out: &mut impl Write) -> io::Result<usize> {
    let mut comments = 0;
    for sa in &imported.sas {
        comments += usize::from(!write_sa(out, sa, Dialect::Linux, counters)?);
    }
    let script = PolicyScript::new(Dialect::Linux, imported.policies.iter());
    for policy in &imported.policies {
        comments += usize::from(!script.write(out, policy)?);
    }
    Ok(comments)
}

/// A script in memory, which is wiped also as it grows.
#[derive(Default)]
pub struct Wiped(pub Zeroizing<Vec<u8>>);

impl Write for Wiped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let room = (2 * self.0.capacity()).max(self.0.len() + bytes.len()).max(1 << 16);
            let mut larger = Zeroizing::new(Vec::with_capacity(room));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
