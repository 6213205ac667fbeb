//! The log of clients that are refused for want of room: a line when it begins, and one when it ends.

use tracing::warn;

/// Connections that were refused since one was admitted.
#[derive(Debug, Default)]
pub(super) struct Refused(u64);

impl Refused {
    /// A connection was refused: there are too many of these.
    pub(super) fn count(&mut self, too_many: &'static str) {
        if self.0 == 0 {
            warn!(reason = "too many", too_many, "clients refused");
        }
        self.0 += 1;
    }

    /// There is room again.
    pub(super) fn end(&mut self) {
        if self.0 > 0 {
            warn!(refused = self.0, "clients accepted again");
            self.0 = 0;
        }
    }
}
