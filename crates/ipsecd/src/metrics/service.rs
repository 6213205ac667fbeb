use std::{
    cmp::Reverse,
    io::{self, PipeReader},
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use metrics::By;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::retry_on_intr,
};
use tracing::{info, warn};

use super::{
    Address,
    connection::{HttpConnection, Progress},
    listener::Listener,
    request::{Request, refusal},
    text::MetricsText,
};
use crate::{Error, Handover};

/// The most connections at a time. A further one takes the place of another.
const MOST: usize = 32;

/// Connections that are accepted before the others are served.
const TURN: usize = 16;

/// The pause after accept(2) has failed, which a lack of descriptors causes most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The service for metrics of a network namespace.
pub struct Service {
    listener: Listener,
    by: Mutex<By>,
}

/// What lasts while the service serves.
#[derive(Default)]
pub struct State {
    connections: Vec<HttpConnection>,
    text: MetricsText,
    /// accept(2) has failed, which was logged.
    has_failed: bool,
}

/// What poll(2) has found.
struct Ready {
    is_woken: bool,
    has_client: bool,
    connections: Vec<bool>,
}

impl Service {
    /// Listens at an address, or with a socket of the service manager. `None` if there is neither. `directory` is that
    /// of the network namespace.
    ///
    /// Errors: [`Error::MetricsSocket`], [`Error::Socket`], [`Error::AnotherService`].
    pub fn open(
        address: Option<Address>,
        by: By,
        directory: &Path,
        handover: &mut Handover,
    ) -> Result<Option<Self>, Error> {
        let listener = Listener::open(address, directory, handover)?;
        Ok(listener.map(|listener| {
            let address = listener.address();
            info!(service = "metrics", address, by = by.word(), "listening");
            Self { listener, by: Mutex::new(by) }
        }))
    }

    /// Adds the listening socket to a handover to the program that this process executes.
    pub fn hand_over(&self, handover: &mut Handover) -> io::Result<()> {
        self.listener.hand_over(handover)
    }

    /// A series is for this from now on.
    pub fn reload(&self, by: By) {
        *self.by.lock().unwrap_or_else(PoisonError::into_inner) = by;
    }

    /// Serves until `wake` can be read. It needs CAP_NET_ADMIN and nothing else.
    ///
    /// Errors: [`Error::Poll`].
    pub fn run(&self, state: &mut State, wake: &PipeReader) -> Result<(), Error> {
        loop {
            let ready = self.wait(wake, &state.connections)?;
            if ready.is_woken {
                return Ok(());
            }
            let State { connections, text, .. } = state;
            let now = Instant::now();
            let mut is_ready = ready.connections.into_iter();
            connections.retain_mut(|connection| {
                let is_ready = is_ready.next().unwrap_or(false);
                connection.end() > now && (!is_ready || self.serve(connection, text))
            });
            if ready.has_client {
                self.accept(state);
            }
        }
    }

    fn wait(&self, wake: &PipeReader, connections: &[HttpConnection]) -> Result<Ready, Error> {
        let mut polled =
            vec![PollFd::new(wake, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
        polled.extend(connections.iter().map(|it| PollFd::new(it, it.waits_for())));
        let now = Instant::now();
        let left = connections.iter().map(|it| it.end().saturating_duration_since(now)).min();
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        retry_on_intr(|| poll(&mut polled, timeout.as_ref()))
            .map_err(|errno| Error::Poll(errno.into()))?;
        let mut ready = polled.iter().map(|it| !it.revents().is_empty());
        Ok(Ready {
            is_woken: ready.next().unwrap_or(false),
            has_client: ready.next().unwrap_or(false),
            connections: ready.collect(),
        })
    }

    /// Accepts the clients that wait. A client that sends its request at once has its answer before another one can
    /// take its place.
    fn accept(&self, state: &mut State) {
        let State { connections, text, has_failed } = state;
        for _ in 0..TURN {
            match self.listener.accept() {
                Ok(Some(socket)) => {
                    let mut connection = HttpConnection::new(socket, Instant::now());
                    if self.serve(&mut connection, text) {
                        make_room(connections, &connection);
                        connections.push(connection);
                    }
                }
                Ok(None) => break,
                Err(errno) => {
                    if !*has_failed {
                        warn!(service = "metrics", %errno, "accept failed");
                    }
                    *has_failed = true;
                    return thread::sleep(ACCEPT_PAUSE);
                }
            }
        }
        *has_failed = false;
    }

    /// Serves a connection as far as possible; whether it goes on.
    fn serve(&self, connection: &mut HttpConnection, text: &mut MetricsText) -> bool {
        loop {
            let answer = match connection.progress() {
                Progress::Waits => return true,
                Progress::Ended => return false,
                Progress::Requests(Request::Refused(status)) => refusal(status, status),
                Progress::Requests(Request::Metrics) => {
                    text.answer(*self.by.lock().unwrap_or_else(PoisonError::into_inner))
                }
            };
            connection.answer(answer);
        }
    }
}

/// Closes a connection if there are as many as there may be, one of the user who has the most with the next: one without
/// a whole request, or else that whose client has taken nothing of its answer for the longest time. So no user takes the
/// places of another.
fn make_room(connections: &mut Vec<HttpConnection>, next: &HttpConnection) {
    if connections.len() < MOST {
        return;
    }
    let count = |user| connections.iter().chain([next]).filter(|it| it.user() == user).count();
    let rank = |it: &HttpConnection| (Reverse(count(it.user())), !it.is_reading(), it.served());
    let places = connections.iter().enumerate();
    let place = places.min_by_key(|(_, it)| rank(it)).map(|(place, _)| place);
    if let Some(place) = place {
        connections.remove(place);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read, Write, pipe},
        os::unix::net::UnixStream,
    };

    use super::*;

    const GET: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

    /// Clients that send nothing, a part of a request, or bytes of another protocol do not keep another client waiting.
    #[test]
    fn slow_and_hostile_clients_stop_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut handover = Handover::default();
        let service = Service::open(Some(Address::Unix), By::Peer, directory.path(), &mut handover);
        let service = service.unwrap().unwrap();
        let (woken, mut wake) = pipe().unwrap();
        let serving = thread::spawn(move || service.run(&mut State::default(), &woken).is_ok());
        let connect = || UnixStream::connect(directory.path().join("metrics.sock")).unwrap();
        let ask = |request: &str| {
            let mut client = connect();
            client.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            answer
        };
        // Without CAP_NET_ADMIN the tables cannot be read.
        let is_answered = |answer: &str| {
            let is_text = answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("# EOF\n");
            is_text || answer.starts_with("HTTP/1.1 503 ")
        };
        assert!(is_answered(&ask(GET)));
        let begun = Instant::now();
        let mut slow: Vec<_> = (0..3 * MOST).map(|_| connect()).collect();
        for client in slow.iter_mut().step_by(2) {
            // Its place may have been taken.
            let _ = client.write_all(b"GET /metrics HTTP/1.1\r\nX: ");
        }
        assert!(ask("\x16\x03\x01\r\n\r\n").starts_with("HTTP/1.1 400 "));
        let answer = ask(GET);
        assert!(is_answered(&answer), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(5), "no client has waited for another's end");
        // Those that were served last have their places until their time is over. The others have an end, or an error if
        // the service had not read what they had sent.
        let open = |client: &mut UnixStream| {
            client.set_nonblocking(true).unwrap();
            client.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        };
        let remaining = slow.iter_mut().filter_map(|it| open(it).then_some(())).count();
        assert!((1..=MOST).contains(&remaining), "{remaining}");
        wake.write_all(&[0]).unwrap();
        assert!(serving.join().unwrap());
    }
}
