//! The functions of `libipsec/libpfkey.h`.
//!
//! Each reads what C gave it, has the work done, and returns the outcome as the original did. What
//! its arguments must be is in the header: pointers lead to what their types say, strings end with
//! a NUL, and a message or policy is as long as its length field.

mod error;
mod key_lengths;
mod memory;
mod message;
mod policy;
mod print;
mod sa;
mod send;
mod socket;
mod spd;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Code, Error};

/// Runs a function of the library: keeps its error, and answers `failure` for it.
fn call<T>(failure: T, work: impl FnOnce() -> Result<T, Error>) -> T {
    let outcome = contained(Err(Code::Unknown.into()), work);
    let (answer, code) = match outcome {
        Ok(answer) => (answer, Code::Success.into()),
        Err(error) => (failure, error),
    };
    error::keep(code);
    answer
}

/// Keeps a panic, which must not unwind into C, inside.
fn contained<T>(failure: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(failure)
}
