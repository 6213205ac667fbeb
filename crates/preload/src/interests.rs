//! What a socket has registered for, and registering again at a service that was started again.

use std::sync::atomic::{AtomicU32, Ordering};

use pfkey::{HEADER_LENGTH as HEADER, Message, MessageType};
use rustix::{
    fd::BorrowedFd,
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
    process::getpid,
};

use crate::spin_lock::Guard;

/// The bit of a socket that is promiscuous; those below are SA types.
const PROMISCUOUS: u32 = 31;

/// The sequence number of the first socket that registers again. A program counts from 0.
const FIRST: u32 = 0x7866_0000;
static MARK: AtomicU32 = AtomicU32::new(FIRST);

/// Of one socket.
pub(crate) struct Interests {
    bits: AtomicU32,
    /// How many answers to the library's own requests are not read yet, and their number.
    awaited: AtomicU32,
    mark: AtomicU32,
}

impl Interests {
    pub(crate) const fn new() -> Self {
        Self { bits: AtomicU32::new(0), awaited: AtomicU32::new(0), mark: AtomicU32::new(0) }
    }

    pub(crate) fn forget(&self) {
        self.bits.store(0, Ordering::Relaxed);
        self.awaited.store(0, Ordering::Relaxed);
    }

    /// Learns from a request that the service has carried out, of that length.
    pub(crate) fn learn(&self, request: &Message, length: usize) {
        let is_bare = length < HEADER + 8;
        match (request.msg_type, request.satype) {
            (MessageType::REGISTER, satype) if u32::from(satype) < PROMISCUOUS => {
                self.bits.fetch_or(1 << satype, Ordering::Relaxed);
            }
            (MessageType::PROMISC, 1) if is_bare => {
                self.bits.fetch_or(1 << PROMISCUOUS, Ordering::Relaxed);
            }
            (MessageType::PROMISC, 0) if is_bare => {
                self.bits.fetch_and(!(1 << PROMISCUOUS), Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Sends on a new connection what the program had sent on the old one. The answers are awaited.
    pub(crate) fn renew(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let bits = self.bits.load(Ordering::Relaxed);
        self.mark.store(MARK.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.awaited.store(0, Ordering::Relaxed);
        for bit in (0..=PROMISCUOUS).filter(|bit| bits & (1 << bit) != 0) {
            let (kind, satype) = match u8::try_from(bit) {
                Ok(satype) if bit < PROMISCUOUS => (MessageType::REGISTER, satype),
                _ => (MessageType::PROMISC, 1),
            };
            self.awaited.fetch_add(1, Ordering::Relaxed);
            let request = self.request(kind, satype);
            send(socket, &request, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
        }
        Ok(())
    }

    fn request(&self, kind: MessageType, satype: u8) -> [u8; HEADER] {
        let mut request = [0; HEADER];
        let [a, b] = 2_u16.to_ne_bytes();
        request[..8].copy_from_slice(&[2, kind.0, 0, satype, a, b, 0, 0]);
        request[8..].copy_from_slice(&self.tail());
        request
    }

    /// The sequence number and the process of the library's own requests.
    fn tail(&self) -> [u8; 8] {
        let (seq, pid) = (self.mark.load(Ordering::Relaxed), getpid().as_raw_nonzero().get());
        let mut tail = [0; 8];
        tail[..4].copy_from_slice(&seq.to_ne_bytes());
        tail[4..].copy_from_slice(&pid.to_ne_bytes());
        tail
    }

    /// Whether a message may be there that is not for the program.
    pub(crate) fn are_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) != 0
    }

    /// Removes answers to the library's own requests from the head of the queue. It waits for a message
    /// as a call with these flags does.
    ///
    /// Errors: EAGAIN and EINTR, as from recv(2).
    pub(crate) fn pass_over(&self, socket: BorrowedFd<'_>, flags: RecvFlags) -> Result<(), Errno> {
        let wait = (flags & RecvFlags::DONTWAIT) | RecvFlags::PEEK;
        while self.are_awaited() {
            match self.is_answer_next(socket, wait) {
                Ok(true) => {}
                Err(errno @ (Errno::AGAIN | Errno::INTR)) => return Err(errno),
                // The program's own call returns it.
                Ok(false) | Err(_) => return Ok(()),
            }
            // Another thread may do the same.
            let Some(_guard) = Guard::take() else { return Ok(()) };
            let at_once = RecvFlags::DONTWAIT;
            if self.is_answer_next(socket, at_once | RecvFlags::PEEK) == Ok(true) {
                let _ = recv(socket, &mut [0; 1][..], at_once);
                self.awaited.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn is_answer_next(&self, socket: BorrowedFd<'_>, flags: RecvFlags) -> Result<bool, Errno> {
        let mut header = [0; HEADER];
        let (length, _) = recv(socket, &mut header[..], flags)?;
        let kinds = [MessageType::REGISTER, MessageType::PROMISC].map(|kind| kind.0);
        Ok(length == HEADER && kinds.contains(&header[1]) && header[8..] == self.tail())
    }
}
