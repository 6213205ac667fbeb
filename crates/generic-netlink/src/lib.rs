//! Requests to families of generic netlink and their answers (linux/genetlink.h).

mod error;
mod message;

use netlink_packet_core::{
    DecodeError, DefaultNla, ErrorBuffer, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR, NetlinkBuffer,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, ParseableParametrized,
};
use netlink_packet_generic::{
    GenlHeader,
    ctrl::{
        GenlCtrl,
        nlas::{GenlCtrlAttrs, McastGrpAttrs},
    },
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_GENERIC};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{RecvFlags, SendFlags, recv, send},
};

pub use error::Error;
use message::FamilyMessage;

/// Bytes of an answer at most: the one about a family has its operations too.
const ROOM: usize = 16 << 10;

/// Bytes of the header of generic netlink (`GENL_HDRLEN`).
const GENL_HDRLEN: usize = 4;

/// The family that has the numbers of the others (`GENL_ID_CTRL`).
const CONTROLLER: u16 = 16;

/// Its version.
const CONTROLLER_VERSION: u8 = 1;

/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;

/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;

/// A socket for requests to one family.
pub struct GenericFamily {
    socket: Socket,
    number: u16,
    version: u8,
    groups: Vec<(String, u32)>,
    sequence: u32,
}

/// Opens a socket of generic netlink that is connected to the kernel.
///
/// Errors: [`Error::Failed`].
pub fn connect() -> Result<Socket, Error> {
    let failed =
        |doing| move |error: std::io::Error| Error::Failed { doing, source: errno(&error) };
    let socket = Socket::new(NETLINK_GENERIC).map_err(failed("opening a netlink socket"))?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(failed("connecting to the kernel"))?;
    socket.set_cap_ack(true).map_err(failed("asking for short replies"))?;
    Ok(socket)
}

/// The errno of a failed system call.
#[must_use]
pub fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

impl GenericFamily {
    /// Opens a socket in this thread's network namespace and asks for the family, which has the kernel load
    /// its module.
    ///
    /// Errors: [`Error`].
    pub fn open(name: &'static str, version: u8) -> Result<Self, Error> {
        let (number, groups) = (CONTROLLER, Vec::new());
        let socket = connect()?;
        let mut controller =
            Self { socket, number, version: CONTROLLER_VERSION, groups, sequence: 0 };
        let text = [name.as_bytes(), b"\0"].concat();
        let answer = controller.call(GET_FAMILY, vec![DefaultNla::new(FAMILY_NAME, text)]);
        let answer = answer.map_err(|errno| match errno {
            Errno::NOENT => Error::NoFamily(name),
            source => Error::Failed { doing: "asking for the family", source },
        })?;
        let answer = answer.ok_or_else(|| DecodeError::from("no family"))?;
        let header = GenlHeader::parse(&answer)?;
        let answer = GenlCtrl::parse_with_param(&answer[GENL_HDRLEN..], header)?;
        let mut family = Self { number: 0, version, ..controller };
        for nla in answer.nlas {
            match nla {
                GenlCtrlAttrs::FamilyId(number) => family.number = number,
                GenlCtrlAttrs::McastGroups(groups) => {
                    family.groups = groups.iter().filter_map(|group| named(group)).collect();
                }
                _ => {}
            }
        }
        if family.number == 0 {
            return Err(DecodeError::from("a family without its number").into());
        }
        Ok(family)
    }

    /// The number of a multicast group.
    ///
    /// Errors: [`Error::Malformed`].
    pub fn group(&self, name: &str) -> Result<u32, Error> {
        let group = self.groups.iter().find(|(it, _)| it == name).map(|(_, number)| *number);
        group.ok_or_else(|| DecodeError::from("a family without its group").into())
    }

    /// The attributes of an answer.
    ///
    /// Errors: [`Error::Failed`] with `doing`, [`Error::Malformed`].
    pub fn ask(
        &mut self,
        command: u8,
        attributes: Vec<DefaultNla>,
        expected: u8,
        doing: &'static str,
    ) -> Result<Vec<u8>, Error> {
        let answer = self.call(command, attributes);
        let answer = answer.map_err(|source| Error::Failed { doing, source })?;
        let answer = answer.ok_or_else(|| DecodeError::from("no answer"))?;
        if GenlHeader::parse(&answer)?.cmd != expected {
            return Err(DecodeError::from("an answer to another question").into());
        }
        Ok(answer[GENL_HDRLEN..].to_vec())
    }

    /// Sends a request and reads its answer, with the header of generic netlink, up to the acknowledgement.
    ///
    /// Errors: what the kernel refuses the request with.
    pub fn call(
        &mut self,
        command: u8,
        attributes: Vec<DefaultNla>,
    ) -> Result<Option<Vec<u8>>, Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        (header.flags, header.sequence_number) = (NLM_F_REQUEST | NLM_F_ACK, self.sequence);
        let (family, version) = (self.number, self.version);
        let message = FamilyMessage { family, command, version, attributes };
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

/// The name and the number of a group.
fn named(group: &[McastGrpAttrs]) -> Option<(String, u32)> {
    let name = group.iter().find_map(|nla| match nla {
        McastGrpAttrs::Name(name) => Some(name.clone()),
        McastGrpAttrs::Id(_) => None,
    });
    let number = group.iter().find_map(|nla| match nla {
        McastGrpAttrs::Id(number) => Some(*number),
        McastGrpAttrs::Name(_) => None,
    });
    name.zip(number)
}
