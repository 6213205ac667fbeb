//! The report of the clients, which `ipsecctl show clients` prints.

use std::os::fd::OwnedFd;

use model::SaType;
use rustix::net::{SendFlags, send as send_bytes};
use serde_json::{Value, json};
use tracing::debug;

use crate::pfkey::{
    session::{Session, peer::Peer},
    sessions::Sessions,
};

/// Sends a report to a reader that has connected: a JSON object a client, each on a line. The server
/// does not wait for it: a new connection has room for the report of as many clients as it admits.
pub(super) fn send(reader: &OwnedFd, sessions: &Sessions) {
    let lines = sessions.iter().map(|session| row(session).to_string() + "\n");
    let lines = lines.collect::<String>();
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    match send_bytes(reader, lines.as_bytes(), flags) {
        Ok(sent) if sent == lines.len() => {}
        Ok(sent) => debug!(sent, "report cut"),
        Err(errno) => debug!(%errno, "report not sent"),
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
    use crate::pfkey::session::{QueuedMemory, SessionId};

    #[test]
    fn a_client_is_a_line() {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (socket, _other) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        let peer = Peer { pid: 42, uid: 0, program: "racoon".into() };
        let mut session = Session::new(SessionId::new(1), socket, peer, QueuedMemory::default());
        assert!(session.register(2) && session.register(9));
        assert_eq!(
            row(&session).to_string(),
            r#"{"pid":42,"program":"racoon","uid":0,"registered":["ah","ipcomp"],"promiscuous":false,"queued_bytes":0,"lost_messages":0}"#
        );
    }
}
