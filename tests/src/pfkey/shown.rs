use std::fmt::Write;

use pfkey::{
    Extension, Message, MessageType,
    ext::{KeyKind, LifetimeKind, Policy, Proposal},
};

use super::{case::FIRST_SEQ, draft::parse};
use crate::has_ripemd160;

/// Bytes of a header, and what lengths count.
const HEADER: usize = 16;
const UNIT: usize = 8;

/// Bytes of a `sadb_comb`.
const COMB: usize = 72;

/// `SADB_X_AALG_RIPEMD160HMAC`.
const RIPEMD160: u8 = 8;

/// The first number that AF_KEY chooses for `unique` by itself.
const CHOSEN: u32 = 0x4000;

/// What stands for the first SPI that the kernel has chosen.
const CHOSEN_SPI: u32 = 0xffff_0000;

/// The numbers that the kernel has chosen on one host, in the order in which they were seen. They
/// differ from host to host, and stand for each other by their places.
#[derive(Debug, Default)]
pub struct Seen {
    /// Indexes of policies.
    indexes: Vec<u32>,
    /// SPIs of larval SAs.
    spis: Vec<u32>,
    /// Numbers of `unique`.
    reqids: Vec<u32>,
    /// Numbers of ACQUIREs.
    acquires: Vec<u32>,
}

impl Seen {
    /// A number of a case: `$index` and `$spi` are the last ones seen, `$index2` the second, and so on;
    /// 0 if there is none.
    pub(super) fn number(&self, text: &str) -> Result<u32, String> {
        let Some(variable) = text.strip_prefix('$') else { return parse(text) };
        let (name, place) = variable.split_at(variable.trim_end_matches(char::is_numeric).len());
        let seen = match name {
            "index" => &self.indexes,
            "spi" => &self.spis,
            "reqid" => &self.reqids,
            "acquire" => &self.acquires,
            _ => return Err(format!("no variable: {text}")),
        };
        let place = if place.is_empty() { seen.len() } else { parse(place)? };
        Ok(place.checked_sub(1).and_then(|place| seen.get(place)).copied().unwrap_or(0))
    }

    /// What stands for a number that ip(8) shows under this name: its place if the kernel chose it.
    pub(super) fn place(&mut self, name: &str, number: u32) -> String {
        let chosen = match name {
            "index" => place(&mut self.indexes, number),
            "reqid" if number >= CHOSEN => place(&mut self.reqids, number),
            "spi" if self.spis.contains(&number) => place(&mut self.spis, number),
            // Every interface of the kernel numbers an ACQUIRE again; the SA has the last one's.
            "seq" if (1..FIRST_SEQ).contains(&number) => return "chosen".to_owned(),
            _ => return number.to_string(),
        };
        format!("chosen {chosen}")
    }

    fn policy(&mut self, policy: &mut Policy) {
        if policy.id != 0 {
            policy.id = place(&mut self.indexes, policy.id);
        }
        for request in &mut policy.requests {
            if request.reqid >= CHOSEN {
                request.reqid = CHOSEN + place(&mut self.reqids, request.reqid);
            }
        }
    }
}

/// The place of a number among those seen, from 1.
fn place(seen: &mut Vec<u32>, number: u32) -> u32 {
    let known = seen.iter().position(|other| *other == number);
    let place = known.unwrap_or_else(|| {
        seen.push(number);
        seen.len() - 1
    });
    u32::try_from(place).unwrap_or(u32::MAX) + 1
}

/// A message as text, without what differs from host to host: times, references to policies, the
/// numbers that the kernel chooses, and, if `by_others` caused it, who did.
pub fn shown(bytes: &[u8], seen: &mut Seen, by_others: bool) -> String {
    let Ok(message) = Message::decode(bytes) else {
        // A copy of what another sent, with numbers that the kernel has chosen on each host.
        let header = &bytes[..bytes.len().min(HEADER)];
        return format!("{header:02x?} {} bytes\n", bytes.len());
    };
    let mut message = masked(message, seen, by_others);
    let removed = remove_absent(&mut message);
    let Message { msg_type, errno, satype, reserved, seq, pid, extensions } = message;
    let mut text = format!(
        "type={} errno={errno} satype={satype} reserved={reserved} seq={seq} pid={pid} {} bytes\n",
        msg_type.0,
        bytes.len() - removed
    );
    for extension in extensions {
        // Keys do not show themselves.
        let key = match &extension {
            Extension::Key(_, key) => {
                format!("{:02x?}{}", key.bytes(), odd_bits(bytes, &extension))
            }
            _ => String::new(),
        };
        writeln!(text, "    {extension:?} {key}").expect("a string");
    }
    text
}

/// Removes algorithms that this kernel does not have. The service announces those of a complete kernel. Returns the number
/// of their bytes.
fn remove_absent(message: &mut Message) -> usize {
    let there = |number| number != RIPEMD160 || has_ripemd160();
    let mut bytes = 0;
    for extension in &mut message.extensions {
        match extension {
            Extension::Supported(KeyKind::Auth, algorithms) => {
                let before = algorithms.len();
                algorithms.retain(|algorithm| there(algorithm.id));
                bytes += (before - algorithms.len()) * UNIT;
            }
            Extension::Proposal(Proposal { combs, .. }) => {
                let before = combs.len();
                combs.retain(|comb| there(comb.auth));
                bytes += (before - combs.len()) * COMB;
            }
            _ => {}
        }
    }
    bytes
}

/// What the model of a key leaves out: bits that fill no byte.
fn odd_bits(message: &[u8], key: &Extension) -> String {
    let mut rest = &message[HEADER..];
    while let [low, high, ext_type, 0, bits_low, bits_high, ..] = *rest {
        let bits = u16::from_le_bytes([bits_low, bits_high]);
        if u16::from(ext_type) == key.number() && !bits.is_multiple_of(8) {
            return format!(" bits of {bits}");
        }
        // Less than a unit behind the message may be all zeros.
        let length = usize::from(u16::from_le_bytes([low, high])).max(1) * UNIT;
        rest = rest.get(length..).unwrap_or_default();
    }
    String::new()
}

fn masked(mut message: Message, seen: &mut Seen, by_others: bool) -> Message {
    let is_acquire = message.msg_type == MessageType::ACQUIRE && message.pid == 0;
    if is_acquire {
        place(&mut seen.acquires, message.seq);
    }
    let is_kernels = seen.acquires.contains(&message.seq);
    if is_kernels {
        message.seq = place(&mut seen.acquires, message.seq);
    }
    if by_others {
        (message.seq, message.pid) = (0, 0);
    }
    message.reserved = 0;
    let chooses_spi = message.msg_type == MessageType::GETSPI && message.sa().is_some();
    for extension in &mut message.extensions {
        match extension {
            Extension::Sa(sa) if chooses_spi => {
                place(&mut seen.spis, sa.spi);
            }
            Extension::Lifetime(LifetimeKind::Current, current) => {
                current.add_time = current.add_time.min(1);
                current.use_time = current.use_time.min(1);
            }
            Extension::Policy(policy) => seen.policy(policy),
            _ => {}
        }
    }
    // An SPI that the kernel has chosen is in many messages.
    for extension in &mut message.extensions {
        if let Extension::Sa(sa) = extension
            && let Some(place) = seen.spis.iter().position(|spi| *spi == sa.spi)
        {
            sa.spi = CHOSEN_SPI + u32::try_from(place).unwrap_or(0);
        }
    }
    message
}
