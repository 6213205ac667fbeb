//! Those who wait for a descriptor by epoll(7), which knows files and would forget the new one.
//! What they have asked for stands in /proc/self/fdinfo.

use std::{ffi::c_int, mem::MaybeUninit};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    fs::{CWD, Mode, OFlags, fstat, open, readlinkat_raw},
    io::{Errno, read},
};

use crate::descriptors::{self, borrow};

/// How many may wait for one descriptor.
const MANY: usize = 16;

/// What one has asked for.
#[derive(Clone, Copy)]
struct Watch {
    epoll: c_int,
    events: u32,
    data: u64,
}

/// Those who wait for a descriptor.
struct Watches {
    fd: c_int,
    /// Of the file that it means.
    inode: u64,
    found: [Option<Watch>; MANY],
}

/// Has those who wait for a descriptor wait for what it means after `replace`.
pub(crate) fn keep(fd: c_int, replace: impl FnOnce() -> Result<(), Errno>) {
    let mut watches = Watches { fd, inode: 0, found: [None; MANY] };
    if let Some(Ok(status)) = borrow(fd).map(fstat) {
        watches.inode = status.st_ino;
        descriptors::each(&mut |epoll| watches.look_at(epoll));
    }
    // Others may have the old file; it would go on waking.
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

/// Reads a file by lines. Allocates nothing; what does not fit is no line of interest.
fn each_line(path: &[u8], with: &mut dyn FnMut(&str)) -> Result<(), Errno> {
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (mut room, mut kept) = ([0; 1024], 0);
    loop {
        let length = match read(&file, &mut room[kept..])? {
            0 => return Ok(()),
            more => kept + more,
        };
        let end = room[..length].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        room[..end]
            .split(|byte| *byte == b'\n')
            .filter_map(|it| str::from_utf8(it).ok())
            .for_each(&mut *with);
        room.copy_within(end..length, 0);
        kept = if end == 0 && length == room.len() { 0 } else { length - end };
    }
}
