use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::{Engine, Options};
use model::{SocketPolicy, Variables};

/// The engine of the service, used by one request at a time. It is opened by the first request.
#[derive(Default)]
pub(super) struct SharedEngine(Mutex<Option<Engine>>);

impl SharedEngine {
    /// Chooses the numbers that are missing in policies, and reads the host's variables.
    ///
    /// Errors: those of [`Engine::open`], [`Engine::choose_reqids`] and [`Engine::variables`].
    pub(super) fn complete(
        &self,
        policies: &mut [SocketPolicy],
    ) -> Result<Variables, engine::Error> {
        let mut shared = self.lock();
        let engine = match &mut *shared {
            Some(engine) => engine,
            none => none.insert(Engine::open(Options::default())?),
        };
        engine.choose_reqids(policies)?;
        engine.variables()
    }

    /// Closes the engine. The next request opens another one.
    pub(super) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Engine>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
