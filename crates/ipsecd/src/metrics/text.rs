use std::{
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::By;
use tracing::warn;

use super::request;

/// So long a text is sent again at least, however many clients request it.
const FRESH: Duration = Duration::from_secs(1);

/// The most bytes of a text: those of 40,000 SAs with a series each, or of 60,000 peers.
const MOST: usize = 32 << 20;

/// The answer that was made last.
#[derive(Default)]
pub struct MetricsText {
    made: Option<Made>,
    /// The last text could not be made, which was logged.
    has_failed: bool,
}

struct Made {
    by: By,
    answer: Arc<[u8]>,
    /// How long it is sent again.
    until: Instant,
}

impl MetricsText {
    /// The metrics of now or of a moment ago. They are read at most half of the time.
    pub fn answer(&mut self, by: By) -> Arc<[u8]> {
        self.answer_by(by, |bounded| metrics::write(by, &metrics::CountedPart::ALL, bounded))
    }

    fn answer_by(
        &mut self,
        by: By,
        write: impl FnOnce(&mut Bounded) -> Result<(), metrics::Error>,
    ) -> Arc<[u8]> {
        let begun = Instant::now();
        if let Some(made) = self.made.as_ref().filter(|it| it.by == by && begun < it.until) {
            return Arc::clone(&made.answer);
        }
        // Its memory is not kept while the next is made.
        self.made = None;
        let mut text = Bounded(Vec::new());
        let written = write(&mut text);
        if let Err(error) = &written
            && !self.has_failed
        {
            warn!(%error, "metrics not read");
        }
        self.has_failed = written.is_err();
        let answer = match written {
            Ok(()) => request::metrics(&text.0),
            Err(error) => request::refusal("503 Service Unavailable", &error.to_string()),
        };
        let now = Instant::now();
        let until = now + FRESH.max(now - begun);
        self.made = Some(Made { by, answer: Arc::clone(&answer), until });
        answer
    }
}

/// A text that does not grow beyond [`MOST`] bytes.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST {
            let most = MOST >> 20;
            let reason = format!(
                "more than {most} MiB of metrics: `metrics by` in ipsecd.conf has kinds with fewer series"
            );
            return Err(io::Error::other(reason));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn made(text: &mut MetricsText, by: By, body: &str) -> String {
        let answer = text.answer_by(by, |out| Ok(out.write_all(body.as_bytes())?));
        String::from_utf8(answer.to_vec()).unwrap()
    }

    #[test]
    fn a_text_is_made_once_a_second() {
        let mut text = MetricsText::default();
        let first = made(&mut text, By::Peer, "first\n");
        assert!(first.ends_with("\r\n\r\nfirst\n"), "{first}");
        for _ in 0..1000 {
            assert_eq!(made(&mut text, By::Peer, "another\n"), first);
        }
        assert!(made(&mut text, By::Sa, "by SA\n").ends_with("by SA\n"));
        thread::sleep(FRESH);
        assert!(made(&mut text, By::Sa, "new\n").ends_with("new\n"));
    }

    #[test]
    fn a_text_has_a_limit() {
        let mut text = MetricsText::default();
        let line = vec![b'x'; 1 << 20];
        let endless = |out: &mut Bounded| loop {
            out.write_all(&line)?;
        };
        let answer = text.answer_by(By::Sa, endless);
        let answer = String::from_utf8(answer.to_vec()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("more than 32 MiB"));
        // A failure is an answer too: the tables are not read again at once.
        assert_eq!(made(&mut text, By::Sa, "new\n"), answer);
    }
}
