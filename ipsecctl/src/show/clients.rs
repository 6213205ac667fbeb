use std::{
    io::{self, BufRead, BufReader, ErrorKind},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use cli::{
    Table,
    json::{ClientJson, Document},
};
use engine::Namespace;
use sys::bounded::Bounded;

use crate::Error;

/// The most bytes of a report; 512 clients have a fifth of it.
const MOST: u64 = 1 << 20;

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The programs that have a socket of the PF_KEY service, in the order in which they came.
pub fn read(document: &mut Document) -> Result<Table, Error> {
    let path = Namespace::current().directory().join(sys::run::CLIENTS_SOCKET);
    let clients = ask(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => Error::NoService { path },
        _ => Error::Clients { path, error },
    })?;
    let columns = ["process", "program", "user", "registered", "promiscuous", "queued", "lost"];
    let mut table = Table::new(&columns, "No clients.");
    for client in &clients {
        table.row(row(client));
    }
    document.clients = Some(clients);
    Ok(table)
}

fn ask(path: &PathBuf) -> io::Result<Vec<ClientJson>> {
    let service = UnixStream::connect(path)?;
    service.set_read_timeout(Some(PATIENCE))?;
    BufReader::new(Bounded::new(service, MOST))
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}

fn row(client: &ClientJson) -> [String; 7] {
    let promiscuous = if client.promiscuous { "yes" } else { "no" };
    [
        client.pid.to_string(),
        client.program.clone(),
        client.uid.to_string(),
        client.registered.join(" "),
        promiscuous.to_owned(),
        client.queued_bytes.to_string(),
        client.lost_messages.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::unix::net::UnixListener, thread};

    use serde_json::json;

    use super::*;

    #[test]
    fn a_client_is_a_row() {
        let client = json!({
            "pid": 42, "program": "racoon", "uid": 0, "registered": ["ah", "esp"],
            "promiscuous": false, "queued_bytes": 160, "lost_messages": 3,
        });
        let client = serde_json::from_value(client).unwrap();
        assert_eq!(row(&client), ["42", "racoon", "0", "ah esp", "no", "160", "3"]);
    }

    #[test]
    fn a_report_without_an_end_is_not_read_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("clients.sock");
        let service = UnixListener::bind(&path).unwrap();
        let endless = thread::spawn(move || {
            let mut client = service.accept().unwrap().0;
            while client.write_all(&[b' '; 4096]).is_ok() {}
        });
        let error = ask(&path).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 1 MiB");
        endless.join().unwrap();
    }
}
