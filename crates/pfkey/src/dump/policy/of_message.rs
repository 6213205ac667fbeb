use model::{Dialect, Upper};

use super::{Packets, PolicyText, SelectorText};
use crate::{
    Message,
    dump::{HostText, style::Style},
    ext::{Address, AddressKind, LifetimeKind, Policy},
};

/// From this remainder by 8 on, the index is that of a socket's policy.
const FIRST_OF_SOCKETS: u32 = 3;

impl<'a> PolicyText<'a> {
    /// The text of the policy of a message; `describe` prints its heading and templates, a line each.
    ///
    /// The error is what is printed instead of a policy if the message has none.
    pub fn of_message(
        message: &'a Message,
        host: HostText,
        describe: impl Fn(&Policy) -> String,
    ) -> Result<Self, String> {
        let Some(policy) = message.policy() else {
            return Err("no X_POLICY extension.\n".to_owned());
        };
        let ends = message.address(AddressKind::Src).zip(message.address(AddressKind::Dst));
        let times = message.lifetime(LifetimeKind::Current);
        let limits = message.lifetime(LifetimeKind::Hard);
        Ok(Self {
            packets: match ends {
                _ if policy.id % 8 >= FIRST_OF_SOCKETS => Packets::OfSocket,
                Some((src, dst)) => Packets::Of(selector(src, dst, host)),
                None => Packets::Unknown,
            },
            policy: describe(policy),
            times: times.map(|current| (current.add_time, current.use_time)),
            limits: limits.map(|hard| (hard.add_time, hard.use_time)),
            sec_ctx: message.sec_ctx().map(Into::into),
            index: policy.id,
            seq: message.seq,
            pid: message.pid,
            references: message.reserved,
            device: None,
            style: Style::of(Dialect::Linux),
        })
    }
}

fn selector(src: &Address, dst: &Address, host: HostText) -> SelectorText {
    let prefix = |address: &Address| {
        let whole = if address.sockaddr.is_ipv4() { 32 } else { 128 };
        let host = host(address.sockaddr);
        match address.prefix_len {
            length if length == whole => host,
            length => format!("{host}/{length}"),
        }
    };
    SelectorText {
        src: prefix(src),
        dst: prefix(dst),
        src_port: src.sockaddr.port(),
        dst_port: dst.sockaddr.port(),
        // Any protocol is shown as its number.
        upper: Upper::Number(src.proto),
        style: Style::of(Dialect::Linux),
    }
}
