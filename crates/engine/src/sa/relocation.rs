//! An SA that gets other addresses or another encapsulation, and goes on.

use model::{AddressPair, Encap, Relocation, Sa, SaEntry, Spi};
use std::net::IpAddr;
use xfrm::{Answer, MoveSupport, SaImage};

use crate::{Engine, Error};

/// What of an SA is to be another. What is not given stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destination {
    /// Its source.
    pub src: Option<IpAddr>,
    /// Its destination.
    pub dst: Option<IpAddr>,
    /// Its encapsulation, which may be none.
    pub encap: Option<Option<Encap>>,
}

/// Why an SA is not moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveRefusal {
    /// The kernel does not know the message.
    #[error("this kernel moves no SA: Linux 7.2 does (XFRM_MSG_MIGRATE_STATE)")]
    Unknown,
    /// The kernel was built without it.
    #[error("this kernel was built without CONFIG_XFRM_MIGRATE, and moves no SA")]
    NotBuilt,
    /// No SA has the SPI.
    #[error("there is no such SA")]
    Missing,
    /// Several SAs have the SPI.
    #[error("{0} SAs have this SPI: give their protocol or destination")]
    Several(usize),
    /// An SA has the name already.
    #[error("an SA with this SPI to the new destination is there")]
    Taken,
    /// The addresses do not go together.
    #[error(transparent)]
    Addresses(#[from] model::Error),
    /// The kernel refuses it.
    #[error("{0}")]
    Kernel(String),
}

/// An SA before it was moved, and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// As it was.
    pub before: SaEntry,
    /// As it is.
    pub after: SaEntry,
}

/// What came of a move.
#[derive(Debug)]
pub enum MoveOutcome {
    /// The SA is where it was to be.
    Moved(Box<Moved>),
    /// It is where it was.
    Refused(MoveRefusal),
}

impl From<MoveRefusal> for MoveOutcome {
    fn from(refusal: MoveRefusal) -> Self {
        MoveOutcome::Refused(refusal)
    }
}

impl Engine {
    /// Moves the SA of an SPI. It keeps its sequence numbers, replay window and counters.
    ///
    /// Errors: [`Error::Kernel`].
    pub fn move_sa(
        &mut self,
        spi: Spi,
        is_meant: impl Fn(&Sa) -> bool,
        destination: &Destination,
    ) -> Result<MoveOutcome, Error> {
        match self.host.kernel.move_support()? {
            MoveSupport::Unknown => return Ok(MoveRefusal::Unknown.into()),
            MoveSupport::NotBuilt => return Ok(MoveRefusal::NotBuilt.into()),
            MoveSupport::Known => {}
        }
        let images = self.host.kernel.dump_sa_images()?.collect::<Result<Vec<_>, _>>()?;
        let is_named =
            |image: &&SaImage| image.entry().sa.spi == spi && is_meant(&image.entry().sa);
        let found: Vec<&SaImage> = images.iter().filter(is_named).collect();
        let image = match found.as_slice() {
            [] => return Ok(MoveRefusal::Missing.into()),
            [image] => *image,
            several => return Ok(MoveRefusal::Several(several.len()).into()),
        };
        let to = match relocation(&image.entry().sa, destination) {
            Ok(to) => to,
            Err(error) => return Ok(MoveRefusal::Addresses(error).into()),
        };
        let old = image.entry().sa.id();
        let new = model::SaId { dst: to.ends.dst(), ..old };
        if new != old && matches!(self.host.kernel.get_sa(&new)?, Answer::Found(_)) {
            return Ok(MoveRefusal::Taken.into());
        }
        if let Some(refusal) = self.host.kernel.move_sa(image, &to)? {
            let reason = refusal.text.unwrap_or_else(|| sys::errno_text(refusal.errno));
            return Ok(MoveRefusal::Kernel(reason).into());
        }
        Ok(match self.host.kernel.get_sa(&new)? {
            Answer::Found(after) => {
                MoveOutcome::Moved(Box::new(Moved { before: image.entry().clone(), after }))
            }
            Answer::Refused(_) => MoveRefusal::Missing.into(),
        })
    }
}

fn relocation(sa: &Sa, destination: &Destination) -> Result<Relocation, model::Error> {
    let src = destination.src.unwrap_or(sa.ends.src());
    let dst = destination.dst.unwrap_or(sa.ends.dst());
    Ok(Relocation { ends: AddressPair::new(src, dst)?, encap: destination.encap })
}
