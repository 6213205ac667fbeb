use engine::Group;
use model::{Operation, SaState};
use pfkey::{
    Error, Message, MessageType,
    command::{self, Command, GetSpi, SadQuery},
    sad,
};
use rustix::io::Errno;
use tracing::{debug, warn};
use zeroize::Zeroizing;

use super::{
    broadcast::Audience, change::Kind, client::ClientId, dump::Dump, dump::policy_message,
    server::Server,
};

impl Server {
    /// Carries out a request, of which `given` bytes came in: its answer is on its way, or waits
    /// for [`Server::settle`].
    pub(super) fn request(&mut self, client: ClientId, bytes: &[u8], given: usize) {
        // What others ask must not come between a request and its answer.
        if self.clients.any_promiscuous() {
            self.settle();
        }
        let header = if bytes.len() == given {
            command::header(bytes)
        } else {
            Err(Error::MessageLength { said: bytes.len(), given })
        };
        let header = match header {
            Ok(header) => header,
            Err(error) => return self.not_taken(client, bytes, &error),
        };
        if self.clients.any_promiscuous() {
            let copy = Zeroizing::new(bytes.to_vec());
            self.clients.send_bytes(copy, Audience::Promiscuous, None);
        }
        match command::command(&header, bytes) {
            Ok(command) => self.carry_out(client, &header, command, bytes),
            Err(error) => {
                debug!(client = client.0, %error, "refused");
                self.refuse(client, header, error.errno());
            }
        }
    }

    /// What AF_KEY answers by an error of `send(2)`, and nothing is queued. On a Unix socket the
    /// send has succeeded by now, so here the errno comes in a message of its header.
    fn not_taken(&mut self, client: ClientId, bytes: &[u8], error: &Error) {
        debug!(client = client.0, %error, "not taken");
        let said = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let number = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| said(at + byte)));
        let header = Message::new(MessageType(said(1)), said(3)).numbered(number(8), number(12));
        self.refuse_to_take(client, header, error.errno());
    }

    fn carry_out(
        &mut self,
        client: ClientId,
        header: &Message,
        mut command: Command,
        bytes: &[u8],
    ) {
        if let Command::AddSa(sa) | Command::UpdateSa(sa) = &mut command {
            self.settings.complete(sa);
        }
        let mut change = |kind, operation| self.change(client, header.clone(), kind, operation);
        match command {
            Command::AddSa(sa) => change(Kind::Plain, Operation::AddSa(sa)),
            Command::DeleteSa(id) => change(Kind::Plain, Operation::DeleteSa(id)),
            Command::FlushSad(proto) => change(Kind::Flush, Operation::FlushSad(proto)),
            Command::AddPolicy(policy) => change(Kind::Plain, Operation::AddPolicy(policy)),
            Command::UpdatePolicy(policy) => change(Kind::Plain, Operation::UpdatePolicy(policy)),
            Command::DeletePolicy(id) => change(Kind::Plain, Operation::DeletePolicy(id)),
            Command::FlushSpd => change(Kind::Flush, Operation::FlushSpd),
            other => {
                // Everything else is answered at once.
                self.settle();
                if let Err(errno) = self.answer_at_once(client, header, other, bytes) {
                    self.answer(client, &header.refusal(errno));
                }
            }
        }
    }

    /// Answers what is no change of its own, or has to look at the SAD or SPD before.
    fn answer_at_once(
        &mut self,
        client: ClientId,
        header: &Message,
        command: Command,
        bytes: &[u8],
    ) -> Result<(), Errno> {
        match command {
            Command::GetSpi(asked) => self.get_spi(client, header, &asked),
            Command::GetSa(id) => {
                let entry = refused(self.engine.get_sa(&id))?;
                self.answer_with(client, header, sad::message(header.msg_type, &entry))
            }
            Command::UpdateSa(sa) => {
                let there = self.engine.get_sa(&sa.id());
                let is_mature = there.is_ok_and(|entry| entry.state != SaState::Larval);
                let kind = if is_mature { Kind::UpdateOfMature } else { Kind::Plain };
                self.change(client, header.clone(), kind, Operation::UpdateSa(sa));
                Ok(())
            }
            Command::GetPolicy(index) => {
                let entry = refused(self.engine.get_policy_of_index(index))?;
                let entry = self.asked(entry);
                self.answer_with(client, header, policy_message(header.msg_type, entry))
            }
            Command::DeletePolicyOfIndex(index) => {
                let entry = refused(self.engine.get_policy_of_index(index))?;
                let delete = Operation::DeletePolicy(entry.policy.id);
                self.change(client, header.clone(), Kind::ByIndex, delete);
                Ok(())
            }
            Command::DumpSad(query) => self.dump(
                client,
                |request| {
                    let query: SadQuery = query.map_err(|error| error.errno())?;
                    Dump::of_sad(request, &query).map_err(|error| error.errno())
                },
                header,
            ),
            Command::DumpSpd => self.dump(
                client,
                |request| Dump::of_spd(request).map_err(|error| error.errno()),
                header,
            ),
            Command::Register => self.register(client, header),
            Command::Promiscuous(is_promiscuous) => {
                if let Some(client) = self.clients.get(client) {
                    client.is_promiscuous = is_promiscuous;
                }
                self.keep_registered();
                let repeated = Message { errno: 0, ..header.clone() };
                self.clients.send(&repeated, Audience::All, Some(client));
                Ok(())
            }
            Command::Repeat => {
                let copy = Zeroizing::new(bytes.to_vec());
                self.clients.send_bytes(copy, Audience::All, Some(client));
                Ok(())
            }
            Command::Acquire(Some(seq)) => {
                let given_up = self.acquires.give_up(seq, &mut self.engine);
                given_up.map_err(|error| error.errno())
            }
            // Every client gets the kernel's event, with `seq` and `pid` 0.
            Command::Migrate(migration) => refused(self.engine.migrate(&migration)),
            // The others wait in `carry_out`, or ask for nothing.
            _ => Ok(()),
        }
    }

    fn answer_with(
        &mut self,
        client: ClientId,
        header: &Message,
        message: Result<Message, Error>,
    ) -> Result<(), Errno> {
        let message = message.map_err(|error| error.errno())?;
        self.answer(client, &message.numbered(header.seq, header.pid));
        Ok(())
    }

    fn get_spi(&mut self, client: ClientId, header: &Message, asked: &GetSpi) -> Result<(), Errno> {
        let larval = refused(self.engine.get_spi(asked.acquire, &asked.wish, asked.range))?;
        self.answer_with(client, header, sad::message(header.msg_type, &larval))
    }

    /// Starts a dump; a socket has one at most.
    fn dump(
        &mut self,
        client: ClientId,
        start: impl FnOnce(Message) -> Result<Dump, Errno>,
        header: &Message,
    ) -> Result<(), Errno> {
        let asking = self.clients.get(client).ok_or(Errno::PIPE)?;
        if asking.dump.is_some() {
            return Err(Errno::BUSY);
        }
        asking.dump = Some(start(header.clone())?);
        self.fill(client);
        Ok(())
    }

    fn register(&mut self, client: ClientId, header: &Message) -> Result<(), Errno> {
        let asking = self.clients.get(client).ok_or(Errno::PIPE)?;
        // AF_KEY registers nothing for type 0, and says what it offers.
        let bit = if header.satype == 0 { 0 } else { 1 << header.satype };
        if asking.registered & bit != 0 {
            return Err(Errno::EXIST);
        }
        asking.registered |= bit;
        self.listen_for_acquires();
        self.keep_registered();
        let offer = pfkey::event::register(header.satype).numbered(header.seq, header.pid);
        self.clients.send(&offer, Audience::Registered(Some(client)), Some(client));
        Ok(())
    }

    /// Has the kernel ask for SAs as long as somebody has registered: otherwise it lets no packet
    /// wait for one.
    pub(super) fn listen_for_acquires(&mut self) {
        let wanted = self.clients.any_registered();
        if wanted == self.hears_acquires {
            return;
        }
        let changed = if wanted {
            self.monitor.join(Group::Acquire)
        } else {
            self.monitor.leave(Group::Acquire)
        };
        match changed {
            Ok(()) => self.hears_acquires = wanted,
            Err(error) => warn!(%error, "packets that need an SA"),
        }
    }
}

/// The engine's answer, or the errno that says why not.
fn refused<T>(answer: Result<T, engine::Error>) -> Result<T, Errno> {
    answer.map_err(|error| {
        if error.is_refusal() {
            debug!(%error, "refused");
        } else {
            warn!(%error, "kernel not asked");
        }
        error.errno()
    })
}
