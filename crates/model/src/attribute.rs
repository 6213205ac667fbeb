use crate::Key;

/// An attribute of the kernel's message that this model has no field for, as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// `XFRMA_*` (linux/xfrm.h).
    pub number: u16,
    /// Its bytes, which may be secret.
    pub value: Key,
}
