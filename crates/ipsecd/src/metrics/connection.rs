use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    event::PollFlags,
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, Shutdown, getsockname, recv, send, shutdown,
        sockopt::{set_socket_linger, set_socket_send_buffer_size},
    },
};

use sys::{sockopt::peer_credentials, tcp_user::user_of_peer};

use super::request::{Request, TOO_LARGE};

/// The most bytes of a request; that of Prometheus has some 300.
const MOST: usize = 4096;

/// The most bytes behind a request that are read: a client without an end costs no more.
const MOST_IGNORED: usize = 64 << 10;

/// The bytes of an answer that the kernel keeps, and twice as much for its bookkeeping. Until all of an answer is there,
/// the end of a connection discards them, and its client gets ECONNRESET.
const SEND_BUFFER: usize = 128 << 10;

/// The time for a request and its answer.
const LIMIT: Duration = Duration::from_secs(5);

/// A connection of a client. Its socket does not block.
pub struct HttpConnection {
    socket: OwnedFd,
    /// None: it is not known.
    user: Option<u32>,
    /// It is one of TCP.
    is_at_port: bool,
    state: State,
    end: Instant,
    /// When a part of the answer was taken last, or the connection accepted.
    served: Instant,
}

enum State {
    /// The request so far.
    Reading(Vec<u8>),
    /// The answer, and how much of it was sent.
    Writing(Arc<[u8]>, usize),
    /// The answer was sent. What the client still sends is read, so many bytes, since TCP would discard the answer if the
    /// connection were closed before.
    Closing(usize),
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
        let is_at_port =
            getsockname(&socket).is_ok_and(|it| it.address_family() != AddressFamily::UNIX);
        // A socket of TCP has credentials of no user.
        let user = if is_at_port {
            user_of_peer(&socket)
        } else {
            peer_credentials(&socket).ok().map(|it| it.uid)
        };
        // What the kernel keeps is not its client's memory. Neither call fails with a socket.
        let _ = set_socket_send_buffer_size(&socket, SEND_BUFFER);
        let _ = set_socket_linger(&socket, Some(Duration::ZERO));
        let (state, end) = (State::Reading(Vec::new()), now + LIMIT);
        Self { socket, user, is_at_port, state, end, served: now }
    }

    /// What poll(2) is to wait for.
    pub fn waits_for(&self) -> PollFlags {
        match self.state {
            State::Reading(_) | State::Closing(_) => PollFlags::IN,
            State::Writing(..) => PollFlags::OUT,
        }
    }

    /// When it is closed, whatever its client does.
    pub fn end(&self) -> Instant {
        self.end
    }

    /// The user of the client, as far as the kernel finds it.
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    /// Since when its client has taken nothing of the answer.
    pub fn served(&self) -> Instant {
        self.served
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
            State::Reading(head) => read(&self.socket, head, self.is_at_port),
            State::Writing(answer, sent) => match send(&self.socket, &answer[*sent..], NO_SIGNAL) {
                Ok(count) => {
                    *sent += count;
                    self.served = Instant::now();
                    if *sent < answer.len() {
                        return Progress::Waits;
                    }
                    self.state = State::Closing(MOST_IGNORED);
                    end_answer(&self.socket).map(|()| Progress::Waits)
                }
                Err(error) => Err(error),
            },
            State::Closing(left) => receive(&self.socket, &mut [0; 4096]).map(|count| {
                *left = left.saturating_sub(count);
                if count == 0 || *left == 0 { Progress::Ended } else { Progress::Waits }
            }),
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
fn read(socket: &OwnedFd, head: &mut Vec<u8>, is_at_port: bool) -> Result<Progress, Errno> {
    let mut buffer = [0; 1024];
    let room = buffer.len().min(MOST - head.len());
    let count = receive(socket, &mut buffer[..room])?;
    if count == 0 {
        return Ok(Progress::Ended);
    }
    head.extend_from_slice(&buffer[..count]);
    Ok(match Request::read(head, is_at_port) {
        Some(request) => Progress::Requests(request),
        None if head.len() == MOST => Progress::Requests(TOO_LARGE),
        None => Progress::Waits,
    })
}

/// All of the answer is in the kernel, which sends it.
fn end_answer(socket: &OwnedFd) -> Result<(), Errno> {
    set_socket_linger(socket, None)?;
    shutdown(socket, Shutdown::Write)
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
        net::{TcpListener, TcpStream},
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
    fn the_user_of_a_closed_client_of_tcp_is_not_known() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        drop(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let (server, _) = listener.accept().unwrap();
        assert_eq!(HttpConnection::new(server.into(), Instant::now()).user(), None);
        let (_client, connection) = connection();
        assert_eq!(connection.user(), Some(rustix::process::geteuid().as_raw()));
    }

    #[test]
    fn what_comes_behind_without_an_end_is_not_read() {
        let (mut client, mut connection) = connection();
        connection.answer(request::metrics(b"# EOF\n"));
        assert_eq!(connection.progress(), Progress::Waits);
        client.set_nonblocking(true).unwrap();
        let mut sent = 0;
        while connection.progress() == Progress::Waits {
            sent += client.write(&[b'x'; 4096]).unwrap_or(0);
            assert!(sent < 4 * MOST_IGNORED, "{sent} bytes were read");
        }
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
