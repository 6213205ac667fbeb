mod dumps;

use std::num::NonZeroU32;

use model::{
    KernelDefault, PolicyEntry, PolicyId, SaEntry, SaId, SadInfo, SpdInfo, Spi, SpiRequest,
};
use netlink_packet_core::NLM_F_REQUEST;
use netlink_packet_xfrm::{XfrmMessage, policy, state};
use rustix::io::Errno;
use sys::clock::unix_seconds;
use tracing::debug;
use zeroize::Zeroizing;

use crate::{
    Answer, Batch, CatchAll, Error, KernelRefusal, SaImage,
    batch::{Limits, RESERVED, append},
    device::Devices,
    reply::Reply,
    socket::{Seqs, Socket},
    wire,
};

/// A conversation with the kernel's XFRM in the network namespace where it was opened.
pub struct Connection {
    pub(crate) socket: Socket,
    pub(crate) next_seq: u32,
}

impl Connection {
    /// Opens a NETLINK_XFRM socket with extended acknowledgements and a receive buffer of 4 MiB,
    /// or as much as net.core.rmem_max allows, and asks the kernel one harmless question.
    ///
    /// Errors: [`Error::NoXfrm`], [`Error::NoCapability`], [`Error::Socket`].
    pub fn open() -> Result<Self, Error> {
        let mut connection = Self { socket: Socket::open(1)?, next_seq: 1 };
        let question = XfrmMessage::GetSadInfo(state::GetSadInfoMessage::default());
        match connection.ask(&question, |_| Ok(()))? {
            Answer::Found(()) => Ok(connection),
            Answer::Refused(refusal) if refusal.errno == Errno::PERM => Err(Error::NoCapability),
            Answer::Refused(refusal) => {
                Err(Error::Refused { doing: "asking for the SAD's size", refusal })
            }
        }
    }

    /// The netlink port that its changes come from: [`model::Origin::pid`] of their events.
    #[must_use]
    pub fn port(&self) -> u32 {
        self.socket.port
    }

    /// The devices that its messages name: those of its network namespace.
    #[must_use]
    pub fn devices(&self) -> Devices {
        self.socket.devices.clone()
    }

    /// Has its messages name the devices of another network namespace.
    pub fn set_devices(&mut self, devices: Devices) {
        self.socket.devices = devices;
    }

    /// An empty batch, limited to what this connection can send and have answered at once.
    #[must_use]
    pub fn batch(&mut self) -> Batch {
        let Socket { port, receive_buffer, send_buffer, .. } = self.socket;
        let limits = Limits { port, receive_buffer, send_buffer };
        Batch::new(self.reserve(), limits, self.socket.devices.clone())
    }

    /// The first of the sequence numbers that are reserved for a batch.
    fn reserve(&mut self) -> u32 {
        let first = self.next_seq;
        self.next_seq = first.wrapping_add(RESERVED);
        first
    }

    /// Sends a batch in one system call, empties it, and collects the refusals: each with the
    /// position of its change in the batch, from 0, in order. A refusal does not stop the changes
    /// after it (`netlink_rcv_skb`).
    ///
    /// Errors: [`Error::RepliesLost`], [`Error::Socket`], [`Error::Malformed`]; after any of them
    /// it is unknown which changes were made.
    pub fn send(&mut self, batch: &mut Batch) -> Result<Vec<(usize, KernelRefusal)>, Error> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let mut refusals = batch.take_refused();
        let (seqs, messages) = batch.close();
        debug!(first_seq = seqs.first, count = seqs.count, bytes = messages.len(), "sent");
        let sent = if seqs.count == 0 { Ok(()) } else { self.socket.send(messages) };
        batch.restart(self.reserve());
        sent?;
        self.collect(seqs, &mut refusals)?;
        refusals.sort_unstable_by_key(|refusal| refusal.0);
        Ok(refusals)
    }

    /// Collects the refusals of a run of requests, the last of which is always answered.
    fn collect(
        &mut self,
        seqs: Seqs,
        refusals: &mut Vec<(usize, KernelRefusal)>,
    ) -> Result<(), Error> {
        let Some(last) = seqs.count.checked_sub(1) else { return Ok(()) };
        loop {
            let (position, refusal) = self.socket.reply(seqs, |position, reply| {
                let Reply::Refused(refusal) = reply else { return Ok((position, None)) };
                Ok((position, Some(refusal)))
            })?;
            if let Some(refusal) = refusal {
                debug!(seq = seqs.at(position), ?refusal, "received");
                refusals.push((position, refusal));
            }
            if usize::try_from(last) == Ok(position) {
                debug!(seq = seqs.at(position), refused = refusals.len(), "all answered");
                return Ok(());
            }
        }
    }

    /// Reads one SA (`XFRM_MSG_GETSA`); refused with ESRCH if there is none.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn get_sa(&mut self, id: &SaId) -> Result<Answer<SaEntry>, Error> {
        let question = XfrmMessage::GetSa(wire::sa::id_message(id));
        debug!(seq = self.next_seq, ?id, "get");
        let devices = self.socket.devices.clone();
        let answer = self.ask(&question, |object| wire::sa::read(object, unix_seconds(), &devices));
        debug!(?answer, "received");
        answer
    }

    /// Reads one SA with all attributes (`XFRM_MSG_GETSA`); refused with ESRCH if
    /// there is none.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn get_sa_image(&mut self, id: &SaId) -> Result<Answer<SaImage>, Error> {
        let question = XfrmMessage::GetSa(wire::sa::id_message(id));
        debug!(seq = self.next_seq, ?id, "get the whole of");
        let devices = self.socket.devices.clone();
        let answer = self.ask(&question, |object| SaImage::read(object, unix_seconds(), &devices));
        debug!(?answer, "received");
        answer
    }

    /// Reads the policy of this name (`XFRM_MSG_GETPOLICY`); refused with ENOENT if there is none, with
    /// ENODEV if there is no such device.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn get_policy(&mut self, id: &PolicyId) -> Result<Answer<PolicyEntry>, Error> {
        match wire::policy::id_message(id, &self.socket.devices) {
            Ok(name) => self.ask_for_policy(&XfrmMessage::GetPolicy(name)),
            Err(refusal) => Ok(Answer::Refused(refusal)),
        }
    }

    /// Reads the policy of this index, whose low three bits are its direction
    /// (`XFRM_MSG_GETPOLICY`); refused with ENOENT if there is none.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn get_policy_of_index(&mut self, index: u32) -> Result<Answer<PolicyEntry>, Error> {
        // Without an index the kernel goes by the selector.
        if index == 0 {
            return Ok(Answer::Refused(KernelRefusal { errno: Errno::NOENT, text: None }));
        }
        self.ask_for_policy(&XfrmMessage::GetPolicy(wire::policy::index_message(index)))
    }

    fn ask_for_policy(&mut self, question: &XfrmMessage) -> Result<Answer<PolicyEntry>, Error> {
        debug!(seq = self.next_seq, ?question, "get");
        let devices = self.socket.devices.clone();
        let answer = self.ask(question, |object| {
            let none = || Error::Malformed("a sub-policy where a policy was expected".into());
            wire::policy::read(object, &devices)?.ok_or_else(none)
        });
        debug!(?answer, "received");
        answer
    }

    /// Whether a catch-all is there.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`], [`Error::Refused`].
    pub fn has_catch_all(&mut self, it: CatchAll) -> Result<bool, Error> {
        let question = XfrmMessage::GetPolicy(wire::catch_all::id_message(it));
        debug!(seq = self.next_seq, ?it, "get");
        match self.ask(&question, |_| Ok(()))? {
            Answer::Found(()) => Ok(true),
            Answer::Refused(refusal) if refusal.errno == Errno::NOENT => Ok(false),
            Answer::Refused(refusal) => {
                Err(Error::Refused { doing: "asking for a catch-all", refusal })
            }
        }
    }

    /// Reads the kernel's own default policy (`XFRM_MSG_GETDEFAULT`); refused with EINVAL by kernels before
    /// 5.15, which have none.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn get_default(&mut self) -> Result<Answer<KernelDefault>, Error> {
        let question = XfrmMessage::GetPolicyDefault(policy::DefaultMessage::default());
        debug!(seq = self.next_seq, "get the default policy");
        self.ask(&question, wire::info::default)
    }

    /// Reads the size of the SAD (`XFRM_MSG_GETSADINFO`).
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn sad_info(&mut self) -> Result<Answer<SadInfo>, Error> {
        debug!(seq = self.next_seq, "get the size of the SAD");
        let question = XfrmMessage::GetSadInfo(state::GetSadInfoMessage::default());
        self.ask(&question, wire::info::sad)
    }

    /// Reads the size of the SPD (`XFRM_MSG_GETSPDINFO`).
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn spd_info(&mut self) -> Result<Answer<SpdInfo>, Error> {
        debug!(seq = self.next_seq, "get the size of the SPD");
        let question = XfrmMessage::GetSpdInfo(policy::GetSpdInfoMessage::default());
        self.ask(&question, wire::info::spd)
    }

    /// Makes a larval SA with an SPI of the range, both ends included (`XFRM_MSG_ALLOCSPI`); refused
    /// with ENOENT if all of them are taken.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn get_spi(
        &mut self,
        request: &SpiRequest,
        range: (Spi, Spi),
    ) -> Result<Answer<SaEntry>, Error> {
        self.get_spi_of(None, request, range)
    }

    /// As [`Connection::get_spi`], but if there is a larval SA of the ACQUIRE of this number to the
    /// same address, that one gets the SPI.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`].
    pub fn get_spi_of(
        &mut self,
        acquire: Option<NonZeroU32>,
        request: &SpiRequest,
        range: (Spi, Spi),
    ) -> Result<Answer<SaEntry>, Error> {
        let question = XfrmMessage::AllocSpi(wire::sa::spi_message(request, range, acquire));
        debug!(seq = self.next_seq, ?request, ?range, acquire, "get an SPI");
        let devices = self.socket.devices.clone();
        let answer = self.ask(&question, |object| wire::sa::read(object, unix_seconds(), &devices));
        debug!(?answer, "received");
        answer
    }

    /// Sends one question and reads its one answer.
    fn ask<T>(
        &mut self,
        question: &XfrmMessage,
        read: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<Answer<T>, Error> {
        let seqs = self.request(question, NLM_F_REQUEST)?;
        self.socket.reply(seqs, |_, reply| match reply {
            Reply::Object(object) => read(object).map(Answer::Found),
            Reply::Refused(refusal) => Ok(Answer::Refused(refusal)),
            Reply::Done => Err(Error::Malformed("an acknowledgement without an answer".into())),
        })
    }

    pub(crate) fn request(&mut self, question: &XfrmMessage, flags: u16) -> Result<Seqs, Error> {
        let seqs = Seqs { first: self.next_seq, count: 1 };
        self.next_seq = self.next_seq.wrapping_add(1);
        let mut datagram = Zeroizing::default();
        append(&mut datagram, question, flags, (seqs.first, 0));
        self.socket.send(&datagram)?;
        Ok(seqs)
    }
}
