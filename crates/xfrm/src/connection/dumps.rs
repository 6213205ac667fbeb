//! Dumps of the SAD and SPD, and what of a large SPD is wanted.

use std::num::NonZeroU64;

use model::{PolicyEntry, PolicyFilter, SaEntry};
use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST};
use netlink_packet_xfrm::{XfrmMessage, policy};
use sys::clock::unix_seconds;
use tracing::debug;

use super::Connection;
use crate::{
    Dump, Error, PolicyImage, SaImage, SadSelection, SocketPolicyEntry, dump::Read, reply::Reply,
    socket::Seqs, wire,
};

const DUMPING_SAD: &str = "dumping the SAD";
const DUMPING_SPD: &str = "dumping the SPD";

impl Connection {
    /// Reads the SAD, newest SA first, as the iterator is pulled. Only AH, ESP and IPComp SAs are
    /// given unless the filter names another protocol.
    ///
    /// Errors: [`Error::Socket`].
    pub fn dump_sad(&mut self, filter: &SadSelection) -> Result<Dump<'_, SaEntry>, Error> {
        let (seqs, read) = self.ask_for_sad(filter)?;
        Ok(Dump::new((&mut self.socket).into(), seqs, DUMPING_SAD, read))
    }

    /// Reads the AH, ESP and IPComp SAs with all attributes, newest first, as the iterator is pulled.
    ///
    /// Errors: [`Error::Socket`].
    pub fn dump_sa_images(&mut self) -> Result<Dump<'_, SaImage>, Error> {
        let filter = SadSelection::default();
        let question = XfrmMessage::GetDumpSa(filter.message());
        debug!(seq = self.next_seq, "dump the whole SAD");
        let seqs = self.request(&question, NLM_F_REQUEST | NLM_F_DUMP)?;
        let devices = self.socket.devices.clone();
        let read = move |object: &[u8]| {
            let is_taken = filter.takes_proto(wire::sa::proto_number(object)?);
            is_taken.then(|| SaImage::read(object, unix_seconds(), &devices)).transpose()
        };
        Ok(Dump::new((&mut self.socket).into(), seqs, DUMPING_SAD, Box::new(read)))
    }

    /// As [`Connection::dump_sad`], for a dump that lasts: it takes the connection with it.
    ///
    /// Errors: [`Error::Socket`].
    pub fn into_sad_dump(mut self, filter: &SadSelection) -> Result<Dump<'static, SaEntry>, Error> {
        let (seqs, read) = self.ask_for_sad(filter)?;
        Ok(Dump::new(self.socket.into(), seqs, DUMPING_SAD, read))
    }

    fn ask_for_sad(&mut self, filter: &SadSelection) -> Result<(Seqs, Read<SaEntry>), Error> {
        let question = XfrmMessage::GetDumpSa(filter.message());
        debug!(seq = self.next_seq, ?filter, "dump the SAD");
        let seqs = self.request(&question, NLM_F_REQUEST | NLM_F_DUMP)?;
        let (filter, devices) = (*filter, self.socket.devices.clone());
        let read = move |object: &[u8]| {
            if !filter.takes_proto(wire::sa::proto_number(object)?) {
                return Ok(None);
            }
            let entry = wire::sa::read(object, unix_seconds(), &devices)?;
            Ok(filter.takes_ends(entry.sa.ends).then_some(entry))
        };
        Ok((seqs, Box::new(read)))
    }

    /// Reads the SPD, newest policy first, as the iterator is pulled: every direction, and the
    /// policies of sockets, marked so.
    ///
    /// Errors: [`Error::Socket`].
    pub fn dump_spd(&mut self) -> Result<Dump<'_, PolicyEntry>, Error> {
        let devices = self.socket.devices.clone();
        self.dump_policies(move |object| wire::policy::read(object, &devices))
    }

    /// Reads the policies with all attributes, newest first, as the iterator is pulled; those of sockets are
    /// marked so.
    ///
    /// Errors: [`Error::Socket`].
    pub fn dump_policy_images(&mut self) -> Result<Dump<'_, PolicyImage>, Error> {
        let devices = self.socket.devices.clone();
        self.dump_policies(move |object| PolicyImage::read(object, &devices))
    }

    /// Reads the index of each policy, and when a packet has last used it, in Unix seconds; none: no packet has.
    /// Of a policy for forwarded packets or unconnected sockets that is every packet, of one for a
    /// connection its first and those after a change of routes or policies.
    ///
    /// Errors: [`Error::Socket`].
    pub fn dump_policy_uses(&mut self) -> Result<Dump<'_, (u32, Option<NonZeroU64>)>, Error> {
        self.dump_policies(wire::policy::read_use)
    }

    /// Reads the policies that are wanted, newest first, without those of sockets and catch-alls. Of the
    /// others no more than the addresses or the head is decoded.
    ///
    /// Errors: [`Error::Socket`], [`Error::Malformed`], [`Error::Refused`].
    pub fn select_policies(
        &mut self,
        filter: &mut impl PolicyFilter,
    ) -> Result<Vec<PolicyEntry>, Error> {
        let (seqs, devices) = (self.ask_for_spd()?, self.socket.devices.clone());
        let mut policies = Vec::new();
        loop {
            let has_ended = self.socket.reply(seqs, |_, reply| match reply {
                Reply::Object(object) => {
                    let addresses = wire::policy::read_addresses(object);
                    if addresses.is_some_and(|addresses| filter.passes_over(&addresses)) {
                        return Ok(false);
                    }
                    let head = wire::policy::read_head(object, &devices)?;
                    if head.is_some_and(|head| filter.takes(&head)) {
                        policies.extend(wire::policy::read(object, &devices)?);
                    }
                    Ok(false)
                }
                Reply::Done => Ok(true),
                Reply::Refused(refusal) => Err(Error::Refused { doing: DUMPING_SPD, refusal }),
            });
            match has_ended {
                Ok(false) => {}
                Ok(true) => return Ok(policies),
                Err(error) => {
                    self.socket.drain();
                    return Err(error);
                }
            }
        }
    }

    /// Reads the policies of sockets, newest first, as the iterator is pulled.
    ///
    /// Errors: [`Error::Socket`].
    pub fn dump_socket_policies(&mut self) -> Result<Dump<'_, SocketPolicyEntry>, Error> {
        let devices = self.socket.devices.clone();
        self.dump_policies(move |object| wire::socket_policy::read(object, &devices))
    }

    fn dump_policies<T>(
        &mut self,
        read: impl Fn(&[u8]) -> Result<Option<T>, Error> + Send + 'static,
    ) -> Result<Dump<'_, T>, Error> {
        let seqs = self.ask_for_spd()?;
        Ok(Dump::new((&mut self.socket).into(), seqs, DUMPING_SPD, Box::new(read)))
    }

    /// As [`Connection::dump_spd`], for a dump that lasts: it takes the connection with it.
    ///
    /// Errors: [`Error::Socket`].
    pub fn into_spd_dump(mut self) -> Result<Dump<'static, PolicyEntry>, Error> {
        let (seqs, devices) = (self.ask_for_spd()?, self.socket.devices.clone());
        let read = move |object: &[u8]| wire::policy::read(object, &devices);
        Ok(Dump::new(self.socket.into(), seqs, DUMPING_SPD, Box::new(read)))
    }

    fn ask_for_spd(&mut self) -> Result<Seqs, Error> {
        debug!(seq = self.next_seq, "dump the SPD");
        let question = XfrmMessage::GetPolicy(policy::DelGetMessage::default());
        self.request(&question, NLM_F_REQUEST | NLM_F_DUMP)
    }
}
