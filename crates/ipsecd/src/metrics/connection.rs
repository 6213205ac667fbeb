use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    io::Errno,
    net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown},
};

use super::request::{Request, TOO_LARGE};

/// The most bytes of a request; that of Prometheus has some 300.
const MOST: usize = 4096;

/// The time for a request and its answer.
const LIMIT: Duration = Duration::from_secs(5);

/// A connection of a client. Its socket does not block.
pub struct HttpConnection {
    socket: OwnedFd,
    state: State,
    end: Instant,
}

enum State {
    /// The request so far.
    Reading(Vec<u8>),
    /// The answer, and how much of it was sent.
    Writing(Arc<[u8]>, usize),
    /// The answer was sent. What the client still sends is read, since TCP would discard the answer if the connection
    /// were closed before.
    Closing,
}

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It waits for its client.
    Waits,
    /// Its request is whole, and has no answer yet.
    Requests(Request),
    /// It is to be closed.
    Ended,
}

impl HttpConnection {
    /// A connection that was accepted now.
    pub fn new(socket: OwnedFd, now: Instant) -> Self {
        Self { socket, state: State::Reading(Vec::new()), end: now + LIMIT }
    }

    /// What poll(2) is to wait for.
    pub fn waits_for(&self) -> PollFlags {
        match self.state {
            State::Reading(_) | State::Closing => PollFlags::IN,
            State::Writing(..) => PollFlags::OUT,
        }
    }

    /// When it is closed, whatever its client does.
    pub fn end(&self) -> Instant {
        self.end
    }

    /// Whether it waits for its request to be whole.
    pub fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    /// Sets the answer, which is sent from now on.
    pub fn answer(&mut self, answer: Arc<[u8]>) {
        self.state = State::Writing(answer, 0);
    }

    /// Reads or writes what is possible now.
    pub fn progress(&mut self) -> Progress {
        let progress = match &mut self.state {
            State::Reading(head) => read(&self.socket, head),
            State::Writing(answer, sent) => match send(&self.socket, &answer[*sent..], NO_SIGNAL) {
                Ok(count) => {
                    *sent += count;
                    if *sent < answer.len() {
                        return Progress::Waits;
                    }
                    self.state = State::Closing;
                    shutdown(&self.socket, Shutdown::Write).map(|()| Progress::Waits)
                }
                Err(error) => Err(error),
            },
            State::Closing => receive(&self.socket, &mut [0; 1024])
                .map(|count| if count == 0 { Progress::Ended } else { Progress::Waits }),
        };
        match progress {
            Err(Errno::AGAIN | Errno::INTR) => Progress::Waits,
            progress => progress.unwrap_or(Progress::Ended),
        }
    }
}

/// A client that has gone is no reason for SIGPIPE.
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;

/// Reads a part of a request.
fn read(socket: &OwnedFd, head: &mut Vec<u8>) -> Result<Progress, Errno> {
    let mut buffer = [0; 1024];
    let room = buffer.len().min(MOST - head.len());
    let count = receive(socket, &mut buffer[..room])?;
    if count == 0 {
        return Ok(Progress::Ended);
    }
    head.extend_from_slice(&buffer[..count]);
    Ok(match Request::read(head) {
        Some(request) => Progress::Requests(request),
        None if head.len() == MOST => Progress::Requests(TOO_LARGE),
        None => Progress::Waits,
    })
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    recv(socket, buffer, RecvFlags::empty()).map(|(count, _)| count)
}

impl AsFd for HttpConnection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        iter,
        os::unix::net::UnixStream,
    };

    use super::*;
    use crate::metrics::request;

    fn connection() -> (UnixStream, HttpConnection) {
        let (client, server) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        (client, HttpConnection::new(server.into(), Instant::now()))
    }

    /// As the service: the first progress that is no waiting.
    fn next(connection: &mut HttpConnection) -> Progress {
        let all = iter::repeat_with(|| connection.progress()).take(16);
        all.fold(Progress::Waits, |first, it| if first == Progress::Waits { it } else { first })
    }

    #[test]
    fn an_endless_request_has_a_limit_and_an_answer() {
        let (mut client, mut connection) = connection();
        assert_eq!(connection.progress(), Progress::Waits);
        client.write_all(&[b'x'; 3 * MOST]).unwrap();
        assert_eq!(next(&mut connection), Progress::Requests(TOO_LARGE));
        let State::Reading(head) = &connection.state else { panic!("no request") };
        assert_eq!(head.len(), MOST);

        connection.answer(request::refusal("431 Too Large", "too large"));
        assert_eq!(next(&mut connection), Progress::Waits);
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 Too Large\r\n"), "{answer}");
        client.write_all(b"more").unwrap();
        assert_eq!(connection.progress(), Progress::Waits);
        drop(client);
        assert_eq!(next(&mut connection), Progress::Ended);
    }

    #[test]
    fn a_request_may_come_in_parts_and_its_answer_be_read_in_parts() {
        let (mut client, mut connection) = connection();
        for part in ["GET /met", "rics HTTP/1.1\r", "\nHost: x\r\n\r"] {
            client.write_all(part.as_bytes()).unwrap();
            assert_eq!(connection.progress(), Progress::Waits, "{part}");
        }
        client.write_all(b"\n").unwrap();
        assert_eq!(connection.progress(), Progress::Requests(Request::Metrics));
        let text = vec![b'x'; 1 << 20];
        connection.answer(request::metrics(&text));
        let mut received = 0;
        while connection.waits_for() == PollFlags::OUT {
            assert_eq!(next(&mut connection), Progress::Waits);
            received += client.read(&mut vec![0; 1 << 20]).unwrap();
        }
        received += client.read_to_end(&mut Vec::new()).unwrap();
        assert!(received > text.len());
    }

    #[test]
    fn a_client_that_has_gone_ends_its_connection() {
        let (client, mut connection) = connection();
        drop(client);
        assert_eq!(connection.progress(), Progress::Ended);
        connection.answer(request::metrics(b"# EOF\n"));
        assert_eq!(connection.progress(), Progress::Ended);
    }
}
