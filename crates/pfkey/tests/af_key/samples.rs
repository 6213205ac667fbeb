//! The SAs and policies of the captures, as the model has them.

use std::num::NonZeroU16;

use std::net::IpAddr;

use model::{
    Action, AddressPair, Algorithm, AlgorithmKind, Current, Direction, Encap, EncapKind,
    Installation, Key, Keyed, Level, Lifetime, Lifetimes, Mode, Policy, PolicyEntry, PolicyId,
    Prefix, Priority, Proto, ReqId, Sa, SaEntry, SaFlags, SaState, Selector, Spi, Template,
    TemplateMode, Upper,
};

pub fn pair(src: &str, dst: &str) -> AddressPair {
    AddressPair::new(src.parse().unwrap(), dst.parse().unwrap()).unwrap()
}

pub fn keyed(kind: AlgorithmKind, name: &str, key: impl IntoIterator<Item = u8>) -> Option<Keyed> {
    let key = Key::new(key.into_iter().collect());
    Algorithm::by_name(kind, name).map(|algorithm| Keyed::new(algorithm, key))
}

pub fn aes(bytes: u8) -> Option<Keyed> {
    keyed(AlgorithmKind::Crypt, "aes-cbc", 0..bytes)
}

pub fn sha1() -> Option<Keyed> {
    keyed(AlgorithmKind::Auth, "hmac-sha1", 0x40..0x54)
}

pub fn null() -> Option<Keyed> {
    keyed(AlgorithmKind::Crypt, "null", [])
}

pub fn bare(proto: Proto, spi: u32) -> Sa {
    Sa::bare(pair("192.0.2.1", "192.0.2.2"), proto, Spi(spi))
}

pub fn esp_transport(hard: Lifetime, soft: Lifetime) -> Sa {
    Sa {
        reqid: ReqId::new(7),
        replay_window: 8,
        crypt: aes(16),
        auth: sha1(),
        lifetimes: Lifetimes { hard, soft },
        ..bare(Proto::Esp, 0x1000)
    }
}

/// The SA of `esp.hex`.
pub fn esp() -> Sa {
    esp_transport(
        Lifetime::from_numbers([0, 1000, 3600, 0]),
        Lifetime::from_numbers([0, 800, 2880, 0]),
    )
}

/// The SA of `ah.hex`.
pub fn ah() -> Sa {
    Sa { auth: sha1(), flags: SaFlags::NO_ECN, ..bare(Proto::Ah, 0x1001) }
}

/// The SA of `ipcomp.hex`.
pub fn ipcomp() -> Sa {
    Sa { comp: deflate(), ..bare(Proto::IpComp, 0x1002) }
}

pub fn deflate() -> Option<&'static Algorithm> {
    Algorithm::by_name(AlgorithmKind::Comp, "deflate")
}

/// The SA of `esp_null.hex`.
pub fn esp_null() -> Sa {
    let auth = keyed(AlgorithmKind::Auth, "null", []);
    Sa { crypt: null(), auth, ..bare(Proto::Esp, 0x1003) }
}

/// The SA of `esp_udp.hex`.
pub fn esp_udp() -> Sa {
    let encap = Encap {
        kind: EncapKind::EspInUdp,
        src_port: NonZeroU16::new(4500),
        dst_port: NonZeroU16::new(4501),
        original: None,
    };
    Sa { crypt: aes(16), auth: sha1(), encap: Some(encap), ..bare(Proto::Esp, 0x1004) }
}

/// The SA of `esp_tunnel6.hex`.
pub fn esp_tunnel6() -> Sa {
    Sa {
        mode: Mode::Tunnel.into(),
        reqid: ReqId::new(16384),
        crypt: aes(24),
        auth: keyed(AlgorithmKind::Auth, "hmac-sha256", 0..32),
        ..Sa::bare(pair("2001:db8::1", "2001:db8::2"), Proto::Esp, Spi(0x1005))
    }
}

pub fn mature(sa: Sa) -> SaEntry {
    SaEntry::new(sa, SaState::Mature, Current::default())
}

fn prefix(text: &str) -> Prefix {
    let (address, len) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().unwrap();
    Prefix::new(address, len.map(|len| len.parse().unwrap())).unwrap()
}

/// A selector with the upper-layer protocol and ports given.
pub fn selector(src: &str, dst: &str, upper: Upper, ports: (u16, u16)) -> Selector {
    let mut selector = Selector::new(prefix(src), prefix(dst)).unwrap();
    selector.upper = upper;
    (selector.src_port, selector.dst_port) = ports;
    selector
}

pub fn request(proto: Proto, mode: TemplateMode, level: Level) -> Template {
    Template::new(proto, mode, level)
}

fn policy(selector: Selector, direction: Direction, action: Action) -> Policy {
    Policy::new(PolicyId::new(selector, direction), action)
}

fn ipsec(requests: impl Into<Vec<Template>>) -> Action {
    Action::Ipsec(requests.into())
}

/// The policies of `spd.hex`, in the order in which they are added.
pub fn policies() -> [Policy; 7] {
    let any = |src, dst| selector(src, dst, Upper::Any, (0, 0));
    let (a, b, a6, b6) = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2");
    let esp_transport = request(Proto::Esp, TemplateMode::Transport, Level::Require);
    let tunnel = TemplateMode::Tunnel(pair("198.51.100.1", "198.51.100.2"));
    let bundle = [
        request(Proto::Esp, tunnel, Level::Unique(ReqId::new(3))),
        request(Proto::Ah, TemplateMode::Transport, Level::Require),
    ];
    let tunnel6 = request(Proto::Esp, TemplateMode::Tunnel(pair(a6, b6)), Level::Use);
    let comp = request(Proto::IpComp, TemplateMode::Transport, Level::Use);
    let beet = request(Proto::Esp, TemplateMode::Other(Mode::Beet, None), Level::Default);
    let tcp = selector("10.0.0.0/24", "10.1.0.0/16", Upper::Number(6), (0, 80));
    let echo = selector("10.0.0.0/8", b, Upper::ICMP, (8, 0));
    [
        policy(any(a, b), Direction::Out, ipsec([esp_transport])),
        Policy { priority: Priority(0x3fff_fffb), ..policy(tcp, Direction::Out, ipsec(bundle)) },
        policy(any("2001:db8:1::/48", "2001:db8:2::/48"), Direction::In, ipsec([tunnel6])),
        policy(echo, Direction::In, Action::None),
        Policy {
            priority: Priority(0),
            ..policy(any("0.0.0.0/0", "0.0.0.0/0"), Direction::Fwd, Action::Discard)
        },
        policy(any(b, a), Direction::In, ipsec([comp])),
        policy(any(a6, b6), Direction::Out, ipsec([beet])),
    ]
}

/// The policy that `spd.hex` puts in the place of the first.
pub fn updated() -> Policy {
    Policy { action: Action::None, ..policies()[0].clone() }
}

/// A policy as the kernel has it: `default` has become `require`.
pub fn entry(policy: &Policy, index: u32) -> PolicyEntry {
    let mut policy = policy.clone();
    if let Action::Ipsec(requests) = &mut policy.action {
        for request in requests.iter_mut().filter(|request| request.level == Level::Default) {
            request.level = Level::Require;
        }
    }
    let installation = Installation::plain(&policy);
    PolicyEntry { policy, installation, index, socket: false, current: Current::default() }
}
