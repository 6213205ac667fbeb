use std::os::fd::AsFd;

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, retry_on_intr},
};

/// Whether the other end of a connection was closed. It does not wait, allocate or lock.
///
/// Errors: those of poll(2) but EINTR.
pub fn is_hung_up(socket: impl AsFd) -> Result<bool, Errno> {
    let mut files = [PollFd::new(&socket, PollFlags::empty())];
    retry_on_intr(|| poll(&mut files, Some(&Timespec::default())))?;
    Ok(files[0].revents().contains(PollFlags::HUP))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_connection_is_hung_up_when_the_other_end_is_closed() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        assert_eq!(is_hung_up(&ours), Ok(false));
        drop(theirs);
        assert_eq!(is_hung_up(&ours), Ok(true));
    }
}
