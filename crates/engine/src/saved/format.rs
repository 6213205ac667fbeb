//! The bytes of a file of saved SAs: a beginning of fixed length, in which an attempt to restore is marked, then what
//! the kernel has shown of each entry, and a digest of all behind the beginning.

use sha2::{Digest, Sha256};
use sys::{clock::unix_seconds, memory::wipe_stack};
use xfrm::{Devices, PolicyImage, SaImage};
use zeroize::Zeroizing;

use super::{Saved, fault::SavedFault};

/// What a file begins with.
const MAGIC: &[u8; 16] = b"xfrm-tools SAs1\n";
/// Where the mark is, in bytes: 0 or 1, and then the number of attempts that were undone.
pub(super) const HEADER: usize = MAGIC.len();
/// The length of the beginning: the mark, and two bytes for nothing.
const BODY: usize = HEADER + 4;
const DIGEST: usize = 32;
/// The length of [`native`].
const NATIVE: usize = 8;

/// The byte order and the size of words, as the kernel's structures have them.
fn native() -> [u8; NATIVE] {
    (0x0102_0304_0506_0700 | u64::from(usize::BITS)).to_ne_bytes()
}

const SA: u8 = b'S';
const POLICY: u8 = b'P';

/// What the beginning has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FileHeader {
    pub(super) is_used: bool,
    pub(super) attempts: u8,
}

impl FileHeader {
    pub(super) fn bytes(self) -> [u8; 2] {
        [self.is_used.into(), self.attempts]
    }
}

/// The bytes of a file.
pub(super) fn write(saved: &Saved) -> Zeroizing<Vec<u8>> {
    let objects = saved.sas.iter().map(|image| (SA, devices_of(image), image.object()));
    let policies = saved
        .policies
        .iter()
        .map(|image| (POLICY, devices_of_policy(image), Zeroizing::new(image.object().to_vec())));
    let records: Vec<_> = objects.chain(policies).collect();
    let length: usize =
        records.iter().map(|(_, names, object)| 7 + names.len() + object.len()).sum();
    // Not grown, so that no key is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BODY + NATIVE + 8 + length + DIGEST));
    bytes.extend_from_slice(MAGIC);
    bytes.resize(BODY, 0);
    bytes.extend_from_slice(&native());
    bytes.extend_from_slice(&saved.time.to_le_bytes());
    for (kind, names, object) in &records {
        bytes.push(*kind);
        bytes.extend_from_slice(&u16::try_from(names.len()).unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(object.len()).unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(names.as_bytes());
        bytes.extend_from_slice(object);
    }
    let digest = digest(&bytes[BODY..]);
    bytes.extend_from_slice(&digest);
    bytes
}

/// The digest of the body, which has keys: the block that was hashed last is wiped.
fn digest(body: &[u8]) -> [u8; DIGEST] {
    let digest = digest_on_stack(body);
    wipe_stack();
    digest
}

#[inline(never)]
fn digest_on_stack(body: &[u8]) -> [u8; DIGEST] {
    Sha256::digest(body).into()
}

/// Reads the bytes of a file; `devices` are those of now.
pub(super) fn read(bytes: &[u8], devices: &Devices) -> Result<(Saved, FileHeader), SavedFault> {
    let body = bytes.strip_prefix(MAGIC).ok_or(SavedFault::Foreign)?;
    let mark = FileHeader {
        is_used: *body.first().ok_or(SavedFault::Damaged)? != 0,
        attempts: *body.get(1).ok_or(SavedFault::Damaged)?,
    };
    let body = bytes.get(BODY..).ok_or(SavedFault::Damaged)?;
    let (body, digest) = body.split_last_chunk::<DIGEST>().ok_or(SavedFault::Damaged)?;
    if self::digest(body) != *digest {
        return Err(SavedFault::Damaged);
    }
    let mut rest = Rest(body);
    if rest.array()? != native() {
        return Err(SavedFault::OtherMachine);
    }
    let mut saved = Saved { time: u64::from_le_bytes(rest.array()?), ..Saved::default() };
    while let Ok([kind]) = rest.array() {
        let names: usize = u16::from_le_bytes(rest.array()?).into();
        let length = u32::from_le_bytes(rest.array()?);
        let names = rest.take(names)?;
        let object = rest.take(length.try_into().map_err(|_| SavedFault::Damaged)?)?;
        saved.add(kind, names, object, devices)?;
    }
    Ok((saved, mark))
}

impl Saved {
    fn add(
        &mut self,
        kind: u8,
        names: &[u8],
        object: &[u8],
        devices: &Devices,
    ) -> Result<(), SavedFault> {
        let now = match kind {
            SA => {
                let image = SaImage::read(object, unix_seconds(), devices);
                let image = image.map_err(|_| SavedFault::Damaged)?;
                let now = devices_of(&image);
                self.sas.push(image);
                now
            }
            POLICY => {
                let image = PolicyImage::read(object, devices).map_err(|_| SavedFault::Damaged)?;
                let image = image.ok_or(SavedFault::Damaged)?;
                let now = devices_of_policy(&image);
                self.policies.push(image);
                now
            }
            _ => return Err(SavedFault::Damaged),
        };
        if now.as_bytes() == names { Ok(()) } else { Err(SavedFault::OtherDevice) }
    }
}

/// The names of the devices of an SA, of which the kernel has numbers.
fn devices_of(image: &SaImage) -> String {
    let sa = &image.entry().sa;
    let selector = sa.selector.as_ref().and_then(|it| it.device);
    names([selector, sa.offload.map(|it| it.device)])
}

fn devices_of_policy(image: &PolicyImage) -> String {
    let policy = &image.entry().policy;
    names([policy.id.selector.device, policy.offload])
}

fn names(devices: [Option<model::DeviceName>; 2]) -> String {
    devices.map(|it| it.map_or(String::new(), |it| it.to_string())).join(" ")
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SavedFault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SavedFault::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SavedFault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SavedFault::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }
}

/// A file of these bytes behind the time, with the right digest.
#[cfg(any(test, fuzzing))]
pub(super) fn of_body(records: &[u8]) -> Vec<u8> {
    let bytes = write(&Saved::default());
    let mut file = [&bytes[..bytes.len() - DIGEST], records].concat();
    let digest = Sha256::digest(&file[BODY..]);
    file.extend_from_slice(&digest);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices() -> Devices {
        Devices::of_any_socket().unwrap()
    }

    #[test]
    fn no_change_of_a_byte_is_read() {
        let saved = Saved { time: 7, ..Saved::default() };
        let bytes = write(&saved);
        let (read_back, mark) = read(&bytes, &devices()).unwrap();
        assert_eq!((read_back.time, mark), (7, FileHeader::default()));
        for place in (0..bytes.len()).filter(|place| !(HEADER..BODY).contains(place)) {
            let mut other = bytes.clone();
            other[place] ^= 1;
            let fault = if place < HEADER { SavedFault::Foreign } else { SavedFault::Damaged };
            assert_eq!(read(&other, &devices()).unwrap_err(), fault, "{place}");
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length], &devices()).is_err(), "{length}");
        }
        let mut used = bytes.clone();
        used[HEADER..HEADER + 2]
            .copy_from_slice(&FileHeader { is_used: true, attempts: 3 }.bytes());
        assert_eq!(read(&used, &devices()).unwrap().1, FileHeader { is_used: true, attempts: 3 });
    }

    #[test]
    fn records_that_make_no_sense_are_damage() {
        for record in [
            &b"S\0\0\xff\xff\xff\xff"[..],
            b"S\0\0\x04\0\0\0abcd",
            b"P\0\0\x04\0\0\0abcd",
            b"X\0\0\0\0\0\0",
            b"S\xff\xff\0\0\0\0",
            b"S\0",
        ] {
            assert_eq!(
                read(&of_body(record), &devices()).unwrap_err(),
                SavedFault::Damaged,
                "{record:?}"
            );
        }
    }
}
