//! The file: root's alone, replaced at once, and restored once.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    process::geteuid,
};
use sys::{bounded::Bounded, replaced::replace_on_disk};
use xfrm::Devices;
use zeroize::Zeroizing;

use super::{
    Saved,
    fault::SavedFault,
    format::{self, FileHeader, HEADER},
};
use crate::{Engine, Error};

/// The longest file, in bytes.
const MOST: u64 = 256 << 20;

/// A file of saved SAs that is open to be restored. No other process restores it meanwhile.
pub struct SavedFile {
    file: File,
    path: PathBuf,
    devices: Devices,
    header: FileHeader,
}

impl Saved {
    /// Writes a file that no other user can open at any time, and that is on the disk when this returns. One that is
    /// there is replaced at once; a link is replaced, and not followed; a device is not.
    ///
    /// Errors: [`Error::Run`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        replace_on_disk(path, &format::write(self), 0o600)
            .map_err(|source| Error::run(path, source))
    }

    /// Writes the same to a pipe or an open file.
    ///
    /// Errors: those of `out`.
    pub fn write_to(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(&format::write(self))?;
        out.flush()
    }
}

impl Engine {
    /// Opens a file to restore it. A link is not followed, and a FIFO not waited for.
    ///
    /// Errors: [`Error::Run`], [`Error::Saved`] if other users can open it, or another process restores it.
    pub fn open_saved(&self, path: &Path) -> Result<SavedFile, Error> {
        let failed = |source: io::Error| Error::run(path, source);
        let fault = |fault| Error::Saved { path: path.to_owned(), fault };
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file: File = open(path, flags, Mode::empty()).map_err(|it| failed(it.into()))?.into();
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(fault(SavedFault::NoFile));
        }
        let is_owners = [0, geteuid().as_raw()].contains(&metadata.uid());
        if !is_owners || metadata.mode() & 0o077 != 0 {
            return Err(fault(SavedFault::Exposed));
        }
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| fault(SavedFault::Busy))?;
        let devices = self.host.kernel.devices();
        Ok(SavedFile { file, path: path.to_owned(), devices, header: FileHeader::default() })
    }
}

impl SavedFile {
    /// Reads what was saved.
    ///
    /// Errors: [`Error::Run`], [`Error::Saved`].
    pub(super) fn read(&mut self) -> Result<Saved, Error> {
        let failed = |source| Error::run(&self.path, source);
        let length = self.file.metadata().map_err(failed)?.len().min(MOST);
        // Not grown, so that no key is left behind.
        let room = usize::try_from(length).unwrap_or(0).saturating_add(64);
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        Bounded::new(&self.file, MOST).read_to_end(&mut bytes).map_err(failed)?;
        let (saved, header) = format::read(&bytes, &self.devices).map_err(|it| self.fault(it))?;
        if header.is_used {
            return Err(self.fault(SavedFault::Used));
        }
        self.header = header;
        Ok(saved)
    }

    /// How many attempts to restore it were undone.
    pub(super) fn attempts(&self) -> u32 {
        self.header.attempts.into()
    }

    /// Marks that it must not be restored again.
    pub(super) fn mark_used(&mut self) -> Result<(), Error> {
        let attempts = self.header.attempts.checked_add(1);
        let attempts = attempts.ok_or_else(|| self.fault(SavedFault::Used))?;
        self.write_header(FileHeader { is_used: true, attempts })
    }

    /// Marks that the attempt was undone.
    pub(super) fn mark_unused(&mut self) -> Result<(), Error> {
        self.write_header(FileHeader { is_used: false, ..self.header })
    }

    fn write_header(&mut self, header: FileHeader) -> Result<(), Error> {
        let place = u64::try_from(HEADER).unwrap_or(0);
        let written = self.file.write_all_at(&header.bytes(), place);
        written
            .and_then(|()| self.file.sync_all())
            .map_err(|source| Error::run(&self.path, source))?;
        self.header = header;
        Ok(())
    }

    fn fault(&self, fault: SavedFault) -> Error {
        Error::Saved { path: self.path.clone(), fault }
    }
}
