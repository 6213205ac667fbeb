//! A stand-in for the PF_KEY service that ends and is started again: it sends every message back, and
//! broadcasts a message when a test calls for it.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    net::{
        AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketType, accept, bind,
        listen, recv, send, shutdown, socket,
    },
};

/// `sizeof(struct sadb_msg)`.
pub type Header = [u8; 16];

pub struct Restarting {
    directory: tempfile::TempDir,
    running: Option<Running>,
}

struct Running {
    listener: Arc<OwnedFd>,
    clients: Clients,
    accepting: thread::JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Clients {
    connections: Arc<Mutex<Vec<Arc<OwnedFd>>>>,
    received: Arc<Mutex<Vec<Header>>>,
}

impl Restarting {
    pub fn start() -> Self {
        let mut service = Self { directory: tempfile::tempdir().unwrap(), running: None };
        service.start_again();
        service
    }

    pub fn start_again(&mut self) {
        self.listen(Clients::let_in);
    }

    /// Listens, and closes every connection at once.
    pub fn turn_away(&mut self) {
        self.listen(|_, connection| drop(connection));
    }

    fn listen(&mut self, admit: fn(&Clients, OwnedFd)) {
        let listener = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(self.socket()).unwrap()).unwrap();
        listen(&listener, 64).unwrap();
        let (listener, clients) = (Arc::new(listener), Clients::default());
        let (accepted, admitted) = (Arc::clone(&listener), clients.clone());
        let accepting = thread::spawn(move || {
            while let Ok(connection) = accept(&accepted) {
                admit(&admitted, connection);
            }
        });
        self.running = Some(Running { listener, clients, accepting });
    }

    /// Ends every connection, and leaves its socket, on which no process listens.
    pub fn stop(&mut self) {
        let Running { listener, clients, accepting } = self.running.take().unwrap();
        shutdown(&listener, Shutdown::Both).unwrap();
        accepting.join().unwrap();
        drop(listener);
        for connection in &*clients.connections.lock().unwrap() {
            let _ = shutdown(connection, Shutdown::Both);
        }
        fs::remove_file(self.socket()).unwrap();
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("pfkey.sock")
    }

    /// Has a command and all that it starts use this service.
    pub fn for_command<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("XFRM_TOOLS_PFKEY_SOCKET", self.socket()).env("XFRM_TOOLS_PFKEY", "service")
    }

    fn clients(&self) -> &Clients {
        &self.running.as_ref().unwrap().clients
    }

    /// Waits until that many are connected.
    pub fn wait_for_clients(&self, count: usize) {
        wait_until(|| self.clients().connections.lock().unwrap().len() >= count);
    }

    /// The headers of what has come since the start, once they are that many.
    pub fn received(&self, count: usize) -> Vec<Header> {
        wait_until(|| self.clients().received.lock().unwrap().len() >= count);
        self.clients().received.lock().unwrap().clone()
    }

    /// Sends a message to every client.
    pub fn broadcast(&self, message: Header) {
        for connection in &*self.clients().connections.lock().unwrap() {
            let _ = send(connection, &message, SendFlags::NOSIGNAL);
        }
    }
}

impl Clients {
    fn let_in(&self, connection: OwnedFd) {
        let (connection, received) = (Arc::new(connection), Arc::clone(&self.received));
        self.connections.lock().unwrap().push(Arc::clone(&connection));
        thread::spawn(move || {
            let mut message: Header = [0; 16];
            // It is taken when it has been answered.
            while let Ok((16, _)) = recv(&connection, &mut message[..], RecvFlags::PEEK) {
                received.lock().unwrap().push(message);
                let _ = send(&connection, &message, SendFlags::NOSIGNAL);
                let _ = recv(&connection, &mut message[..], RecvFlags::empty());
            }
        });
    }
}

pub fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for too long");
        thread::sleep(Duration::from_millis(5));
    }
}
