//! A request of HTTP and its answer. The connection ends with the answer.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The most header fields of a request; Prometheus sends six.
const MOST_FIELDS: usize = 32;

/// OpenMetrics 1.0.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a client requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// The metrics.
    Metrics,
    /// What there is not, with the status line of the answer.
    Refused(&'static str),
}

/// The request has too many bytes.
pub const TOO_LARGE: Request = Request::Refused("431 Request Header Fields Too Large");

impl Request {
    /// Reads the head of a request; `None` if the rest is missing. At a port the host that it names has to be this one: a page
    /// of another host has the browser of a user here ask for the metrics under its own name, which it has led to the
    /// loopback, and would read the answer.
    pub fn read(head: &[u8], is_at_port: bool) -> Option<Self> {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(head) {
            Ok(httparse::Status::Partial) => return None,
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => return Some(TOO_LARGE),
            Err(_) => return Some(Self::Refused("400 Bad Request")),
        }
        if is_at_port && request.headers.iter().any(names_another) {
            return Some(Self::Refused("421 Misdirected Request"));
        }
        let path = request.path.and_then(|path| path.split('?').next());
        Some(match (request.method, path) {
            (Some("GET"), Some("/metrics")) => Self::Metrics,
            (Some("GET"), _) => Self::Refused("404 Not Found"),
            _ => Self::Refused("405 Method Not Allowed"),
        })
    }
}

/// Whether a field names a host by a name, and not by an address or as `localhost`.
fn names_another(field: &httparse::Header<'_>) -> bool {
    if !field.name.eq_ignore_ascii_case("host") {
        return false;
    }
    let value = str::from_utf8(field.value).unwrap_or_default().trim();
    let is_address = value.parse::<SocketAddr>().is_ok()
        || value.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    let name = value.split(':').next().unwrap_or_default();
    !is_address && !name.eq_ignore_ascii_case("localhost")
}

/// The answer with the metrics.
pub fn metrics(text: &[u8]) -> Arc<[u8]> {
    answer("200 OK", OPEN_METRICS, text)
}

/// The answer without them, with a reason for who reads it.
pub fn refusal(status: &str, reason: &str) -> Arc<[u8]> {
    answer(status, "text/plain; charset=utf-8", format!("{reason}\n").as_bytes())
}

fn answer(status: &str, content_type: &str, body: &[u8]) -> Arc<[u8]> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Allow: GET\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_metrics_is_all_there_is() {
        let read = |text: &str| Request::read(text.as_bytes(), false);
        assert_eq!(read("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), Some(Request::Metrics));
        assert_eq!(read("GET /metrics?x HTTP/1.0\r\n\r\n"), Some(Request::Metrics));
        assert_eq!(read("GET /metrics HTTP/1.1\r\nHost: x\r\n"), None);
        for (text, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("GET /metrics/ HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("HEAD /metrics HTTP/1.1\r\n\r\n", "405"),
            ("GET /metrics HTTP/2.0\r\n\r\n", "400"),
            ("\x16\x03\x01 of TLS\r\n\r\n", "400"),
        ] {
            let Some(Request::Refused(line)) = read(text) else { panic!("{text}") };
            assert!(line.starts_with(status), "{text} {line}");
        }
        let fields = "a: b\r\n".repeat(MOST_FIELDS + 1);
        assert_eq!(read(&format!("GET /metrics HTTP/1.1\r\n{fields}\r\n")), Some(TOO_LARGE));
    }

    #[test]
    fn nothing_is_read_under_the_name_of_another_host() {
        let read = |host: &str| {
            let text = format!("GET /metrics HTTP/1.1\r\nUser-Agent: x\r\n{host}\r\n");
            Request::read(text.as_bytes(), true)
        };
        for host in [
            "",
            "Host: localhost:9754\r\n",
            "host: LOCALHOST\r\n",
            "Host: 127.0.0.1:9754\r\n",
            "Host: 192.0.2.1\r\n",
            "Host: [::1]:9754\r\n",
            "Host: [::1]\r\n",
        ] {
            assert_eq!(read(host), Some(Request::Metrics), "{host}");
        }
        for host in [
            "Host: attacker.example:9754\r\n",
            "HOST: attacker.example\r\n",
            "Host: localhost.attacker.example\r\n",
            "Host: 127.0.0.1.attacker.example:9754\r\n",
            "Host: localhost\r\nHost: attacker.example\r\n",
            "Host: \r\n",
        ] {
            assert_eq!(read(host), Some(Request::Refused("421 Misdirected Request")), "{host}");
        }
    }

    #[test]
    fn an_answer_has_its_length() {
        let text = String::from_utf8(metrics(b"# EOF\n").to_vec()).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text;"));
        assert!(text.contains("\r\nContent-Length: 6\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n# EOF\n"), "{text}");
    }
}
