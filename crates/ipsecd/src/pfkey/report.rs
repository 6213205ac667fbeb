use std::{io::Write, os::unix::net::UnixStream, thread, time::Duration};

use serde_json::{Value, json};
use tracing::debug;

use super::{broadcast::Clients, client::Client};
use crate::listener::Listener;

/// `SADB_SATYPE_*` (linux/pfkeyv2.h) by name.
const SA_TYPES: [(u8, &str); 7] =
    [(2, "ah"), (3, "esp"), (5, "rsvp"), (6, "ospfv2"), (7, "ripv2"), (8, "mip"), (9, "ipcomp")];

/// How long somebody may take to read a report.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tells of the clients to those who have connected to ask: one JSON object a line, and the end.
pub(super) fn answer(reporter: &Listener, clients: &Clients) {
    while let Ok(Some(socket)) = reporter.accept() {
        let lines = clients.iter().map(|client| said_of(client).to_string() + "\n");
        let lines = lines.collect::<String>();
        // Nobody else waits for a slow reader.
        let sent = thread::Builder::new().spawn(move || send(socket.into(), &lines));
        if let Err(error) = sent {
            debug!(%error, "nothing is told of the clients");
        }
    }
}

fn send(mut reader: UnixStream, lines: &str) {
    let sent =
        reader.set_write_timeout(Some(PATIENCE)).and_then(|()| reader.write_all(lines.as_bytes()));
    if let Err(error) = sent {
        debug!(%error, "the reader of a report has gone");
    }
}

fn said_of(client: &Client) -> Value {
    let types = SA_TYPES.iter().filter(|(bit, _)| client.registered & 1 << bit != 0);
    json!({
        "pid": client.peer.pid,
        "program": client.peer.program,
        "uid": client.peer.uid,
        "registered": types.map(|row| row.1).collect::<Vec<_>>(),
        "promiscuous": client.is_promiscuous,
        "queued_bytes": client.queued,
        "lost_messages": client.lost,
    })
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::pfkey::{client::ClientId, peer::Peer};

    #[test]
    fn a_client_is_a_line() {
        let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::SEQPACKET);
        let (socket, _other) = socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
        let peer = Peer { pid: 42, uid: 0, program: "racoon".into() };
        let mut client = Client::new(ClientId(1), socket, peer);
        client.registered = 1 << 2 | 1 << 9;
        assert_eq!(
            said_of(&client).to_string(),
            r#"{"pid":42,"program":"racoon","uid":0,"registered":["ah","ipcomp"],"promiscuous":false,"queued_bytes":0,"lost_messages":0}"#
        );
    }
}
