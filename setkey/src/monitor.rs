//! `-x`: what happens in the SAD and SPD, as the PF_KEY messages that AF_KEY would have sent.

use std::{
    fmt,
    io::Write,
    process,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, Local};
use cli::WipedOutput;
use engine::EventMonitor;
use model::Event;
use pfkey::{HEADER_LENGTH, Message, MessageType};

use crate::{
    backend::PfKeySocket,
    error::Error,
    message::MessageFormat,
    options::{PfKeySource, Timestamp},
    print_error,
};

/// Prints every message until it is killed.
pub fn run(timestamp: Timestamp, format: MessageFormat) -> Result<(), Error> {
    let mut monitor = EventMonitor::open(&model::EventGroup::OF_PF_KEY)?;
    let mut out = WipedOutput::stdout()?;
    loop {
        let event = monitor.next_event()?;
        if event == Event::MonitorLost {
            print_error(&"some messages were lost: the kernel was faster than this terminal");
        }
        match pfkey::event::message(&event) {
            Ok(None) => {}
            Ok(Some(message)) => {
                writeln!(out, "{} ", Stamp(timestamp, SystemTime::now()))?;
                format.write(&mut out, &message)?;
                writeln!(out)?;
                out.flush()?;
            }
            Err(error) => print_error(&format_args!("PF_KEY cannot express an event: {error}")),
        }
    }
}

/// Prints every message that a promiscuous PF_KEY socket receives until it is killed.
pub fn run_pf_key(
    source: &PfKeySource,
    timestamp: Timestamp,
    format: MessageFormat,
) -> Result<(), Error> {
    let mut socket = PfKeySocket::open(source)?;
    socket.send(&Message::new(MessageType::PROMISC, 1).numbered(0, process::id()))?;
    let mut out = WipedOutput::stdout()?;
    loop {
        socket.receive(None, |bytes| write_received(&mut out, bytes, timestamp, format))??;
    }
}

/// A message as it came. One of type X_PROMISC has no contents of its own: another is in it, or none.
fn write_received(
    out: &mut impl Write,
    bytes: &[u8],
    timestamp: Timestamp,
    format: MessageFormat,
) -> Result<(), Error> {
    writeln!(out, "{} ", Stamp(timestamp, SystemTime::now()))?;
    if format.hexdump {
        format.write_bytes(out, bytes)?;
    }
    let is_wrapping = bytes.get(1) == Some(&MessageType::PROMISC.0);
    let message = if is_wrapping { bytes.get(HEADER_LENGTH..).unwrap_or_default() } else { bytes };
    if !message.is_empty() {
        format.write_text(out, &Message::decode(message)?)?;
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

/// `HH:MM:SS.uuuuuu` in local time, or `SECONDS.uuuuuu`.
struct Stamp(Timestamp, SystemTime);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stamp(timestamp, time) = self;
        match timestamp {
            Timestamp::Clock => {
                write!(f, "{}", DateTime::<Local>::from(*time).format("%H:%M:%S%.6f"))
            }
            Timestamp::Seconds => {
                let since = time.duration_since(SystemTime::UNIX_EPOCH);
                let since = since.unwrap_or(Duration::ZERO);
                write!(f, "{}.{:06}", since.as_secs(), since.subsec_micros())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_have_six_digits() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_800_000_000_000_042);
        assert_eq!(Stamp(Timestamp::Seconds, time).to_string(), "1800000000.000042");
        let clock = Stamp(Timestamp::Clock, time).to_string();
        assert_eq!((clock.len(), &clock[8..]), (15, ".000042"));
    }
}
