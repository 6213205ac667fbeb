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

use crate::Error;

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
    BufReader::new(service).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
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
}
