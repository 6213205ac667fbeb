use model::{Direction, IpVersion};

/// Marks the catch-alls among all policies: `xfrm_selector.user`, which the kernel compares when it
/// looks for a policy by name and never when it looks for one for a packet. So they never stand in
/// the way of a user's own policy for every packet.
pub(crate) const OWNER: u32 = 0x7866_726d;

/// A policy under all others, which decides what becomes of packets that no other policy matches. No
/// dump and no event shows it as a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CatchAll {
    /// The packets of this version,
    pub version: IpVersion,
    /// in this direction,
    pub direction: Direction,
    /// of these addresses.
    pub scope: CatchAllScope,
}

/// Which packets a catch-all catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CatchAllScope {
    /// All of them: they are dropped.
    Everything,
    /// Those from the loopback address to itself: they pass, above `Everything`.
    Loopback,
}
