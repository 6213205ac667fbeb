use std::{
    io::{self, BufRead, BufReader, ErrorKind},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use cli::Table;
use engine::Namespace;
use serde_json::Value;

use super::Shown;
use crate::Error;

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The programs that have a socket of the PF_KEY service, in the order in which they came.
pub fn read() -> Result<Shown, Error> {
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
    Shown::new(table, &clients)
}

fn ask(path: &PathBuf) -> io::Result<Vec<Value>> {
    let service = UnixStream::connect(path)?;
    service.set_read_timeout(Some(PATIENCE))?;
    BufReader::new(service).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

fn row(client: &Value) -> [String; 7] {
    let text = |name: &str| match &client[name] {
        Value::String(text) => text.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    let names =
        ["pid", "program", "uid", "registered", "promiscuous", "queued_bytes", "lost_messages"];
    names.map(text)
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
        assert_eq!(row(&client), ["42", "racoon", "0", "ah esp", "no", "160", "3"]);
    }
}
