//! A socket that lingers is closed at once.
//!
//! A test of its own process: a descriptor table that is copied keeps the sockets of other tests open,
//! and theirs this one.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};
use sys::close::close_without_lingering;

/// A connection whose close waits for a peer that does not read, and its listener.
fn lingering() -> (TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    // Far less than a queue to send: whatever is written, not all of it fits.
    set_socket_recv_buffer_size(&listener, 1 << 12).expect("a size");
    let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    client.set_nonblocking(true).expect("a socket");
    while client.write(&[0; 1 << 12]).is_ok() {}
    // It waits only if it may block.
    client.set_nonblocking(false).expect("a socket");
    set_socket_linger(&client, Some(Duration::from_secs(3))).expect("a socket");
    (client, listener)
}

#[test]
fn a_lingering_socket_is_closed_at_once() {
    let (socket, _listener) = lingering();
    let begun = Instant::now();
    close_without_lingering(vec![socket.into()]);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // Otherwise the test proves nothing.
    let (socket, _listener) = lingering();
    let begun = Instant::now();
    drop(socket);
    assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
}
