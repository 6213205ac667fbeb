use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicU32, Ordering},
};

use model::{Origin, Sa};

use super::Icvs;

/// What a daemon tells its service, and may change while that runs.
#[derive(Debug, Default)]
pub struct Settings {
    /// A netlink port; 0: none.
    caretaker: AtomicU32,
    icvs: RwLock<Icvs>,
}

impl Settings {
    /// Clients are to hear nothing of what comes from this netlink port, 0 for none: it brings the
    /// SPD in line with what was asked before, and AF_KEY would have said so then.
    pub fn pass_over(&self, port: u32) {
        self.caretaker.store(port, Ordering::Relaxed);
    }

    /// SAs are to have these ICVs from now on.
    pub fn set_icvs(&self, icvs: Icvs) {
        *self.icvs.write().unwrap_or_else(PoisonError::into_inner) = icvs;
    }

    pub(super) fn passes_over(&self, origin: Origin) -> bool {
        origin.pid != 0 && origin.pid == self.caretaker.load(Ordering::Relaxed)
    }

    /// Gives an SA that a program has asked for what PF_KEY cannot say.
    pub(super) fn complete(&self, sa: &mut Sa) {
        self.icvs.read().unwrap_or_else(PoisonError::into_inner).apply(sa);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_nobody_is_passed_over_by_nobody() {
        let settings = Settings::default();
        let from = |pid| Origin { seq: 1, pid };
        assert!(!settings.passes_over(from(0)) && !settings.passes_over(from(7)));
        settings.pass_over(7);
        assert!(!settings.passes_over(from(0)) && settings.passes_over(from(7)));
    }
}
