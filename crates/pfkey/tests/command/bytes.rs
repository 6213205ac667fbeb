//! Messages, byte by byte, right and wrong.

/// Types of messages.
pub const GETSPI: u8 = 1;
pub const UPDATE: u8 = 2;
pub const ADD: u8 = 3;
pub const DELETE: u8 = 4;
pub const GET: u8 = 5;
pub const ACQUIRE: u8 = 6;
pub const REGISTER: u8 = 7;
pub const EXPIRE: u8 = 8;
pub const FLUSH: u8 = 9;
pub const DUMP: u8 = 10;
pub const PROMISC: u8 = 11;
pub const SPDUPDATE: u8 = 13;
pub const SPDADD: u8 = 14;
pub const SPDDELETE: u8 = 15;
pub const SPDGET: u8 = 16;
pub const SPDDUMP: u8 = 18;
pub const SPDFLUSH: u8 = 19;
pub const SPDDELETE2: u8 = 22;
pub const MIGRATE: u8 = 24;

pub const AH: u8 = 2;
pub const ESP: u8 = 3;
pub const RSVP: u8 = 5;
pub const IPCOMP: u8 = 9;

pub const OUT: u8 = 2;
pub const IPSEC: u16 = 2;

/// An extension, padded.
pub fn ext(number: u16, body: &[u8]) -> Vec<u8> {
    let units = u16::try_from((body.len() + 4).div_ceil(8)).unwrap();
    let mut bytes = [&units.to_ne_bytes()[..], &number.to_ne_bytes(), body].concat();
    bytes.resize(usize::from(units) * 8, 0);
    bytes
}

pub fn message(msg_type: u8, satype: u8, extensions: &[Vec<u8>]) -> Vec<u8> {
    let body = extensions.concat();
    let units = u16::try_from(2 + body.len() / 8).unwrap();
    let mut bytes = vec![2, msg_type, 0, satype];
    bytes.extend(units.to_ne_bytes());
    bytes.extend([0, 0]);
    bytes.extend(7_u32.to_ne_bytes());
    bytes.extend(4242_u32.to_ne_bytes());
    bytes.extend(body);
    bytes
}

pub fn v4(last: u8) -> Vec<u8> {
    let mut bytes = 2_u16.to_ne_bytes().to_vec();
    bytes.extend([0, 0, 192, 0, 2, last, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

pub fn v6(last: u8) -> Vec<u8> {
    let mut bytes = 10_u16.to_ne_bytes().to_vec();
    bytes.resize(28, 0);
    bytes[23] = last;
    bytes
}

pub fn address(number: u16, prefix: u8, sockaddr: &[u8]) -> Vec<u8> {
    ext(number, &[&[255, prefix, 0, 0], sockaddr].concat())
}

pub fn src() -> Vec<u8> {
    address(5, 32, &v4(1))
}

pub fn dst() -> Vec<u8> {
    address(6, 32, &v4(2))
}

pub fn sa(auth: u8, encrypt: u8) -> Vec<u8> {
    ext(1, &[0, 0, 0x10, 0, 4, 0, auth, encrypt, 0, 0, 0, 0])
}

pub fn key(number: u16, bytes: u8) -> Vec<u8> {
    let bits = u16::from(bytes) * 8;
    let secret = vec![0x41; bytes.into()];
    ext(number, &[&bits.to_ne_bytes()[..], &[0, 0], &secret].concat())
}

pub fn auth_key(bytes: u8) -> Vec<u8> {
    key(8, bytes)
}

pub fn encrypt_key(bytes: u8) -> Vec<u8> {
    key(9, bytes)
}

pub fn lifetime(number: u16) -> Vec<u8> {
    ext(number, &[0; 28])
}

pub fn sa2(mode: u8) -> Vec<u8> {
    ext(19, &[mode, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

pub fn range(min: u32, max: u32) -> Vec<u8> {
    ext(16, &[min.to_ne_bytes(), max.to_ne_bytes(), [0; 4]].concat())
}

pub fn request(proto: u16, mode: u8, level: u8, reqid: u32, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(16 + addresses.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), proto.to_ne_bytes()].concat();
    bytes.extend([mode, level, 0, 0]);
    bytes.extend(reqid.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(addresses);
    bytes
}

pub fn transport(level: u8) -> Vec<u8> {
    request(50, 1, level, 0, &[])
}

pub fn tunnel() -> Vec<u8> {
    request(50, 2, 2, 0, &[v4(1), v4(2)].concat())
}

pub fn policy(policy_type: u16, dir: u8, id: u32, requests: &[Vec<u8>]) -> Vec<u8> {
    let mut body = policy_type.to_ne_bytes().to_vec();
    body.extend([dir, 0]);
    body.extend(id.to_ne_bytes());
    body.extend([0; 4]);
    body.extend(requests.concat());
    ext(18, &body)
}

pub fn filter(bits: u8) -> Vec<u8> {
    let mut body = vec![0; 32];
    body.extend(2_u16.to_ne_bytes());
    body.extend([bits, 0]);
    ext(26, &body)
}

/// A message with one byte changed.
pub fn with(mut message: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    message[at] = byte;
    message
}

/// A message whose length is that of its bytes.
pub fn cut(mut message: Vec<u8>, length: usize) -> Vec<u8> {
    message.resize(length, 0);
    let units = u16::try_from(length / 8).unwrap();
    message[4..6].copy_from_slice(&units.to_ne_bytes());
    message
}

pub fn esp(extensions: &[Vec<u8>]) -> Vec<u8> {
    let whole = [&[sa(3, 12), src(), dst(), auth_key(20), encrypt_key(16)], extensions].concat();
    message(ADD, ESP, &whole)
}

pub fn spd(msg_type: u8, policy: Vec<u8>) -> Vec<u8> {
    message(msg_type, 0, &[policy, src(), dst()])
}
