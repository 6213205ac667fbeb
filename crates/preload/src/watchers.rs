//! The epoll(7) instances that watch a descriptor. They watch files, and would not watch the file that
//! replaces it. What they watch for is in /proc/self/fdinfo.

use std::{
    ffi::c_int,
    mem::{ManuallyDrop, MaybeUninit},
};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fd::{BorrowedFd, FromRawFd, OwnedFd},
    fs::{CWD, Mode, OFlags, fstat, open, readlinkat_raw},
    io::{DupFlags, Errno, FdFlags, dup3, fcntl_getfd, read},
};

use crate::descriptors::{self, borrow};

/// The most instances that watch one descriptor.
const CAPACITY: usize = 16;

/// What an instance watches for.
#[derive(Clone, Copy)]
struct Watch {
    epoll: c_int,
    events: u32,
    data: u64,
}

/// The instances that watch a descriptor.
struct Watches {
    fd: c_int,
    /// The inode of its file.
    inode: u64,
    found: [Option<Watch>; CAPACITY],
}

/// Replaces the file of a descriptor, also for the epoll(7) instances that watch it. Its close-on-exec
/// flag stays as it is.
pub(crate) fn replace(fd: c_int, with: BorrowedFd<'_>) {
    let Some(old) = borrow(fd) else { return };
    let closes = fcntl_getfd(old).is_ok_and(|flags| flags.contains(FdFlags::CLOEXEC));
    let flags = if closes { DupFlags::CLOEXEC } else { DupFlags::empty() };
    keep(fd, || {
        // SAFETY: the program has that number, and goes on having it: it is not closed here.
        let mut place = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(fd) });
        dup3(with, &mut place, flags)
    });
}

/// Replaces the file of a descriptor, and has the instances that watched the old one watch the new one.
fn keep(fd: c_int, replace: impl FnOnce() -> Result<(), Errno>) {
    let mut watches = Watches { fd, inode: 0, found: [None; CAPACITY] };
    if let Some(Ok(status)) = borrow(fd).map(fstat) {
        watches.inode = status.st_ino;
        descriptors::each(&mut |epoll| watches.look_at(epoll));
    }
    // Other processes may have the old file, which would go on waking the instance.
    watches.each(|epoll, _| borrow(fd).map(|fd| epoll::delete(borrow(epoll)?, fd).ok()));
    if replace().is_ok() {
        watches.each(|epoll, watch| {
            let (data, events) =
                (EventData::new_u64(watch.data), EventFlags::from_bits_retain(watch.events));
            borrow(fd).map(|fd| epoll::add(borrow(epoll)?, fd, data, events).ok())
        });
    }
}

impl Watches {
    fn each<T>(&self, with: impl Fn(c_int, &Watch) -> T) {
        for watch in self.found.iter().flatten() {
            with(watch.epoll, watch);
        }
    }

    fn look_at(&mut self, epoll: c_int) {
        let mut room = [0; 64];
        let mut target = [MaybeUninit::uninit(); 32];
        let Ok(path) = descriptors::path(&mut room, "fd", epoll) else { return };
        let is_epoll = readlinkat_raw(CWD, path, &mut target)
            .is_ok_and(|(target, _)| target == b"anon_inode:[eventpoll]");
        if !is_epoll {
            return;
        }
        if let Ok(path) = descriptors::path(&mut room, "fdinfo", epoll) {
            let _ = each_line(path, &mut |line| self.read(epoll, line));
        }
    }

    /// `tfd:        6 events:       19 data:                6  pos:0 ino:61af sdev:5`
    fn read(&mut self, epoll: c_int, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let mut after = |label| words.find(|word| *word == label).and_then(|_| words.next());
        let Some(target) = after("tfd:") else { return };
        let (events, data) = (after("events:"), after("data:"));
        let inode = words.find_map(|word| word.strip_prefix("ino:"));
        let hexadecimal = |word: Option<&str>| u64::from_str_radix(word?, 16).ok();
        let (Ok(target), Some(events), Some(data), Some(inode)) =
            (target.parse::<c_int>(), hexadecimal(events), hexadecimal(data), hexadecimal(inode))
        else {
            return;
        };
        if (target, inode) != (self.fd, self.inode) {
            return;
        }
        if let (Some(free), Ok(events)) =
            (self.found.iter_mut().find(|it| it.is_none()), u32::try_from(events))
        {
            *free = Some(Watch { epoll, events, data });
        }
    }
}

/// Reads a file by lines. Allocates nothing; a line that does not fit is passed over.
fn each_line(path: &[u8], with: &mut dyn FnMut(&str)) -> Result<(), Errno> {
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (mut room, mut filled) = ([0; 1024], 0);
    loop {
        let length = match read(&file, &mut room[filled..])? {
            0 => return Ok(()),
            more => filled + more,
        };
        let end = room[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        room[..end]
            .split(|byte| *byte == b'\n')
            .filter_map(|it| str::from_utf8(it).ok())
            .for_each(&mut *with);
        room.copy_within(end..length, 0);
        filled = if end == 0 && length == room.len() { 0 } else { length - end };
    }
}
