//! The algorithms that the kernel has registered, and the keys that they take.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pfkey::{
    Extension, HEADER_LENGTH,
    ext::{Algorithm, KeyKind},
    ext_type,
};

use crate::{align::extensions, error::Code};

/// `SADB_SATYPE_*` of what can be registered (linux/pfkeyv2.h).
pub(crate) const UNSPEC: u32 = 0;
pub(crate) const AH: u32 = 2;
pub(crate) const ESP: u32 = 3;
pub(crate) const IPCOMP: u32 = 9;

const SUPPORTED_AUTH: u32 = ext_type::SUPPORTED_AUTH as u32;
const SUPPORTED_ENCRYPT: u32 = ext_type::SUPPORTED_ENCRYPT as u32;

/// What a REGISTER has answered; nothing before one has. No answer has compression.
struct Registered {
    auth: Option<Vec<Algorithm>>,
    encrypt: Option<Vec<Algorithm>>,
}

static REGISTERED: Mutex<Registered> = Mutex::new(Registered { auth: None, encrypt: None });

fn registered() -> MutexGuard<'static, Registered> {
    REGISTERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets what was registered for an SA type, or for all of them.
pub(crate) fn forget(satype: u32) -> Result<(), Code> {
    let mut registered = registered();
    match satype {
        UNSPEC => *registered = Registered { auth: None, encrypt: None },
        AH => registered.auth = None,
        ESP => registered.encrypt = None,
        IPCOMP => {}
        _ => return Err(Code::InvalidArgument),
    }
    Ok(())
}

/// Keeps the algorithms of a REGISTER answer, which may hold nothing else.
pub(crate) fn remember(message: &[u8]) -> Result<(), Code> {
    let rest = message.get(HEADER_LENGTH..).ok_or(Code::InvalidSaType)?;
    for extension in extensions(rest) {
        let extension = extension.ok_or(Code::InvalidSaType)?;
        let algorithms = match Extension::decode(extension.number, extension.body) {
            Ok(Extension::Supported(kind, algorithms)) => (kind, algorithms),
            _ => return Err(Code::InvalidSaType),
        };
        match algorithms {
            (KeyKind::Auth, algorithms) => registered().auth = Some(algorithms),
            (KeyKind::Encrypt, algorithms) => registered().encrypt = Some(algorithms),
        }
    }
    Ok(())
}

/// The algorithm with this number, for SAs of this type.
pub(crate) fn by_satype(satype: u32, number: u32) -> Result<Algorithm, Code> {
    let registered = registered();
    let algorithms = match satype {
        AH => registered.auth.as_deref(),
        ESP => registered.encrypt.as_deref(),
        IPCOMP => None,
        _ => return Err(Code::InvalidArgument),
    };
    let algorithms = algorithms.ok_or(Code::NotRegistered)?;
    let found = algorithms.iter().find(|algorithm| u32::from(algorithm.id) == number);
    found.copied().ok_or(Code::NotSupported)
}

/// The algorithm with this number, for `SADB_EXT_SUPPORTED_AUTH` or `_ENCRYPT`.
pub(crate) fn by_extension(supported: u32, number: u32) -> Result<Algorithm, Code> {
    match supported {
        SUPPORTED_AUTH => by_satype(AH, number),
        SUPPORTED_ENCRYPT => by_satype(ESP, number),
        _ => Err(Code::InvalidArgument),
    }
}
