//! What `-D` prints: the entries of a dump, a line an SA (`-l`), and scripts (`--script`).

mod entries;
mod entry;
mod json;
mod order;
mod short;

pub use entries::Entries;
pub use entry::DumpEntry;
pub use short::HEADER;
use short::write_short_sa;
