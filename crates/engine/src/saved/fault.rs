/// Why a file of saved SAs is not restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SavedFault {
    /// It has no such beginning.
    #[error("it is no file of `ipsecctl save`")]
    Foreign,
    /// Its digest is another.
    #[error("it is damaged")]
    Damaged,
    /// The structures of its kernel are others.
    #[error("it was saved on a machine of another kind")]
    OtherMachine,
    /// A device that an SA names has another number.
    #[error("a device that it names is missing or has another number now")]
    OtherDevice,
    /// It was restored.
    #[error("it was restored before: its sequence numbers would be used twice")]
    Used,
    /// Other users may have read or written it.
    #[error("other users may read or write it: `chmod 600` and `chown`")]
    Exposed,
    /// It is a directory, a device, or the like.
    #[error("it is no regular file")]
    NoFile,
    /// Another process restores it.
    #[error("another process restores it")]
    Busy,
}
