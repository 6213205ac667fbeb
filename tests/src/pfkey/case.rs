use std::{fmt, fs, net::IpAddr, path::Path, time::Duration};

use super::Draft;

/// The number of the message of a case's first step. The kernel's own numbers are smaller.
pub(super) const FIRST_SEQ: u32 = 1001;

/// What several sockets send, one message after the other, and what else happens.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One thing that happens, on both hosts. All that the sockets receive then is compared.
#[derive(Debug, Clone)]
pub enum Step {
    /// A socket sends a message. It is opened when it is first named.
    Send(String, Draft),
    /// A socket is closed.
    Close(String),
    /// A command of sh(1).
    Command(String),
    /// The host sends a packet to this address.
    Packet(IpAddr),
    /// Time passes.
    Wait(Duration),
}

/// The cases of the files in a directory, in order.
///
/// Panics, with the place, if one cannot be read.
#[must_use]
pub fn cases(directory: &Path) -> Vec<Case> {
    let files =
        fs::read_dir(directory).expect("the cases").map(|file| file.expect("a file").path());
    let mut files: Vec<_> =
        files.filter(|it| it.extension().is_some_and(|it| it == "case")).collect();
    files.sort();
    let read = |file: &Path| {
        let text = fs::read_to_string(file).expect("a case");
        Case::read(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    files.iter().flat_map(|file| read(file)).collect()
}

impl Case {
    /// Reads a file of cases.
    pub fn read(text: &str) -> Result<Vec<Self>, String> {
        let mut cases: Vec<Self> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split(" # ").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix("case ") {
                cases.push(Self { name: name.to_owned(), steps: Vec::new() });
                continue;
            }
            let case = cases.last_mut().ok_or("a step before the first case")?;
            let step = Step::read(line, FIRST_SEQ + u32::try_from(case.steps.len()).unwrap_or(0));
            case.steps.push(step.map_err(|error| format!("line {}: {error}", number + 1))?);
        }
        Ok(cases)
    }
}

/// The step as a line of a case.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Send(socket, draft) => write!(f, "{socket} {}", draft.text()),
            Step::Close(socket) => write!(f, "close {socket}"),
            Step::Command(command) => write!(f, "! {command}"),
            Step::Packet(destination) => write!(f, "packet {destination}"),
            Step::Wait(time) => write!(f, "wait {}", time.as_millis()),
        }
    }
}

impl Step {
    fn read(line: &str, seq: u32) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        Ok(match word {
            "!" => Step::Command(rest.to_owned()),
            "wait" => {
                let milliseconds = rest.parse().map_err(|_| format!("no time: {rest}"))?;
                Step::Wait(Duration::from_millis(milliseconds))
            }
            "packet" => Step::Packet(rest.parse().map_err(|_| format!("no address: {rest}"))?),
            "close" => Step::Close(rest.to_owned()),
            socket => Step::Send(socket.to_owned(), Draft::read(rest, seq)?),
        })
    }
}
