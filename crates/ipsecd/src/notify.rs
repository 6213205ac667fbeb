//! What the service manager is told (sd_notify(3)).

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

use rustix::time::{ClockId, clock_gettime};
use tracing::debug;

/// The service manager, if one waits for news.
pub struct Supervisor(Option<(UnixDatagram, SocketAddr)>);

impl Supervisor {
    /// The one that `NOTIFY_SOCKET` names.
    pub fn of_environment() -> Self {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        Self(name.and_then(|name| {
            Self::at(&name).inspect_err(|error| debug!(%error, "no NOTIFY_SOCKET")).ok()
        }))
    }

    fn at(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        // Nothing waits for a manager that is busy.
        socket.set_nonblocking(true)?;
        Ok((socket, address))
    }

    /// Everything is as it should be.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// Everything is read anew; [`Supervisor::ready`] follows.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// What is going on, in a line.
    pub fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// The end is near.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// A manager that does not listen is no reason to stop.
    fn tell(&self, news: &str) {
        let Some((socket, address)) = &self.0 else { return };
        if let Err(error) = socket.send_to_addr(news.as_bytes(), address) {
            debug!(%error, "the service manager does not listen");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listener: &UnixDatagram, name: &OsStr) -> String {
        Supervisor(Some(Supervisor::at(name).unwrap())).ready("following 2 tunnels");
        let mut news = [0; 100];
        let length = listener.recv(&mut news).unwrap();
        String::from_utf8(news[..length].to_vec()).unwrap()
    }

    #[test]
    fn sockets_have_paths_or_abstract_names() {
        let expected = "READY=1\nSTATUS=following 2 tunnels";
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        assert_eq!(heard(&listener, path.as_os_str()), expected);

        let name = format!("xfrm-tools-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        assert_eq!(heard(&listener, OsStr::new(&format!("@{name}"))), expected);
    }

    #[test]
    fn nobody_need_listen() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("nobody");
        let supervisor = Supervisor(Some(Supervisor::at(path.as_os_str()).unwrap()));
        supervisor.ready("");
        let _deaf = UnixDatagram::bind(&path).unwrap();
        for _ in 0..10_000 {
            supervisor.status("more than a queue takes");
        }
        Supervisor(None).stopping();
    }
}
