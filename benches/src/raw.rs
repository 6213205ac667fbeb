//! The kernel's own limit: messages made beforehand, replies not looked into.

use std::{
    error::Error,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use model::{
    Action, Direction, Installation, Level, Policy, PolicyId, Prefix, Proto, Selector, Template,
    TemplateMode,
};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NetlinkBuffer, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_xfrm::{XfrmMessage, policy::DelGetMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_XFRM};
use xfrm::{Change, Connection, InstalledPolicy};

/// The source of the first policy.
pub const FIRST_SRC: u32 = 0x0a00_0000;

/// The addresses of the policy of this number.
pub fn addresses(n: u32) -> (Ipv4Addr, Ipv4Addr) {
    (Ipv4Addr::from(FIRST_SRC + n), Ipv4Addr::from(0x0b00_0000 + n))
}

/// Sends prepared batches.
pub fn load(count: u32) -> Result<Duration, Box<dyn Error>> {
    let mut connection = Connection::open()?;
    let mut batches = vec![connection.batch()];
    for n in 0..count {
        if batches.last().is_some_and(xfrm::Batch::is_full) {
            batches.push(connection.batch());
        }
        let policy = policy(n)?;
        batches.last_mut().ok_or("no batch")?.push(&Change::AddPolicy(InstalledPolicy {
            policy: &policy,
            installation: Installation::plain(&policy),
            index: 0,
        }));
    }
    let start = Instant::now();
    for mut batch in batches {
        if !connection.send(&mut batch)?.is_empty() {
            return Err("a policy was refused".into());
        }
    }
    Ok(start.elapsed())
}

/// The policy of this number.
pub fn policy(n: u32) -> Result<Policy, model::Error> {
    let (src, dst) = addresses(n);
    let template = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
    Ok(Policy::new(
        PolicyId::new(
            Selector::new(Prefix::host(src.into()), Prefix::host(dst.into()))?,
            Direction::Out,
        ),
        Action::Ipsec(vec![template]),
    ))
}

/// Receives a dump to its end.
pub fn dump() -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let socket = Socket::new(NETLINK_XFRM)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let question = XfrmMessage::GetPolicy(DelGetMessage::default());
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(question));
    message.finalize();
    let mut datagram = vec![0; message.buffer_len()];
    message.serialize(&mut datagram);
    socket.send(&datagram, 0)?;
    let mut chunk = Vec::with_capacity(64 << 10);
    loop {
        chunk.clear();
        socket.recv(&mut chunk, 0)?;
        if ends_dump(&chunk) {
            return Ok(start.elapsed());
        }
    }
}

/// Whether the last message of a datagram is the last of the dump.
fn ends_dump(mut datagram: &[u8]) -> bool {
    while let Ok(message) = NetlinkBuffer::new_checked(datagram) {
        if message.message_type() == NLMSG_DONE {
            return true;
        }
        let length = message.length().next_multiple_of(4);
        datagram = datagram.get(length as usize..).unwrap_or_default();
    }
    false
}
