//! `sadb_x_policy` to text.

use std::net::SocketAddr;

use dns_lookup::getnameinfo;
use model::{ActionKind, Priority, ReqId};
use pfkey::{
    dump::{PolicyHeading, TemplateText, words},
    ext::{IpsecRequest, Policy},
    ext_type,
};

use crate::error::Code;

/// The text of a policy as ipsec_set_policy(3) reads it, each request behind a `delimiter`, as
/// `ipsec_dump_policy` of ipsec-tools 0.8.2 prints it; also mode beet, which that did not know.
pub(crate) fn describe(policy: &[u8], delimiter: &[u8], ports: bool) -> Result<Vec<u8>, Code> {
    let exttype: [u8; 2] = policy.get(2..4).and_then(|it| it.try_into().ok()).unwrap_or_default();
    if u16::from_ne_bytes(exttype) != ext_type::POLICY {
        return Err(Code::InvalidExtensionType);
    }
    let invalid = |_| Code::InvalidMessage;
    let (policy, mut list) = Policy::split(&policy[4..]).map_err(invalid)?;
    let requests: Vec<_> = list.by_ref().collect::<Result<_, _>>().map_err(invalid)?;
    let mut text = heading(&policy)?.to_string().into_bytes();
    if policy.policy_type == ActionKind::Ipsec.pfkey_number() {
        if !list.is_empty() {
            return Err(Code::InvalidMessage);
        }
        for (request, length) in requests {
            text.extend_from_slice(delimiter);
            text.extend_from_slice(template(&request, length, ports)?.to_string().as_bytes());
        }
    }
    Ok(text)
}

fn heading(policy: &Policy) -> Result<PolicyHeading, Code> {
    Ok(PolicyHeading {
        direction: words::direction(policy.dir).ok_or(Code::InvalidDirection)?,
        action: words::action(policy.policy_type).ok_or(Code::InvalidPolicy)?,
        priority: Priority(policy.priority),
    })
}

fn template(request: &IpsecRequest, length: usize, ports: bool) -> Result<TemplateText, Code> {
    Ok(TemplateText {
        proto: words::proto(request.proto).ok_or(Code::InvalidProto)?,
        mode: words::mode(request.mode).ok_or(Code::InvalidMode)?,
        ends: match request.ends {
            Some((src, dst)) => Some((end(src, ports)?, end(dst, ports)?)),
            None if length == IpsecRequest::HEADER_LENGTH => None,
            None => return Err(Code::InvalidAddress),
        },
        level: words::level(request.level).ok_or(Code::InvalidLevel)?,
        reqid: ReqId::new(request.reqid),
    })
}

fn end(end: SocketAddr, ports: bool) -> Result<String, Code> {
    let flags = libc::NI_NUMERICHOST | libc::NI_NUMERICSERV;
    let (host, port) = getnameinfo(&end, flags).map_err(|_| Code::InvalidAddress)?;
    Ok(if ports { format!("{host}[{port}]") } else { host })
}

#[cfg(test)]
mod tests {
    use pfkey::Extension;

    use super::*;
    use crate::compile::compile;

    fn bytes(text: &str) -> Vec<u8> {
        let policy = compile(text.as_bytes()).unwrap();
        Extension::Policy(policy).encode().unwrap().to_vec()
    }

    fn text(policy: &[u8]) -> Result<String, Code> {
        describe(policy, b" ", false).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn what_is_compiled_reads_as_it_was_written() {
        for written in [
            "in prio def discard",
            "fwd prio low - 1 none",
            "out prio high + 7 bypass",
            "in prio def - 5 entrust",
            "out prio def ipsec esp/transport//require ah/tunnel/192.0.2.1-192.0.2.2/unique:7",
            "out prio def ipsec ipcomp/beet/2001:db8::1-fe80::1%lo/use esp/transport//unique#16384",
        ] {
            let read = text(&bytes(&written.replace('#', ":")));
            assert_eq!(read.as_deref(), Ok(written));
        }
    }

    #[test]
    fn each_field_has_its_error() {
        let good = bytes("out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require");
        assert!(text(&good).is_ok());
        // Where, what instead of it.
        for (at, byte, code) in [
            (2, 17, Code::InvalidExtensionType),
            (4, 5, Code::InvalidPolicy),
            (6, 6, Code::InvalidDirection),
            (16, 15, Code::InvalidMessage),
            (16, 16, Code::InvalidMessage),
            (16, 64, Code::InvalidMessage),
            (18, 52, Code::InvalidProto),
            (20, 4, Code::InvalidMode),
            (21, 4, Code::InvalidLevel),
            (32, 1, Code::InvalidAddress),
        ] {
            let mut wrong = good.clone();
            wrong[at] = byte;
            assert_eq!(text(&wrong), Err(code), "byte {at}");
        }
        assert_eq!(text(&good[..12]), Err(Code::InvalidMessage));
        assert_eq!(text(&[]), Err(Code::InvalidExtensionType));
    }
}
