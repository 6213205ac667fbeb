//! The size of the kernel's tables.

use model::{SadInfo, SpdInfo};
use xfrm::{Answer, Connection};

use crate::Error;

/// Reads the sizes of the SAD and the SPD of this thread's network namespace, without reading the tables.
///
/// Errors: [`Error::Kernel`].
pub fn info() -> Result<(SadInfo, SpdInfo), Error> {
    let mut kernel = Connection::open()?;
    let sad = found("asking for the SAD's size", kernel.sad_info()?)?;
    let spd = found("asking for the SPD's size", kernel.spd_info()?)?;
    Ok((sad, spd))
}

fn found<T>(doing: &'static str, answer: Answer<T>) -> Result<T, xfrm::Error> {
    match answer {
        Answer::Found(info) => Ok(info),
        Answer::Refused(refusal) => Err(xfrm::Error::Refused { doing, refusal }),
    }
}
