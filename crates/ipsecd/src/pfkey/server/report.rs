//! The report of the clients, which `ipsecctl show clients` prints.

use std::{io::Write, os::unix::net::UnixStream, thread, time::Duration};

use model::SaType;
use serde_json::{Value, json};
use tracing::debug;

use crate::{
    listener::Listener,
    pfkey::{
        session::{Session, peer::Peer},
        sessions::Sessions,
    },
};

/// How long a reader may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a report to the readers that have connected: a JSON object a client, each on a line.
pub(super) fn answer(reporter: &Listener, sessions: &Sessions) {
    while let Ok(Some(socket)) = reporter.accept() {
        let lines = sessions.iter().map(|session| row(session).to_string() + "\n");
        let lines = lines.collect::<String>();
        // The server does not wait for a slow reader.
        let sent = thread::Builder::new().spawn(move || send(socket.into(), &lines));
        if let Err(error) = sent {
            debug!(%error, "report thread not started");
        }
    }
}

fn send(mut reader: UnixStream, lines: &str) {
    let sent = reader
        .set_write_timeout(Some(WRITE_TIMEOUT))
        .and_then(|()| reader.write_all(lines.as_bytes()));
    if let Err(error) = sent {
        debug!(%error, "report not sent");
    }
}

fn row(session: &Session) -> Value {
    let is_registered = |sa_type: &&SaType| session.registered() & 1 << sa_type.pfkey_number() != 0;
    let types = SaType::ALL.iter().filter(is_registered);
    let Peer { pid, uid, program } = session.peer();
    json!({
        "pid": pid,
        "program": program,
        "uid": uid,
        "registered": types.map(|sa_type| sa_type.word()).collect::<Vec<_>>(),
        "promiscuous": session.is_promiscuous(),
        "queued_bytes": session.queued(),
        "lost_messages": session.lost(),
    })
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::pfkey::session::SessionId;

    #[test]
    fn a_client_is_a_line() {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (socket, _other) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        let peer = Peer { pid: 42, uid: 0, program: "racoon".into() };
        let mut session = Session::new(SessionId::new(1), socket, peer);
        assert!(session.register(2) && session.register(9));
        assert_eq!(
            row(&session).to_string(),
            r#"{"pid":42,"program":"racoon","uid":0,"registered":["ah","ipcomp"],"promiscuous":false,"queued_bytes":0,"lost_messages":0}"#
        );
    }
}
