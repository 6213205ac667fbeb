use engine::{AddressFilter, SadFilter};
use model::{PolicyEntry, PolicyType, SaEntry};
use pfkey::{Message, MessageType, command::SadQuery, references, sad, spd};
use rustix::io::Errno;
use tracing::{debug, warn};

/// The entries of a table, read from the kernel one by one.
type Entries<T> = Box<dyn Iterator<Item = Result<T, engine::Error>> + Send>;

enum Table {
    Sad(Entries<SaEntry>),
    Spd(Entries<PolicyEntry>),
}

/// Why there is no message of an entry.
enum Failure {
    /// PF_KEY cannot express the entry.
    Unsupported(pfkey::Error),
    /// The kernel's entry cannot be read, or the dump has failed.
    Kernel(engine::Error),
}

impl Table {
    fn next(
        &mut self,
        requested: impl FnOnce(PolicyEntry) -> PolicyEntry,
    ) -> Option<Result<Message, Failure>> {
        Some(match self {
            Table::Sad(entries) => entries.next()?.map_err(Failure::Kernel).and_then(|entry| {
                sad::message(MessageType::DUMP, &entry).map_err(Failure::Unsupported)
            }),
            Table::Spd(entries) => entries.next()?.map_err(Failure::Kernel).and_then(|entry| {
                policy_message(MessageType::SPDDUMP, requested(entry)).map_err(Failure::Unsupported)
            }),
        })
    }
}

/// A dump in progress, read from the kernel as fast as its client reads. Neither side holds the
/// table in memory, and a slow client loses nothing.
pub(super) struct ClientDump {
    table: Table,
    request: Message,
    /// A message that is sent when it is known whether it is the last one.
    delayed: Option<Message>,
    count: u32,
    is_over: bool,
}

impl ClientDump {
    /// Starts a DUMP.
    pub(super) fn of_sad(request: Message, query: &SadQuery) -> Result<Self, engine::Error> {
        let prefixes = query.filter.map(|filter| AddressFilter {
            family: filter.family,
            src: filter.src,
            src_bits: filter.src_prefix_len,
            dst: filter.dst,
            dst_bits: filter.dst_prefix_len,
        });
        let filter = SadFilter { proto: query.proto, prefixes };
        let entries = engine::TableDump::sad(&filter)?;
        Ok(Self::new(request, Table::Sad(Box::new(entries))))
    }

    /// Starts an SPDDUMP: of the policies of the main type, as AF_KEY.
    pub(super) fn of_spd(request: Message) -> Result<Self, engine::Error> {
        let is_main = |entry: &PolicyEntry| entry.policy.id.policy_type == PolicyType::Main;
        let entries = engine::TableDump::spd()?.filter(move |it| it.as_ref().map_or(true, is_main));
        Ok(Self::new(request, Table::Spd(Box::new(entries))))
    }

    fn new(request: Message, table: Table) -> Self {
        Self { table, request, delayed: None, count: 0, is_over: false }
    }

    /// The next message; `None` after the last one. Entries are numbered from 1. `requested`
    /// completes a partial policy.
    pub(super) fn next(
        &mut self,
        mut requested: impl FnMut(PolicyEntry) -> PolicyEntry,
    ) -> Option<Message> {
        while !self.is_over {
            match self.table.next(&mut requested) {
                Some(Ok(message)) => {
                    self.count += 1;
                    let message = message.numbered(self.count, self.request.pid);
                    if let Some(before) = self.delayed.replace(message) {
                        return Some(before);
                    }
                }
                // AF_KEY ends a dump at an entry that it cannot express.
                Some(Err(Failure::Unsupported(error))) => debug!(%error, "dump entry skipped"),
                Some(Err(Failure::Kernel(error))) if error.is_malformed() => {
                    warn!(%error, "dump entry skipped");
                }
                Some(Err(Failure::Kernel(error))) => {
                    warn!(%error, "dump failed");
                    return Some(self.end(Some(error.errno())));
                }
                None => return Some(self.end(None)),
            }
        }
        None
    }

    /// The last message: its `sadb_msg_seq` is 0. Without any entry it is a refusal with ENOENT
    /// (`xfrm_state_walk`, `pfkey_do_dump`).
    fn end(&mut self, errno: Option<Errno>) -> Message {
        self.is_over = true;
        match self.delayed.take() {
            Some(last) => {
                let refusal = errno.map(|errno| self.request.refusal(errno).errno);
                Message { seq: 0, errno: refusal.unwrap_or(0), ..last }
            }
            None => self.request.refusal(errno.unwrap_or(Errno::NOENT)),
        }
    }
}

/// A policy as AF_KEY returns it.
pub(super) fn policy_message(
    msg_type: MessageType,
    entry: PolicyEntry,
) -> Result<Message, pfkey::Error> {
    let references = references::in_dump(&entry, sys::clock::unix_seconds());
    spd::message(msg_type, &spd::without_default(entry), references)
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Current, Mode, Proto, Sa, SaState, Spi};

    use super::*;

    fn sa(mode: Mode) -> SaEntry {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa { mode: mode.into(), ..Sa::bare(ends, Proto::Esp, Spi(1)) };
        SaEntry::new(sa, SaState::Mature, Current::default())
    }

    fn dump(entries: Vec<Result<SaEntry, engine::Error>>) -> Vec<(u32, u8)> {
        let request = Message::new(MessageType::DUMP, 3).numbered(9, 4242);
        let mut dump = ClientDump::new(request, Table::Sad(Box::new(entries.into_iter())));
        let messages: Vec<_> = std::iter::from_fn(|| dump.next(|entry| entry)).collect();
        assert!(messages.iter().all(|message| message.pid == 4242));
        messages.iter().map(|message| (message.seq, message.errno)).collect()
    }

    /// PF_KEY has no number for its mode.
    fn unsupported() -> SaEntry {
        sa(Mode::IpTfs)
    }

    fn supported() -> SaEntry {
        sa(Mode::Tunnel)
    }

    #[test]
    fn entries_count_up_and_the_last_has_0() {
        assert_eq!(
            dump(vec![Ok(supported()), Ok(supported()), Ok(supported())]),
            [(1, 0), (2, 0), (0, 0)]
        );
        assert_eq!(dump(vec![Ok(supported())]), [(0, 0)]);
    }

    #[test]
    fn an_empty_table_is_enoent_with_the_requests_header() {
        assert_eq!(dump(vec![]), [(9, 2)]);
        assert_eq!(dump(vec![Ok(unsupported())]), [(9, 2)]);
    }

    #[test]
    fn unsupported_entries_are_skipped_and_an_error_is_the_end() {
        let malformed = Err(xfrm::Error::Malformed("cut".into()).into());
        let entries = vec![Ok(supported()), Ok(unsupported()), malformed, Ok(supported())];
        assert_eq!(dump(entries), [(1, 0), (0, 0)]);
        let lost = Err(xfrm::Error::RepliesLost.into());
        assert_eq!(dump(vec![Ok(supported()), lost, Ok(supported())]), [(0, 105)]);
    }
}
