//! The value of the socket options `IP_IPSEC_POLICY` and `IPV6_IPSEC_POLICY`: `sadb_x_policy` with
//! its requests, outside a message (`pfkey_compile_policy`, net/key/af_key.c).

use model::{Direction, MAX_DEPTH, Priority, SocketAction, SocketPolicy, Template};

use crate::{
    Error, Extension,
    entry::templates,
    ext::{self, IpsecRequest, IpsecRequests},
    wire::{UNIT, ext_type, numbers},
};

/// Reads a value. What follows the policy is passed over, as is the index.
///
/// As with AF_KEY, `none` is `bypass`, and a number of `unique` that no script may choose counts as
/// none. Requests count with `ipsec` only.
pub fn read(value: &[u8]) -> Result<SocketPolicy, Error> {
    let units = value.first_chunk().map_or(0, |length| u16::from_ne_bytes(*length));
    let length = usize::from(units) * UNIT;
    let body =
        value.get(..length).and_then(|policy| policy.get(4..)).ok_or(Error::ExtensionLength {
            ext_type: ext_type::POLICY,
            claimed: length,
            given: value.len(),
        })?;
    let (policy, requests) = ext::Policy::split(body)?;
    let action = match policy.policy_type {
        numbers::DISCARD => SocketAction::Discard,
        numbers::NONE | numbers::BYPASS => SocketAction::Bypass,
        numbers::IPSEC => SocketAction::Ipsec(read_requests(requests)?),
        numbers::ENTRUST => SocketAction::Entrust,
        number => return Err(Error::UnknownNumber { field: "policy type", number: number.into() }),
    };
    let priority = Priority(policy.priority);
    Ok(SocketPolicy::new(direction(policy.dir)?, priority, action)?)
}

/// The direction of a value, however little else of it there is: what getsockopt(2) needs on the
/// BSDs.
pub fn read_direction(value: &[u8]) -> Result<Direction, Error> {
    // Without requests it has two units; `sadb_x_policy_dir` is its seventh byte.
    let policy = value.first_chunk::<{ 2 * UNIT }>().ok_or(Error::Malformed(ext_type::POLICY))?;
    direction(policy[6])
}

fn direction(number: u8) -> Result<Direction, Error> {
    [Direction::In, Direction::Out]
        .into_iter()
        .find(|direction| direction.pfkey_number() == number)
        .ok_or(Error::UnknownNumber { field: "direction", number: number.into() })
}

/// The requests, up to the one that is too many (`parse_ipsecrequests`, net/key/af_key.c).
fn read_requests(rest: IpsecRequests<'_>) -> Result<Vec<Template>, Error> {
    let mut requests: Vec<Template> = Vec::new();
    for request in rest.take(MAX_DEPTH + 1) {
        let (request, _) = request?;
        requests.push(match requests.last() {
            // Of that one AF_KEY reads the length only: any other will do.
            Some(last) if requests.len() == MAX_DEPTH => *last,
            _ => templates::with_chosen_reqid(templates::read(&request)?),
        });
    }
    Ok(requests)
}

/// The value of a policy.
///
/// A mode that PF_KEY has no number for is an error.
pub fn value(policy: &SocketPolicy) -> Result<Vec<u8>, Error> {
    let policy = ext::Policy {
        policy_type: policy.action().kind().pfkey_number(),
        priority: policy.priority().0,
        requests: policy
            .templates()
            .iter()
            .map(IpsecRequest::try_from)
            .collect::<Result<_, _>>()?,
        ..ext::Policy::bare(policy.direction().pfkey_number())
    };
    Ok(Extension::Policy(policy).encode()?.to_vec())
}

#[cfg(test)]
mod tests {
    use model::{AddressPair, Level, Proto, ReqId, TemplateMode};

    use super::*;

    fn policy(direction: Direction, action: SocketAction) -> SocketPolicy {
        SocketPolicy::new(direction, Priority::DEFAULT, action).unwrap()
    }

    /// Of ipsec_set_policy("out ipsec esp/transport//require"), libipsec of ipsec-tools 0.8.2.
    const OUT_ESP: [u8; 32] = [
        4, 0, 18, 0, 2, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, // sadb_x_policy
        16, 0, 50, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // sadb_x_ipsecrequest
    ];

    #[test]
    fn the_value_is_libipsecs() {
        let level = Level::Require;
        let esp = Template::new(Proto::Esp, TemplateMode::Transport, level);
        let policy = policy(Direction::Out, SocketAction::Ipsec(vec![esp]));
        assert_eq!(read(&OUT_ESP), Ok(policy.clone()));
        assert_eq!(value(&policy).unwrap(), OUT_ESP);
        assert_eq!(read_direction(&OUT_ESP), Ok(Direction::Out));
    }

    #[test]
    fn what_is_written_is_read() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let request = |mode, level| Template::new(Proto::Ah, mode, level);
        let requests = vec![
            request(TemplateMode::Tunnel(ends), Level::Unique(ReqId::new(7))),
            request(TemplateMode::Transport, Level::Default),
        ];
        for action in [
            SocketAction::Ipsec(requests),
            SocketAction::Bypass,
            SocketAction::Discard,
            SocketAction::Entrust,
        ] {
            let policy = policy(Direction::In, action);
            assert_eq!(read(&value(&policy).unwrap()), Ok(policy));
        }
    }

    #[test]
    fn none_is_bypass_and_a_number_too_high_is_none() {
        let mut none = value(&policy(Direction::In, SocketAction::Bypass)).unwrap();
        none[4] = 1;
        assert_eq!(*read(&none).unwrap().action(), SocketAction::Bypass);
        let mut unique = OUT_ESP;
        (unique[21], unique[26]) = (3, 1);
        assert_eq!(read(&unique).unwrap().templates()[0].level, Level::Unique(None));
    }

    #[test]
    fn what_af_key_refuses_is_refused() {
        let errno = |place: usize, byte: u8| {
            let mut wrong = OUT_ESP;
            wrong[place] = byte;
            read(&wrong).map_err(|error| error.errno().raw_os_error())
        };
        // Length, type, direction, and the request's length, protocol and mode.
        for (place, byte) in [(0, 5), (0, 0), (4, 5), (6, 0), (6, 3), (16, 17), (18, 6), (20, 0)] {
            assert_eq!(errno(place, byte), Err(22), "{place} {byte}");
        }
        for length in 0..OUT_ESP.len() {
            assert!(read(&OUT_ESP[..length]).is_err(), "{length}");
        }
    }

    const EINVAL: i32 = 22;
    const ELOOP: i32 = 40;

    /// The first request that is refused decides, one by itself or the seventh.
    #[test]
    fn of_two_refusals_the_first_counts() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let optional_tunnel = |request: &mut Template| {
            *request = Template { level: Level::Use, mode: TemplateMode::Tunnel(ends), ..*request };
        };
        let esp = Template::new(Proto::Esp, TemplateMode::Transport, Level::Require);
        let errno = |direction: u8, place: usize, wrong: Option<u8>| {
            let mut requests = [esp; 9];
            if wrong.is_none() {
                optional_tunnel(&mut requests[place]);
            }
            let policy = ext::Policy {
                policy_type: numbers::IPSEC,
                requests: requests.iter().map(|it| it.try_into().unwrap()).collect(),
                ..ext::Policy::bare(direction)
            };
            let mut value = Extension::Policy(policy).encode().unwrap().to_vec();
            if let Some(proto) = wrong {
                value[16 + 16 * place + 2] = proto;
            }
            read(&value).map_err(|error| error.errno().raw_os_error())
        };

        // An optional tunnel, out and in, and a protocol that is none.
        for (place, out, inward, unknown) in
            [(0, EINVAL, ELOOP, EINVAL), (5, EINVAL, ELOOP, EINVAL), (6, ELOOP, ELOOP, ELOOP)]
        {
            assert_eq!(errno(2, place, None), Err(out), "{place}");
            assert_eq!(errno(1, place, None), Err(inward), "{place}");
            assert_eq!(errno(1, place, Some(6)), Err(unknown), "{place}");
        }
    }
}
