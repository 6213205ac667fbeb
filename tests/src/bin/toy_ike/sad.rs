//! Requests of the key management to the SAD and SPD, and the events that it receives.

use std::{
    error::Error,
    fmt,
    io::{self, Write},
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd},
};

use model::{
    AddressPair, Algorithm, AlgorithmKind, Key, Keyed, Lifetime, Lifetimes, Mark, Mode, Operation,
    Proto, Sa, SaId, Spi, SpiRequest,
};
use pfkey::{
    Extension, Message, MessageType,
    ext::{AddressKind, IpsecRequest, LifetimeKind, Policy},
    request::{self, PfKeyExtras},
};

use crate::{key_socket::KeySocket, letter::Offer};

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// `SADB_SATYPE_ESP` (linux/pfkeyv2.h).
const ESP: u8 = 3;

/// Seconds until SAs are gone.
const HARD: u64 = 12;

/// Above the numbers that the kernel gives ACQUIREs.
const FIRST_SEQ: u32 = 1 << 31;

/// The SAs between two hosts, ESP in one mode, over PF_KEY.
pub struct Sad {
    key_socket: KeySocket,
    mode: Mode,
    here: IpAddr,
    there: IpAddr,
    next_seq: u32,
}

/// Which of two SAs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// An event.
pub enum Event {
    /// A packet has met a policy and found no SA.
    Acquire { seq: u32, index: u32 },
    /// An outbound SA has reached a limit. Its inbound one does at about the same time, in either order.
    Expire { is_hard: bool, spi: Spi },
}

impl Sad {
    /// Registers for events.
    pub fn register(
        key_socket: KeySocket,
        mode: Mode,
        here: IpAddr,
        there: IpAddr,
    ) -> Outcome<Self> {
        let mut sad = Self { key_socket, mode, here, there, next_seq: FIRST_SEQ };
        let seq = sad.new_seq();
        sad.key_socket.ask(seq, Message::new(MessageType::REGISTER, ESP))?;
        say("REGISTER esp")?;
        Ok(sad)
    }

    /// The next event that has come. What others did, and what is about other hosts, is passed over.
    pub fn next_event(&mut self) -> Outcome<Option<Event>> {
        while let Some(message) = self.key_socket.next_unasked()? {
            if let Some(event) = self.read(&message) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    fn read(&self, message: &Message) -> Option<Event> {
        let ip = |kind| message.address(kind).map(|address| address.sockaddr.ip());
        let ends = (ip(AddressKind::Src)?, ip(AddressKind::Dst)?);
        if message.satype != ESP || ends != self.ends(Direction::Out) {
            return None;
        }
        match message.msg_type {
            MessageType::ACQUIRE => {
                Some(Event::Acquire { seq: message.seq, index: message.policy()?.id })
            }
            MessageType::EXPIRE => {
                let is_hard = message.lifetime(LifetimeKind::Hard).is_some();
                Some(Event::Expire { is_hard, spi: Spi(message.sa()?.spi) })
            }
            _ => None,
        }
    }

    /// Whether a policy asks for no other SAs than are made here.
    pub fn serves(&mut self, seq: u32, index: u32) -> Outcome<bool> {
        let named = Policy { policy_type: 0, dir: 0, id: index, priority: 0, requests: Vec::new() };
        let get = Message::new(MessageType::SPDGET, 0).with(vec![Extension::Policy(named)]);
        let answer = self.key_socket.ask(seq, get)?;
        let requests = answer.policy().map_or(&[][..], |policy| &policy.requests);
        let esp = u16::from(Proto::Esp.number());
        Ok(matches!(
            requests,
            [IpsecRequest { proto, mode, reqid: 0, .. }]
                if *proto == esp && Some(*mode) == self.mode.pfkey_number()
        ))
    }

    /// The SPI of a new larval SA for what comes in.
    pub fn get_spi(&mut self, seq: u32) -> Outcome<Spi> {
        let ends = self.pair_of_ends(Direction::In)?;
        let (proto, mode, reqid) = (Proto::Esp, self.mode.into(), None);
        let request = SpiRequest { ends, proto, spi: None, mode, reqid };
        let answer = self.ask(seq, &Operation::GetSpi(request))?;
        let spi = answer.sa().ok_or("GETSPI without an SPI")?.spi;
        say(&format!("GETSPI {spi:#x}"))?;
        Ok(Spi(spi))
    }

    /// Completes the larval SA.
    pub fn update_inbound(&mut self, seq: u32, offer: &Offer, soft: u64) -> Outcome {
        let sa = self.sa(Direction::In, offer, soft)?;
        self.ask(seq, &Operation::UpdateSa(Box::new(sa)))?;
        say(&format!("UPDATE in {:#x}", offer.spi.0))
    }

    /// Adds the SA that the peer has offered.
    pub fn add_outbound(&mut self, seq: u32, offer: &Offer, soft: u64) -> Outcome {
        let sa = self.sa(Direction::Out, offer, soft)?;
        self.ask(seq, &Operation::AddSa(Box::new(sa)))?;
        say(&format!("ADD out {:#x}", offer.spi.0))
    }

    pub fn delete(&mut self, direction: Direction, spi: Spi) -> Outcome {
        let (_, dst) = self.ends(direction);
        let sa = SaId { dst, proto: Proto::Esp, spi, mark: Mark::default() };
        let seq = self.new_seq();
        self.ask(seq, &Operation::DeleteSa(sa, None))?;
        say(&format!("DELETE {direction} {:#x}", spi.0))
    }

    /// A number for what answers no ACQUIRE.
    pub fn new_seq(&mut self) -> u32 {
        let seq = self.next_seq;
        self.next_seq = seq.checked_add(1).unwrap_or(FIRST_SEQ);
        seq
    }

    /// The SA that an offer is about, with its soft limit in seconds.
    fn sa(&self, direction: Direction, offer: &Offer, soft: u64) -> Outcome<Sa> {
        let keyed = |kind, name, key: &[u8]| {
            let algorithm = Algorithm::by_name(kind, name).ok_or("no such algorithm")?;
            Ok::<_, &str>(Some(Keyed::new(algorithm, Key::new(key.to_vec()))))
        };
        let (cipher_key, auth_key) = offer.keys();
        let after = |seconds| Lifetime::from_numbers([0, 0, seconds, 0]);
        Ok(Sa {
            mode: self.mode.into(),
            crypt: keyed(AlgorithmKind::Crypt, "aes-cbc", cipher_key)?,
            auth: keyed(AlgorithmKind::Auth, "hmac-sha1", auth_key)?,
            replay_window: 32,
            lifetimes: Lifetimes { soft: after(soft), hard: after(HARD) },
            ..Sa::bare(self.pair_of_ends(direction)?, Proto::Esp, offer.spi)
        })
    }

    fn ask(&mut self, seq: u32, operation: &Operation) -> Outcome<Message> {
        self.key_socket.ask(seq, request::message(operation, &PfKeyExtras::default())?)
    }

    fn ends(&self, direction: Direction) -> (IpAddr, IpAddr) {
        match direction {
            Direction::In => (self.there, self.here),
            Direction::Out => (self.here, self.there),
        }
    }

    fn pair_of_ends(&self, direction: Direction) -> Result<AddressPair, model::Error> {
        let (src, dst) = self.ends(direction);
        AddressPair::new(src, dst)
    }
}

impl AsFd for Sad {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.key_socket.as_fd()
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::In => "in",
            Direction::Out => "out",
        })
    }
}

/// A line of events.
pub fn say(line: &str) -> Outcome {
    Ok(writeln!(io::stdout(), "{line}")?)
}
