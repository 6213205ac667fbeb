//! A file of the heads of packets (pcap-savefile(5)), which contains what was decrypted.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use drop_monitor::Alert;

use super::head::link_header;

/// The magic number of times in nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
/// `LINKTYPE_ETHERNET`.
const ETHERNET: u32 = 1;

/// A file that is written.
pub struct Pcap(BufWriter<File>);

impl Pcap {
    /// Makes a file that this user alone can read. A file or link of this name is left as it is.
    ///
    /// Errors: EEXIST; those of open(2) and write(2).
    pub fn create(path: &Path, head: u32) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut out = BufWriter::new(file);
        let header = [MAGIC, 2 | 4 << 16, 0, 0, head, ETHERNET];
        header.iter().try_for_each(|word| out.write_all(&word.to_ne_bytes()))?;
        Ok(Self(out))
    }

    /// Adds a packet. One of a device without a link-layer header gets one with zeros.
    pub fn add(&mut self, alert: &Alert) -> io::Result<()> {
        let link = if link_header(&alert.head, alert.protocol) == Some(0) {
            [&[0; 12][..], &alert.protocol.to_be_bytes()].concat()
        } else {
            Vec::new()
        };
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        let added = number(link.len());
        let seconds = u32::try_from(alert.time / 1_000_000_000).unwrap_or(u32::MAX);
        let nanoseconds = u32::try_from(alert.time % 1_000_000_000).unwrap_or(0);
        let captured = added + number(alert.head.len());
        let length = (added + alert.length).max(captured);
        for word in [seconds, nanoseconds, captured, length] {
            self.0.write_all(&word.to_ne_bytes())?;
        }
        self.0.write_all(&link)?;
        self.0.write_all(&alert.head)
    }

    /// Writes what was added.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use explain::Captured;

    use super::*;

    #[test]
    fn the_file_is_read_again_and_no_other_is_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("drops");
        let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend([192, 0, 2, 1, 192, 0, 2, 2, 0, 7, 0, 53, 0, 8, 0, 0]);
        let mut pcap = Pcap::create(&path, 256).unwrap();
        let alert = Alert { head: packet, protocol: 0x0800, length: 1500, ..Alert::default() };
        pcap.add(&alert).unwrap();
        pcap.flush().unwrap();
        let captured = Captured::read(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(captured.flow.unwrap().dst_port, Some(53));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Pcap::create(&path, 256).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("elsewhere", &link).unwrap();
        assert!(Pcap::create(&link, 256).is_err() && !directory.path().join("elsewhere").exists());
    }
}
