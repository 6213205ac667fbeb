use std::io;

/// Why the engine cannot go on. What the kernel refuses is an [`crate::Outcome`], not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The conversation with the kernel failed.
    #[error(transparent)]
    Kernel(#[from] xfrm::Error),
    /// The receiver of the results failed.
    #[error(transparent)]
    Sink(#[from] io::Error),
    /// The store cannot be read or written.
    #[error("the records under {}: {source}", crate::RUN_DIRECTORY)]
    Store {
        /// Why not.
        #[from]
        source: rusqlite::Error,
    },
    /// Every number from 0x4000 up is taken by some policy (`gen_reqid`: ENOBUFS).
    #[error("no free number for `unique`: every reqid above 16383 is taken")]
    NoReqId,
}
