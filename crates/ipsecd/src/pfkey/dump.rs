use std::time::UNIX_EPOCH;

use model::{PolicyEntry, SaEntry};
use pfkey::{Message, MessageType, command::SadQuery, sad, spd};
use rustix::io::Errno;
use tracing::{debug, warn};
use xfrm::{Connection, Prefixes, SadFilter};

/// The entries of a table as they come from the kernel.
type Entries<T> = Box<dyn Iterator<Item = Result<T, xfrm::Error>> + Send>;

enum Table {
    Sad(Entries<SaEntry>),
    Spd(Entries<PolicyEntry>),
}

/// A dump under way, pulled from the kernel as its client reads. A connection of its own keeps the
/// place in the table, so neither side holds the table, and nothing is lost however slow the client.
pub(super) struct Dump {
    table: Table,
    request: Message,
    /// The next message to send, unless it proves to be the last one.
    held: Option<Message>,
    count: u32,
    is_over: bool,
}

impl Dump {
    /// Starts a DUMP.
    pub(super) fn of_sad(request: Message, query: &SadQuery) -> Result<Self, xfrm::Error> {
        let prefixes = query.filter.map(|filter| Prefixes {
            family: filter.family,
            src: filter.src,
            src_bits: filter.src_prefix_len,
            dst: filter.dst,
            dst_bits: filter.dst_prefix_len,
        });
        let filter = SadFilter { proto: query.proto, ends: None, prefixes };
        let entries = Connection::open()?.into_sad_dump(&filter)?;
        Ok(Self::new(request, Table::Sad(Box::new(entries))))
    }

    /// Starts an SPDDUMP.
    pub(super) fn of_spd(request: Message) -> Result<Self, xfrm::Error> {
        let entries = Connection::open()?.into_spd_dump()?;
        Ok(Self::new(request, Table::Spd(Box::new(entries))))
    }

    fn new(request: Message, table: Table) -> Self {
        Self { table, request, held: None, count: 0, is_over: false }
    }

    /// The next message; none: the last one was. Entries count from 1. `asked` completes a policy of
    /// which the kernel holds only a part.
    pub(super) fn next(
        &mut self,
        mut asked: impl FnMut(PolicyEntry) -> PolicyEntry,
    ) -> Option<Message> {
        while !self.is_over {
            let message = match &mut self.table {
                Table::Sad(entries) => entries.next().map(|entry| Ok(said_of_sa(&entry?))),
                Table::Spd(entries) => {
                    entries.next().map(|entry| Ok(said_of_policy(asked(entry?))))
                }
            };
            match message {
                Some(Ok(Ok(message))) => {
                    self.count += 1;
                    let message = message.numbered(self.count, self.request.pid);
                    if let Some(before) = self.held.replace(message) {
                        return Some(before);
                    }
                }
                // AF_KEY ends a dump at an entry that it cannot say.
                Some(Ok(Err(error))) => debug!(%error, "left out of a dump"),
                Some(Err(xfrm::Error::Malformed(error))) => warn!(%error, "left out of a dump"),
                Some(Err(error)) => {
                    warn!(%error, "a dump has ended before its end");
                    return Some(self.end(Some(error.errno())));
                }
                None => return Some(self.end(None)),
            }
        }
        None
    }

    /// The last message: `sadb_msg_seq` 0 says so. Without any entry it is a refusal with ENOENT
    /// (`xfrm_state_walk`, `pfkey_do_dump`).
    fn end(&mut self, errno: Option<Errno>) -> Message {
        self.is_over = true;
        match self.held.take() {
            Some(last) => {
                let refusal = errno.map(|errno| self.request.refusal(errno).errno);
                Message { seq: 0, errno: refusal.unwrap_or(0), ..last }
            }
            None => self.request.refusal(errno.unwrap_or(Errno::NOENT)),
        }
    }
}

fn said_of_sa(entry: &SaEntry) -> Result<Message, pfkey::Error> {
    sad::message(MessageType::DUMP, entry)
}

fn said_of_policy(entry: PolicyEntry) -> Result<Message, pfkey::Error> {
    policy_message(MessageType::SPDDUMP, entry)
}

/// A policy as AF_KEY shows it to those who ask.
pub(super) fn policy_message(
    msg_type: MessageType,
    entry: PolicyEntry,
) -> Result<Message, pfkey::Error> {
    let now = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let references = spd::references(&entry, now);
    spd::message(msg_type, &spd::without_default(entry), references)
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Current, Mode, Proto, Sa, SaState, Spi};

    use super::*;

    fn sa(mode: Mode) -> SaEntry {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa { mode, ..Sa::bare(ends, Proto::Esp, Spi(1)) };
        SaEntry { sa, state: SaState::Mature, current: Current::default() }
    }

    fn dump(entries: Vec<Result<SaEntry, xfrm::Error>>) -> Vec<(u32, u8)> {
        let request = Message::new(MessageType::DUMP, 3).numbered(9, 4242);
        let mut dump = Dump::new(request, Table::Sad(Box::new(entries.into_iter())));
        let messages: Vec<_> = std::iter::from_fn(|| dump.next(|entry| entry)).collect();
        assert!(messages.iter().all(|message| message.pid == 4242));
        messages.iter().map(|message| (message.seq, message.errno)).collect()
    }

    /// PF_KEY has no number for its mode.
    fn unsaid() -> SaEntry {
        sa(Mode::IpTfs)
    }

    fn said() -> SaEntry {
        sa(Mode::Tunnel)
    }

    #[test]
    fn entries_count_up_and_the_last_has_0() {
        assert_eq!(dump(vec![Ok(said()), Ok(said()), Ok(said())]), [(1, 0), (2, 0), (0, 0)]);
        assert_eq!(dump(vec![Ok(said())]), [(0, 0)]);
    }

    #[test]
    fn nothing_is_enoent_with_the_requests_header() {
        assert_eq!(dump(vec![]), [(9, 2)]);
        assert_eq!(dump(vec![Ok(unsaid())]), [(9, 2)]);
    }

    #[test]
    fn what_cannot_be_said_is_left_out_and_an_error_is_the_end() {
        let malformed = Err(xfrm::Error::Malformed("cut".into()));
        let entries = vec![Ok(said()), Ok(unsaid()), malformed, Ok(said())];
        assert_eq!(dump(entries), [(1, 0), (0, 0)]);
        let lost = Err(xfrm::Error::RepliesLost);
        assert_eq!(dump(vec![Ok(said()), lost, Ok(said())]), [(0, 105)]);
    }
}
