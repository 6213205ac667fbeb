//! Policies: as they were requested, and in the form that the kernel can have.

pub(crate) mod catch_alls;
pub(crate) mod changes;
pub(crate) mod entry;
pub(crate) mod forward;
pub(crate) mod if_there;
pub(crate) mod installed;
pub(crate) mod reqids;
pub(crate) mod sockets;
pub(crate) mod spd;
pub(crate) mod tunnels;
