//! SAs: their modes, flags and families, as variables and policies require them.

pub(crate) mod changes;
pub(crate) mod flag_update;
pub(crate) mod given_flags;
pub(crate) mod lacking;
pub(crate) mod outer_header;
pub(crate) mod relocation;
