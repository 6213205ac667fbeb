/// How far the sequence numbers of an SA have come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ReplayState {
    /// The highest number received; 64 bits with ESN, else 32.
    pub received: u64,
    /// The last number sent; 64 bits with ESN, else 32.
    pub sent: u64,
    /// Which numbers of the window were received: the words of the kernel's bitmap (`xfrm_replay_state`
    /// has one, `xfrm_replay_state_esn` one for each 32 packets), host order. Empty: none.
    pub bitmap: Vec<u32>,
}

impl ReplayState {
    /// Whether no packet was sent or received.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.received == 0 && self.sent == 0 && self.bitmap.iter().all(|&word| word == 0)
    }
}

/// Packets that an SA has dropped (`xfrm_stats`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SaStats {
    /// Too old: left of the replay window.
    pub replay_window: u32,
    /// Received before.
    pub replay: u32,
    /// With an integrity check value that is not right.
    pub integrity_failed: u32,
}

impl SaStats {
    /// Whether no packet was dropped.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}
