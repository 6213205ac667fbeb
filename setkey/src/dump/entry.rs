use model::{PolicyEntry, SaEntry};

/// What a dump is made of.
pub enum DumpEntry {
    /// An SA.
    Sa(Box<SaEntry>),
    /// A policy, with the kernel's count of its users where it is known.
    Policy(Box<PolicyEntry>, Option<u16>),
}
