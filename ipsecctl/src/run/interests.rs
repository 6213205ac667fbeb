//! What a socket has registered for, and registering again on the connection that takes its place.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use pfkey::{HEADER_LENGTH as HEADER, Message, MessageType};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::BorrowedFd,
    io::{Errno, retry_on_intr},
    net::{RecvFlags, SendFlags, recv, send},
};

/// How many SA types are kept, from 0.
const TYPES: u8 = 16;

/// How long a service may take to answer all of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The sequence number of the first request of the supervisor's own. A program counts from 0.
static SEQUENCE: AtomicU32 = AtomicU32::new(0x7866_8000);

/// Of one socket.
#[derive(Clone, Copy, Default)]
pub struct Interests {
    /// A bit for each SA type.
    types: u16,
    promiscuous: bool,
}

impl Interests {
    /// Learns from a request that was sent, of that length.
    pub fn learn(&mut self, request: &Message, length: usize) {
        match (request.msg_type, request.satype) {
            (MessageType::REGISTER, satype) if satype < TYPES => self.types |= 1 << satype,
            // With something behind the header it is no request.
            (MessageType::PROMISC, whether @ (0 | 1)) if length < HEADER + 8 => {
                self.promiscuous = whether == 1;
            }
            _ => {}
        }
    }

    /// Sends on a new connection what the program had sent on the old one, and reads the answers.
    /// Other messages that come in between are lost.
    pub fn renew(self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let requests = self.requests();
        for request in &requests {
            let bytes = request.encode().map_err(|_| Errno::INVAL)?;
            send(socket, &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
        }
        let end = Instant::now() + PATIENCE;
        let mut awaited = requests.len();
        while awaited > 0 {
            awaited -= usize::from(is_answer(&requests, receive(socket, end)?));
        }
        Ok(())
    }

    /// The one for promiscuity last: the program would receive copies of the other answers.
    fn requests(self) -> Vec<Message> {
        let types = (0..TYPES).filter(|satype| self.types & (1 << satype) != 0);
        let registers = types.map(|satype| Message::new(MessageType::REGISTER, satype));
        let promiscuous = self.promiscuous.then(|| Message::new(MessageType::PROMISC, 1));
        let number = SEQUENCE.fetch_add(1, Ordering::Relaxed);
        let all = registers.chain(promiscuous);
        all.map(|request| request.numbered(number, process::id())).collect()
    }
}

/// Whether a header is that of an answer to one of the requests, which have the same number.
fn is_answer(requests: &[Message], header: [u8; HEADER]) -> bool {
    let answers = |request: &Message| {
        let tail = [request.seq.to_ne_bytes(), request.pid.to_ne_bytes()].concat();
        (header[1], &header[8..]) == (request.msg_type.0, &tail[..])
    };
    requests.iter().any(answers)
}

/// The header of the next message. Errors: ETIMEDOUT, and ECONNRESET at the end.
fn receive(socket: BorrowedFd<'_>, end: Instant) -> Result<[u8; HEADER], Errno> {
    let rest = end.checked_duration_since(Instant::now()).ok_or(Errno::TIMEDOUT)?;
    let rest = Timespec::try_from(rest).map_err(|_| Errno::INVAL)?;
    let mut files = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
    if retry_on_intr(|| poll(&mut files, Some(&rest)))? == 0 {
        return Err(Errno::TIMEDOUT);
    }
    let mut header = [0; HEADER];
    match recv(socket, &mut header[..], RecvFlags::DONTWAIT)? {
        (0, _) => Err(Errno::CONNRESET),
        _ => Ok(header),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::{
        fd::AsFd,
        net::{AddressFamily, SocketFlags, SocketType, socketpair},
    };

    use super::*;

    fn learnt() -> Interests {
        let mut interests = Interests::default();
        for (kind, satype, length) in [
            (MessageType::REGISTER, 3, HEADER),
            (MessageType::REGISTER, 2, HEADER),
            (MessageType::REGISTER, 200, HEADER),
            (MessageType::DUMP, 9, HEADER),
            (MessageType::PROMISC, 1, HEADER),
            (MessageType::PROMISC, 0, HEADER + 8),
        ] {
            interests.learn(&Message::new(kind, satype), length);
        }
        interests
    }

    #[test]
    fn registers_come_first_and_promiscuity_last() {
        let types = |interests: Interests| {
            let requests = interests.requests();
            requests.iter().map(|it| (it.msg_type.0, it.satype)).collect::<Vec<_>>()
        };
        assert_eq!(types(learnt()), [(7, 2), (7, 3), (11, 1)]);
        let mut fewer = learnt();
        fewer.learn(&Message::new(MessageType::PROMISC, 0), HEADER);
        assert_eq!(types(fewer), [(7, 2), (7, 3)]);
        assert_eq!(types(Interests::default()), []);
    }

    #[test]
    fn its_answers_are_read_and_no_more() {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (ours, theirs) = socketpair(family, kind, SocketFlags::empty(), None).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..3 {
                    let mut request = [0; HEADER];
                    recv(&theirs, &mut request[..], RecvFlags::empty()).unwrap();
                    // A broadcast between answers, and one after them.
                    let broadcast = &[if number == 2 { 9 } else { 6 }; 40][..];
                    let answer = &[&request[..], &[0; 8]].concat()[..];
                    let messages =
                        if number == 2 { [answer, broadcast] } else { [broadcast, answer] };
                    for message in messages {
                        send(&theirs, message, SendFlags::empty()).unwrap();
                    }
                }
            });
            assert_eq!(learnt().renew(ours.as_fd()), Ok(()));
        });
        assert_eq!(receive(ours.as_fd(), Instant::now() + PATIENCE), Ok([9; HEADER]));
        drop(theirs);
        assert_eq!(learnt().renew(ours.as_fd()), Err(Errno::PIPE));
    }
}
