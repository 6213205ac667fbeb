//! What replaces a socket while there is no service: a descriptor that is readable when
//! the service may be back, and not before, as a PF_KEY socket on which no message arrives.

use std::{
    ffi::c_int,
    path::Path,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{
        FileType, fstat,
        inotify::{self, CreateFlags, WatchFlags},
    },
    io::{Errno, ioctl_fionbio, ioctl_fionread, read},
    net::SocketAddrUnix,
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_gettime, timerfd_settime,
    },
};

use crate::descriptors::borrow;

/// The most clients: an index is below it.
pub(crate) const CAPACITY: usize = 64;

/// How often a placeholder is readable where inotify(7) cannot watch for the service.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_OF_TIMER: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The descriptors: their number in the lower half, in the upper one the socket's index in the table,
/// counted from 1.
static DESCRIPTORS: [AtomicU64; CAPACITY] = [const { AtomicU64::new(0) }; CAPACITY];
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// What a placeholder waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// A change where the service listens.
    Change,
    /// A second has passed.
    Pause,
}

/// Makes a placeholder for a service.
pub(crate) fn make(service: &SocketAddrUnix, blocks: bool, until: Until) -> Result<OwnedFd, Errno> {
    if until == Until::Change
        && let Ok(placeholder) = inotify::init(CreateFlags::CLOEXEC)
        && watch(placeholder.as_fd(), service).is_ok()
    {
        ioctl_fionbio(&placeholder, !blocks)?;
        return Ok(placeholder);
    }
    let placeholder = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    let often = Itimerspec { it_interval: PAUSE_OF_TIMER, it_value: PAUSE_OF_TIMER };
    timerfd_settime(&placeholder, TimerfdTimerFlags::empty(), &often)?;
    ioctl_fionbio(&placeholder, !blocks)?;
    Ok(placeholder)
}

/// Watches the directory of the service, or the nearest directory above it that is there.
fn watch(placeholder: BorrowedFd<'_>, service: &SocketAddrUnix) -> Result<(), Errno> {
    let path = service.path_bytes().and_then(|path| str::from_utf8(path).ok());
    let changes = WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF;
    let mut above = Path::new(path.ok_or(Errno::INVAL)?).ancestors().skip(1);
    let watches = |directory| inotify::add_watch(placeholder, directory, changes).is_ok();
    above.any(watches).then_some(()).ok_or(Errno::NOENT)
}

/// Records a descriptor of a placeholder.
pub(crate) fn enter(fd: c_int, index: usize) {
    let entry = (index as u64 + 1) << 32 | u64::from(fd.cast_unsigned());
    for free in &DESCRIPTORS {
        if free.compare_exchange(0, entry, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            COUNT.fetch_add(1, Ordering::Release);
            return;
        }
    }
}

/// Removes the record of a descriptor.
pub(crate) fn leave(fd: c_int) {
    for entry in &DESCRIPTORS {
        let found = entry.load(Ordering::Acquire);
        if found != 0
            && number(found) == fd
            && entry.compare_exchange(found, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            COUNT.fetch_sub(1, Ordering::Release);
        }
    }
}

/// The index in the table of the socket whose placeholder a descriptor is.
pub(crate) fn client_index(fd: c_int) -> Option<usize> {
    if COUNT.load(Ordering::Acquire) == 0 {
        return None;
    }
    let entries = DESCRIPTORS.iter().map(|entry| entry.load(Ordering::Acquire));
    let found = entries.into_iter().find(|entry| *entry != 0 && number(*entry) == fd)?;
    // The program may have closed it, and have another file of that number.
    is_placeholder(borrow(fd)?).then(|| (found >> 32) as usize - 1)
}

fn number(entry: u64) -> c_int {
    // The lower half, of a number that is not negative.
    c_int::try_from(entry & u64::from(u32::MAX)).unwrap_or(-1)
}

fn is_placeholder(descriptor: BorrowedFd<'_>) -> bool {
    // Files of no directory have no type; of those, only inotify reports how much there is to read.
    let has_no_type = || {
        fstat(descriptor).is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Unknown)
    };
    has_no_type() && (ioctl_fionread(descriptor).is_ok() || looks_often(descriptor))
}

/// Whether it is readable every second.
pub(crate) fn looks_often(descriptor: BorrowedFd<'_>) -> bool {
    timerfd_gettime(descriptor).is_ok_and(|timer| timer.it_interval == PAUSE_OF_TIMER)
}

/// Reads its events, and watches what there is by now. Whether there were any events.
pub(crate) fn take_events(placeholder: BorrowedFd<'_>, service: &SocketAddrUnix) -> bool {
    let (mut events, mut has_events) = ([0; 4096], false);
    while is_readable(placeholder, Duration::ZERO) == Ok(true) {
        if read(placeholder, &mut events).is_err() {
            break;
        }
        has_events = true;
    }
    // On a timer, it fails.
    let _ = watch(placeholder, service);
    has_events
}

/// Waits until the service may be back. EAGAIN when the time is over, EINTR after a signal.
pub(crate) fn wait(placeholder: BorrowedFd<'_>, time: Duration) -> Result<(), Errno> {
    is_readable(placeholder, time)?.then_some(()).ok_or(Errno::AGAIN)
}

/// Whether there is something to read before the time is over.
pub(crate) fn is_readable(placeholder: BorrowedFd<'_>, time: Duration) -> Result<bool, Errno> {
    let time = Timespec::try_from(time).map_err(|_| Errno::INVAL)?;
    poll(&mut [PollFd::from_borrowed_fd(placeholder, PollFlags::IN)], Some(&time))
        .map(|ready| ready > 0)
}
