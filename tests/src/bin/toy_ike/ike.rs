//! When SAs are made, replaced and deleted.
//!
//! An end sends by an SA after the other one can receive by it, and keeps one by which packets may still come in:
//!
//!     initiator                              responder
//!     GETSPI             -- propose -->      GETSPI, UPDATE in
//!     UPDATE in          <-- accept --
//!                        -- ready -->        ADD out
//!     ADD out            <-- done --
//!     DELETE old out     -- delete -->       DELETE old out, DELETE old in
//!     DELETE old in      <-- deleted --

use std::{
    io::{self, Write},
    net::{IpAddr, UdpSocket},
    time::{Duration, Instant},
};

use model::{Mode, Spi};
use rustix::event::{PollFd, PollFlags, poll};

use crate::{
    key_socket::KeySocket,
    letter::{Letter, Offer},
    sad::{Direction, Event, Outcome, Sad, say},
};

/// Seconds until an initiator replaces its SAs, and until a responder does, if the initiator has not by then: so the two never
/// begin at once.
const INITIATORS_SOFT: u64 = 3;
const RESPONDERS_SOFT: u64 = 6;

/// How long an exchange may take before another is begun.
const PATIENCE: Duration = Duration::from_secs(5);

/// The key management of one host.
pub struct Ike {
    sad: Sad,
    peer: UdpSocket,
    pairs: Vec<Pair>,
}

/// An SA each way, as far as they are there.
struct Pair {
    /// Of the ACQUIRE that it answers, if it answers one.
    seq: u32,
    /// Seconds.
    soft: u64,
    inbound: Offer,
    /// What the peer has offered.
    outbound: Option<Offer>,
    /// Both SAs are there.
    is_complete: bool,
    begun: Instant,
    /// The inbound SPI of the pair whose place it takes.
    replaces: Option<Spi>,
}

impl Ike {
    pub fn start(key_socket: KeySocket, mode: Mode, here: IpAddr, there: IpAddr) -> Outcome<Self> {
        let peer = UdpSocket::bind((here, 500))?;
        peer.connect((there, 500))?;
        peer.set_nonblocking(true)?;
        Ok(Self { sad: Sad::register(key_socket, mode, here, there)?, peer, pairs: Vec::new() })
    }

    /// Goes on until the PF_KEY socket breaks. What fails besides is said on standard error.
    pub fn run(&mut self) -> Outcome {
        loop {
            while let Some(event) = self.sad.next_event()? {
                report(self.handle(&event))?;
            }
            let mut files =
                [PollFd::new(&self.sad, PollFlags::IN), PollFd::new(&self.peer, PollFlags::IN)];
            poll(&mut files, None)?;
            if !files[1].revents().is_empty() {
                let letter = self.receive();
                report(letter.and_then(|letter| self.read(letter)))?;
            }
        }
    }

    fn handle(&mut self, event: &Event) -> Outcome {
        match *event {
            Event::Acquire { seq, index } => self.acquire(seq, index),
            Event::Expire { is_hard, spi } => self.expire(is_hard, spi),
        }
    }

    fn acquire(&mut self, seq: u32, index: u32) -> Outcome {
        say(&format!("ACQUIRE {seq:#x}"))?;
        if !self.sad.serves(seq, index)? {
            return Err(format!("policy {index} asks for other SAs").into());
        }
        self.pairs.retain(|pair| pair.is_complete || pair.begun.elapsed() < PATIENCE);
        if self.pairs.iter().any(|pair| !pair.is_complete) {
            // The exchange that is under way makes what is wanted.
            return Ok(());
        }
        self.propose(seq, None)
    }

    /// At the soft limit of an outbound SA, another pair takes the place of its pair.
    fn expire(&mut self, is_hard: bool, spi: Spi) -> Outcome {
        let is_it = |pair: &&Pair| pair.outbound.as_ref().is_some_and(|theirs| theirs.spi == spi);
        // Others have SAs too.
        let Some(pair) = self.pairs.iter().find(is_it) else { return Ok(()) };
        let mine = pair.inbound.spi;
        let limit = if is_hard { "hard" } else { "soft" };
        say(&format!("EXPIRE {limit} {:#x}", spi.0))?;
        if is_hard {
            self.forget(mine);
            return Ok(());
        }
        if self.pairs.iter().any(|pair| pair.replaces == Some(mine)) {
            return Ok(());
        }
        let seq = self.sad.new_seq();
        self.propose(seq, Some(mine))
    }

    fn propose(&mut self, seq: u32, replaces: Option<Spi>) -> Outcome {
        let inbound = Offer::new(self.sad.get_spi(seq)?);
        self.write(&Letter::Propose(inbound.clone()))?;
        let (outbound, soft) = (None, INITIATORS_SOFT);
        let (is_complete, begun) = (false, Instant::now());
        self.pairs.push(Pair { seq, soft, inbound, outbound, is_complete, begun, replaces });
        Ok(())
    }

    /// Takes the next step of an exchange.
    fn read(&mut self, letter: Letter) -> Outcome {
        match letter {
            Letter::Propose(theirs) => self.accept(theirs),
            Letter::Accept(mine, theirs) => {
                let yours = theirs.spi;
                self.pair(mine)?.outbound = Some(theirs);
                self.update_inbound(mine)?;
                self.write(&Letter::Ready(yours))
            }
            Letter::Ready(mine) => {
                let yours = self.add_outbound(mine)?;
                self.write(&Letter::Done(yours))
            }
            Letter::Done(mine) => {
                self.add_outbound(mine)?;
                let Some(old) = self.pair(mine)?.replaces.take() else { return Ok(()) };
                let yours = self.delete_outbound(old)?;
                self.write(&Letter::Delete(yours))
            }
            Letter::Delete(mine) => {
                let yours = self.delete_outbound(mine)?;
                self.sad.delete(Direction::In, mine)?;
                self.forget(mine);
                self.write(&Letter::Deleted(yours))
            }
            Letter::Deleted(mine) => {
                self.sad.delete(Direction::In, mine)?;
                self.forget(mine);
                Ok(())
            }
        }
    }

    fn accept(&mut self, theirs: Offer) -> Outcome {
        let seq = self.sad.new_seq();
        let inbound = Offer::new(self.sad.get_spi(seq)?);
        let letter = Letter::Accept(theirs.spi, inbound.clone());
        let (outbound, soft, replaces) = (Some(theirs), RESPONDERS_SOFT, None);
        let (mine, is_complete, begun) = (inbound.spi, false, Instant::now());
        self.pairs.push(Pair { seq, soft, inbound, outbound, is_complete, begun, replaces });
        self.update_inbound(mine)?;
        self.write(&letter)
    }

    fn update_inbound(&mut self, mine: Spi) -> Outcome {
        let pair = pair(&mut self.pairs, mine)?;
        self.sad.update_inbound(pair.seq, &pair.inbound, pair.soft)
    }

    /// Adds the outbound SA of a pair; its SPI.
    fn add_outbound(&mut self, mine: Spi) -> Outcome<Spi> {
        let pair = pair(&mut self.pairs, mine)?;
        self.sad.add_outbound(pair.seq, pair.outbound()?, pair.soft)?;
        pair.is_complete = true;
        Ok(pair.outbound()?.spi)
    }

    /// Deletes the outbound SA of a pair; its SPI.
    fn delete_outbound(&mut self, mine: Spi) -> Outcome<Spi> {
        let yours = self.pair(mine)?.outbound()?.spi;
        self.sad.delete(Direction::Out, yours)?;
        Ok(yours)
    }

    fn pair(&mut self, mine: Spi) -> Outcome<&mut Pair> {
        pair(&mut self.pairs, mine)
    }

    fn forget(&mut self, mine: Spi) {
        self.pairs.retain(|pair| pair.inbound.spi != mine);
    }

    fn write(&self, letter: &Letter) -> Outcome {
        self.peer.send(letter.to_string().as_bytes())?;
        Ok(())
    }

    fn receive(&self) -> Outcome<Letter> {
        let mut buffer = [0; 1000];
        let length = self.peer.recv(&mut buffer)?;
        Ok(str::from_utf8(&buffer[..length])?.parse()?)
    }
}

impl Pair {
    fn outbound(&self) -> Result<&Offer, &'static str> {
        self.outbound.as_ref().ok_or("the peer has offered nothing")
    }
}

/// The pair with this inbound SPI.
fn pair(pairs: &mut [Pair], mine: Spi) -> Outcome<&mut Pair> {
    let found = pairs.iter_mut().find(|pair| pair.inbound.spi == mine);
    Ok(found.ok_or_else(|| format!("no pair of SAs with SPI {:#x}", mine.0))?)
}

/// Prints what has failed, and goes on.
fn report(outcome: Outcome) -> Outcome {
    if let Err(error) = outcome {
        writeln!(io::stderr(), "toy_ike: {error}")?;
    }
    Ok(())
}
