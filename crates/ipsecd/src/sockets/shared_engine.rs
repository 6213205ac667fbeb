use std::sync::{Mutex, PoisonError};

use engine::{Engine, EngineOptions, Error};
use model::{SocketPolicy, Variables};

/// The engine of the service, used by one request at a time. It is opened by the first request.
#[derive(Default)]
pub(super) struct SharedEngine(Mutex<Option<Engine>>);

impl SharedEngine {
    /// The host's variables.
    ///
    /// Errors: those of [`Engine::open`] and [`Engine::variables`].
    pub(super) fn variables(&self) -> Result<Variables, Error> {
        self.with(Engine::variables)
    }

    /// Chooses the numbers that are missing in policies.
    ///
    /// Errors: those of [`Engine::open`] and [`Engine::choose_reqids`].
    pub(super) fn choose_reqids(&self, policies: &mut [SocketPolicy]) -> Result<(), Error> {
        self.with(|engine| engine.choose_reqids(policies))
    }

    /// Closes the engine. The next request opens another one.
    pub(super) fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn with<T>(&self, act: impl FnOnce(&mut Engine) -> Result<T, Error>) -> Result<T, Error> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = match &mut *shared {
            Some(engine) => engine,
            none => none.insert(Engine::open(EngineOptions::default())?),
        };
        act(engine)
    }
}
