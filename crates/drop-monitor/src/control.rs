//! Requests to NET_DM and their answers.

use netlink_packet_core::{
    DecodeError, DefaultNla, ErrorBuffer, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NetlinkSerializable, NlasIterator,
    ParseableParametrized, parse_u64,
};
use netlink_packet_generic::{
    GenlHeader, GenlMessage,
    ctrl::{
        GenlCtrl, GenlCtrlCmd,
        nlas::{GenlCtrlAttrs, McastGrpAttrs},
    },
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{RecvFlags, SendFlags, recv, send},
};

use crate::{
    AlertConfiguration, Error,
    wire::{FAMILY, GROUP, NetDmMessage, attribute, command},
};

/// Bytes of an answer at most: the one about a family has its operations too.
const ROOM: usize = 16 << 10;

/// Bytes of the header of generic netlink (`GENL_HDRLEN`).
const GENL_HDRLEN: usize = 4;

/// A socket for requests, and the numbers of the family.
pub(crate) struct Control {
    socket: Socket,
    family: u16,
    group: u32,
    sequence: u32,
}

/// Opens a socket of generic netlink that is connected to the kernel.
pub(crate) fn connect() -> Result<Socket, Error> {
    let failed = |doing| move |error: std::io::Error| Error::of(doing)(errno(&error));
    let socket = Socket::new(NETLINK_GENERIC).map_err(failed("opening a netlink socket"))?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(failed("connecting to the kernel"))?;
    socket.set_cap_ack(true).map_err(failed("asking for short replies"))?;
    Ok(socket)
}

pub(crate) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

impl Control {
    /// Opens a socket in this thread's network namespace and asks for the family, which has the kernel load
    /// its module.
    pub(crate) fn open() -> Result<Self, Error> {
        let mut control = Self { socket: connect()?, family: 0, group: 0, sequence: 0 };
        let question = GenlCtrl {
            cmd: GenlCtrlCmd::GetFamily,
            nlas: vec![GenlCtrlAttrs::FamilyName(FAMILY.to_owned())],
        };
        let answer = control.send(GenlMessage::from_payload(question));
        let answer = answer.map_err(|errno| match errno {
            Errno::NOENT => Error::NoModule,
            other => Error::of("asking for the family")(other),
        })?;
        let answer = answer.ok_or_else(|| DecodeError::from("no family"))?;
        let header = GenlHeader::parse(&answer)?;
        let family = GenlCtrl::parse_with_param(&answer[GENL_HDRLEN..], header)?;
        for nla in family.nlas {
            match nla {
                GenlCtrlAttrs::FamilyId(id) => control.family = id,
                GenlCtrlAttrs::McastGroups(groups) => {
                    control.group = groups.iter().find_map(|group| id_of(group)).unwrap_or(0);
                }
                _ => {}
            }
        }
        if control.family == 0 || control.group == 0 {
            return Err(DecodeError::from("a family without its numbers").into());
        }
        Ok(control)
    }

    /// The number of the group that alerts are sent to.
    pub(crate) fn group(&self) -> u32 {
        self.group
    }

    pub(crate) fn configuration(&mut self) -> Result<AlertConfiguration, Error> {
        let answer =
            self.ask(command::CONFIG_GET, command::CONFIG_NEW, "reading its configuration")?;
        Ok(AlertConfiguration::read(&answer)?)
    }

    /// Errors: EBUSY while it is started.
    pub(crate) fn configure(&mut self, configuration: AlertConfiguration) -> Result<(), Errno> {
        self.call(command::CONFIG, configuration.attributes()).map(drop)
    }

    /// Has it report what the kernel itself drops. Errors: EAGAIN if it does.
    pub(crate) fn start(&mut self) -> Result<(), Errno> {
        let flag = DefaultNla::new(attribute::SW_DROPS, Vec::new());
        self.call(command::START, vec![flag]).map(drop)
    }

    pub(crate) fn stop(&mut self) -> Result<(), Errno> {
        let flag = DefaultNla::new(attribute::SW_DROPS, Vec::new());
        self.call(command::STOP, vec![flag]).map(drop)
    }

    /// How many packets did not fit the queues, since the module was loaded.
    pub(crate) fn lost(&mut self) -> Result<u64, Error> {
        let answer = self.ask(command::STATS_GET, command::STATS_NEW, "reading its statistics")?;
        for nla in NlasIterator::new(&answer[..]) {
            let nla = nla?;
            if nla.kind() != attribute::STATS {
                continue;
            }
            for nla in NlasIterator::new(nla.value()) {
                let nla = nla?;
                if nla.kind() == attribute::STATS_DROPPED {
                    return Ok(parse_u64(nla.value())?);
                }
            }
        }
        Ok(0)
    }

    /// The attributes of an answer.
    fn ask(&mut self, command: u8, expected: u8, doing: &'static str) -> Result<Vec<u8>, Error> {
        let answer = self.call(command, Vec::new()).map_err(Error::of(doing))?;
        let answer = answer.ok_or_else(|| DecodeError::from("no answer"))?;
        if GenlHeader::parse(&answer)?.cmd != expected {
            return Err(DecodeError::from("an answer to another question").into());
        }
        Ok(answer[GENL_HDRLEN..].to_vec())
    }

    fn call(&mut self, command: u8, attributes: Vec<DefaultNla>) -> Result<Option<Vec<u8>>, Errno> {
        let mut message = GenlMessage::from_payload(NetDmMessage { command, attributes });
        message.set_resolved_family_id(self.family);
        self.send(message)
    }

    /// Sends a request and reads its answer, with the header of generic netlink, up to the acknowledgement.
    fn send<M: NetlinkSerializable>(&mut self, message: M) -> Result<Option<Vec<u8>>, Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        (header.flags, header.sequence_number) = (NLM_F_REQUEST | NLM_F_ACK, self.sequence);
        let mut request = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        retry_on_intr(|| send(&self.socket, &bytes, SendFlags::empty()))?;
        let (mut answer, mut room) = (None, vec![0; ROOM]);
        loop {
            let (length, _) =
                retry_on_intr(|| recv(&self.socket, &mut room[..], RecvFlags::empty()))?;
            let mut rest = &room[..length];
            while let Ok(message) = NetlinkBuffer::new_checked(rest) {
                if message.sequence_number() == self.sequence {
                    if message.message_type() == NLMSG_ERROR {
                        return refusal(message.payload()).map_or(Ok(answer), Err);
                    }
                    answer = Some(message.payload().to_vec());
                }
                let length = usize::try_from(message.length()).unwrap_or(usize::MAX);
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

/// The errno of an acknowledgement; none: the request was carried out.
fn refusal(payload: &[u8]) -> Option<Errno> {
    let Ok(error) = ErrorBuffer::new_checked(payload) else { return Some(Errno::BADMSG) };
    let code = error.code()?.get();
    let is_errno = (-4095..0).contains(&code);
    Some(if is_errno { Errno::from_raw_os_error(-code) } else { Errno::BADMSG })
}

/// The number of a group, if it is that of alerts.
fn id_of(group: &[McastGrpAttrs]) -> Option<u32> {
    let is_alerts =
        group.iter().any(|nla| matches!(nla, McastGrpAttrs::Name(name) if name == GROUP));
    let id = group.iter().find_map(|nla| match nla {
        McastGrpAttrs::Id(id) => Some(*id),
        McastGrpAttrs::Name(_) => None,
    });
    id.filter(|_| is_alerts)
}
