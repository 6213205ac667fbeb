//! Entries made up by chance: each attribute is there or not, so that all combinations come. The kernel refuses some.

use std::{env, ops::Range};

use fastrand::Rng;

use super::{
    entry::{Entry, Kind},
    fields::TEMPLATE_LENGTH,
};
use crate::times;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const COMP: u8 = 108;
const ESP: u8 = 50;
const AH: u8 = 51;
const ROUTING: u8 = 43;
const DSTOPTS: u8 = 60;
/// IPSEC_PROTO_ANY.
const ANY: u8 = 255;

/// Flags of `xfrm_usersa_info` but ESN.
const SA_FLAGS: u8 = 0x7f;
const ESN: u8 = 0x80;

/// The seeds of so many tables ([`times`]): `XFRM_TABLES` of them, beginning with `XFRM_SEED`.
#[must_use]
pub fn seeds(full: u64, few: u64) -> Range<u64> {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().expect("a number"));
    let first = number("XFRM_SEED").unwrap_or(1);
    first..first + number("XFRM_TABLES").unwrap_or_else(|| times(full, few))
}

/// Makes entries. The same seed makes the same ones.
pub struct Generator {
    rng: Rng,
    /// SPIs differ, so that no SA is refused for another.
    spi: u32,
}

impl Generator {
    /// With a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), spi: 0x1000 }
    }

    /// Once in so many times.
    fn rarely(&mut self, times: u32) -> bool {
        self.rng.u32(..times) == 0
    }

    fn family(&mut self) -> u16 {
        self.rng.choice([AF_INET, AF_INET6]).unwrap_or(AF_INET)
    }

    fn address(&mut self, family: u16) -> [u8; 16] {
        let mut address = [0; 16];
        if family == AF_INET {
            address[..4].copy_from_slice(&[192, 0, 2, self.rng.u8(1..255)]);
        } else {
            address[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
            address[15] = self.rng.u8(1..);
        }
        address
    }

    /// Destination and source of an SA or a template. One in three tunnels is between two addresses that others have
    /// too, so that SAs serve templates, those of policies for the other IP version as well.
    fn ends(&mut self, family: u16) -> [[u8; 16]; 2] {
        let mut ends = [self.address(family), self.address(family)];
        if self.rarely(3) {
            let last = if family == AF_INET { 3 } else { 15 };
            (ends[0][last], ends[1][last]) = (2, 1);
        }
        ends
    }

    /// A prefix, its host bits cleared.
    fn prefix(&mut self, family: u16) -> ([u8; 16], u8) {
        let most = if family == AF_INET { 32 } else { 128 };
        let length = self.rng.choice([0, most / 2, most - 7, most]).unwrap_or(most);
        let mut address = self.address(family);
        for (place, byte) in address.iter_mut().enumerate() {
            let kept = usize::from(length).saturating_sub(8 * place).min(8);
            *byte &= u8::try_from(0xff00_u32 >> kept & 0xff).unwrap_or(0);
        }
        (address, length)
    }

    fn selector(&mut self, entry: &mut Entry, family: u16) {
        let ((daddr, dst_length), (saddr, src_length)) = (self.prefix(family), self.prefix(family));
        entry.set("sel.daddr", &daddr);
        entry.set("sel.saddr", &saddr);
        entry.set("sel.family", &family.to_ne_bytes());
        entry.set("sel.prefixlen_d", &[dst_length]);
        entry.set("sel.prefixlen_s", &[src_length]);
        let proto = self.rng.choice([0, 6, 17, 1, 58, 47, 132, 135, 99]).unwrap_or(0);
        entry.set("sel.proto", &[proto]);
        for (port, mask) in [("sel.dport", "sel.dport_mask"), ("sel.sport", "sel.sport_mask")] {
            match self.rng.u8(..6) {
                0 => {
                    entry.set(port, &self.rng.u16(..).to_be_bytes());
                    entry.set(mask, &[0xff; 2]);
                }
                1 if matches!(proto, 0 | 6 | 17 | 132) => {
                    entry.set(port, &(self.rng.u16(..) & 0xfff0).to_be_bytes());
                    entry.set(mask, &[0xff, 0xf0]);
                }
                _ => {}
            }
        }
        if self.rarely(5) {
            // The loopback device, which every namespace has, or one that is gone.
            let device = if self.rarely(4) { 77_u32 } else { 1 };
            entry.set("sel.ifindex", &device.to_ne_bytes());
        }
        if self.rarely(8) {
            entry.set("sel.user", &self.rng.u32(1..5000).to_ne_bytes());
        }
    }

    fn limits(&mut self, entry: &mut Entry) {
        let mut limits = [0xff; 64];
        limits[32..].fill(0);
        if self.rarely(3) {
            for (number, place) in limits.chunks_mut(8).enumerate() {
                let is_time = number >= 4;
                if self.rarely(2) {
                    let limit = self.rng.u64(1 << 20..1 << 40);
                    let limit = match (is_time, self.rng.u8(..8)) {
                        (true, _) => limit & 0xff_ffff | 0x10_0000,
                        // Those that other programs set by mistake.
                        (false, 0) => 0,
                        (false, 1) => u64::MAX - 1,
                        (false, _) => limit,
                    };
                    place.copy_from_slice(&limit.to_ne_bytes());
                }
            }
        }
        entry.set("lft", &limits);
    }

    fn numbers(&mut self, entry: &mut Entry, name: &str, numbers: &[u32]) {
        if self.rarely(4) {
            let bytes = numbers.iter().flat_map(|number| number.to_ne_bytes());
            entry.push(name, &bytes.collect::<Vec<_>>());
        }
    }

    fn mark(&mut self, entry: &mut Entry) {
        let mask = self.rng.choice([u32::MAX, 0xff, 0xf0, 0]).unwrap_or(0);
        let value = self.rng.u32(..) & mask;
        self.numbers(entry, "MARK", &[value, mask]);
    }

    /// An algorithm with a key that fits.
    fn algorithm(&mut self, entry: &mut Entry, attribute: &str, choices: &[(&str, usize, &[u32])]) {
        let (name, key, icvs) = choices[self.rng.usize(..choices.len())];
        let mut value = vec![0; 64];
        value[..name.len()].copy_from_slice(name.as_bytes());
        value.extend(u32::try_from(8 * key).unwrap_or(0).to_ne_bytes());
        if !icvs.is_empty() {
            value.extend(icvs[self.rng.usize(..icvs.len())].to_ne_bytes());
        }
        value.extend((0..key).map(|_| self.rng.u8(..)));
        entry.push(attribute, &value);
    }

    fn algorithms(&mut self, entry: &mut Entry, proto: u8) {
        const CIPHERS: &[(&str, usize, &[u32])] = &[
            ("cbc(aes)", 16, &[]),
            ("cbc(aes)", 32, &[]),
            ("cbc(des3_ede)", 24, &[]),
            ("ecb(cipher_null)", 0, &[]),
            ("rfc3686(ctr(aes))", 20, &[]),
            ("cbc(camellia)", 16, &[]),
            ("cbc(sm4)", 16, &[]),
        ];
        const HASHES: &[(&str, usize, &[u32])] = &[
            ("hmac(sha256)", 32, &[128, 96, 256]),
            ("hmac(sha1)", 20, &[96, 160]),
            ("hmac(md5)", 16, &[96]),
            ("hmac(sha512)", 64, &[256]),
            ("xcbc(aes)", 16, &[96]),
            ("cmac(aes)", 16, &[96]),
            ("hmac(sm3)", 32, &[256]),
            ("digest_null", 0, &[0]),
        ];
        const AEADS: &[(&str, usize, &[u32])] = &[
            ("rfc4106(gcm(aes))", 20, &[64, 96, 128]),
            ("rfc4106(gcm(aes))", 36, &[128]),
            ("rfc4309(ccm(aes))", 19, &[64, 128]),
            ("rfc4543(gcm(aes))", 20, &[128]),
            ("rfc7539esp(chacha20,poly1305)", 36, &[128]),
        ];
        const COMPRESSIONS: &[(&str, usize, &[u32])] =
            &[("deflate", 0, &[]), ("lzs", 0, &[]), ("lzjh", 0, &[])];
        match proto {
            COMP => self.algorithm(entry, "ALG_COMP", COMPRESSIONS),
            AH => self.algorithm(entry, "ALG_AUTH_TRUNC", HASHES),
            _ if self.rarely(3) => self.algorithm(entry, "ALG_AEAD", AEADS),
            _ => {
                self.algorithm(entry, "ALG_CRYPT", CIPHERS);
                if !self.rarely(4) {
                    self.algorithm(entry, "ALG_AUTH_TRUNC", HASHES);
                }
            }
        }
    }

    /// The replay window, and the counters.
    fn replay(&mut self, entry: &mut Entry, flags: &mut u8) {
        let counters =
            if self.rarely(4) { [self.rng.u32(1..1000), self.rng.u32(1..1000)] } else { [0; 2] };
        if self.rarely(3) {
            let words = self.rng.choice([1, 2, 4, 128]).unwrap_or(1_u32);
            let is_esn = self.rng.bool();
            *flags |= if is_esn { ESN } else { 0 };
            let window = self.rng.u32(1..=32 * words);
            let numbers = [words, counters[0], counters[1], 0, 0, window];
            let mut value =
                numbers.iter().flat_map(|number| number.to_ne_bytes()).collect::<Vec<_>>();
            value.resize(value.len() + 4 * words as usize, 0);
            entry.push("REPLAY_ESN_VAL", &value);
            return;
        }
        entry.set("replay_window", &[self.rng.choice([0, 4, 32]).unwrap_or(0)]);
        if counters != [0; 2] {
            let numbers = [counters[0], counters[1], 0];
            let value = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect::<Vec<_>>();
            entry.push("REPLAY_VAL", &value);
        }
    }

    /// An SA. The kernel may refuse it.
    pub fn sa(&mut self) -> Entry {
        let mut entry = Entry::new(Kind::Sa);
        let family = self.family();
        let proto = self.rng.choice([ESP, ESP, ESP, AH, COMP]).unwrap_or(ESP);
        self.spi += 1 + self.rng.u32(..16);
        let [daddr, saddr] = self.ends(family);
        entry.set("id.daddr", &daddr);
        entry.set("saddr", &saddr);
        entry.set("id.spi", &self.spi.to_be_bytes());
        entry.set("id.proto", &[proto]);
        entry.set("family", &family.to_ne_bytes());
        let mode = self.rng.choice([0, 0, 1, 1, 4]).unwrap_or(0);
        entry.set("mode", &[mode]);
        if self.rng.bool() {
            entry.set("reqid", &self.rng.u32(1..100_000).to_ne_bytes());
        }
        let mut flags =
            if self.rarely(2) { self.rng.u8(..) & self.rng.u8(..) & SA_FLAGS } else { 0 };
        // As each program does: the selector is empty, of the family of the SA or, in a tunnel, of another.
        match self.rng.u8(..4) {
            0 => self.selector(&mut entry, family),
            1 if mode == 1 => {
                let inner = self.family();
                self.selector(&mut entry, inner);
            }
            2 => entry.set("sel.family", &family.to_ne_bytes()),
            _ => {}
        }
        self.limits(&mut entry);
        self.replay(&mut entry, &mut flags);
        entry.set("flags", &[flags]);
        self.algorithms(&mut entry, proto);
        if proto == ESP && self.rarely(4) {
            let kind = self.rng.choice([2_u16, 2, 2, 7]).unwrap_or(2);
            let mut value = kind.to_ne_bytes().to_vec();
            value.extend([0x11, 0x94, 0x11, self.rng.u8(..), 0, 0]);
            value.extend(if self.rarely(3) { self.address(family) } else { [0; 16] });
            entry.push("ENCAP", &value);
        }
        self.mark(&mut entry);
        let mask = self.rng.choice([u32::MAX, 0xff00]).unwrap_or(u32::MAX);
        if self.rarely(4) {
            entry.push("SET_MARK", &(self.rng.u32(1..) & mask).to_ne_bytes());
            entry.push("SET_MARK_MASK", &mask.to_ne_bytes());
        }
        let number = self.rng.u32(1..1000);
        self.numbers(&mut entry, "IF_ID", &[number]);
        self.numbers(&mut entry, "TFCPAD", &[number]);
        let extra = self.rng.u32(1..4);
        self.numbers(&mut entry, "SA_EXTRA_FLAGS", &[extra]);
        if self.rarely(8) {
            entry.push("COADDR", &self.address(family));
        }
        if self.rarely(8) {
            entry.push("MTIMER_THRESH", &number.to_ne_bytes());
        }
        self.recent(&mut entry);
        if self.rarely(12) {
            let direction = self.rng.u8(..2) * 2;
            self.unsupported(&mut entry, direction);
        }
        entry
    }

    /// What no test kernel has: IP-TFS, a device that transforms packets, and security contexts. `direction` is among the
    /// flags of the device.
    fn unsupported(&mut self, entry: &mut Entry, direction: u8) {
        match self.rng.u8(..3) {
            0 if entry.kind == Kind::Sa => self.iptfs(entry),
            1 => {
                let flags = direction | self.rng.choice([0, 4]).unwrap_or(0);
                entry.push("OFFLOAD_DEV", &[1, 0, 0, 0, flags, 0, 0, 0]);
            }
            _ => {
                let label = b"system_u:object_r:x_t:s0\0";
                let length = u8::try_from(label.len()).expect("a short label");
                let head = [8 + length, 0, 8, 0, 1, 1, length, 0];
                entry.push("SEC_CTX", &[&head[..], label].concat());
            }
        }
    }

    fn iptfs(&mut self, entry: &mut Entry) {
        entry.set("mode", &[5]);
        let names =
            ["DROP_TIME", "REORDER_WINDOW", "DONT_FRAG", "INIT_DELAY", "MAX_QSIZE", "PKT_SIZE"];
        for name in names {
            let number = self.rng.u32(..2_000_000).to_ne_bytes();
            let length = match name {
                "REORDER_WINDOW" => 2,
                "DONT_FRAG" => 0,
                _ => 4,
            };
            if self.rng.bool() {
                entry.push(&format!("IPTFS_{name}"), &number[..length]);
            }
        }
    }

    /// What kernels have since 6.10.
    fn recent(&mut self, entry: &mut Entry) {
        if self.rarely(6) {
            entry.push("SA_DIR", &[self.rng.u8(1..3)]);
        }
        if self.rarely(12) {
            entry.push("NAT_KEEPALIVE_INTERVAL", &self.rng.u32(1..100).to_ne_bytes());
        }
        if self.rarely(10) {
            entry.push("SA_PCPU", &0_u32.to_ne_bytes());
        }
    }

    /// A policy. The kernel may refuse it.
    pub fn policy(&mut self) -> Entry {
        let mut entry = Entry::new(Kind::Policy);
        let family = self.family();
        self.selector(&mut entry, family);
        self.limits(&mut entry);
        let priority = self.rng.choice([0, 1, 1 << 30, 1 << 31, u32::MAX, 4242]).unwrap_or(0);
        entry.set("priority", &priority.to_ne_bytes());
        entry.set("dir", &[self.rng.u8(..3)]);
        let blocks = self.rarely(4);
        entry.set("action", &[u8::from(blocks)]);
        let flags = self.rng.choice([0, 0, 0, 1, 2, 3, 4]).unwrap_or(0);
        entry.set("flags", &[flags]);
        if self.rarely(8) {
            entry.set("share", &[self.rng.u8(..4)]);
        }
        let templates = if blocks && !self.rarely(4) { 0 } else { self.rng.usize(..4) };
        if templates > 0 {
            // One of transport mode has the family of the one before it (`validate_tmpl`).
            let (mut value, mut before) = (Vec::new(), family);
            for _ in 0..templates {
                let template = self.template(before);
                before = u16::from_ne_bytes([template[24], template[25]]);
                value.extend(template);
            }
            entry.push("TMPL", &value);
        }
        self.mark(&mut entry);
        let number = self.rng.u32(1..1000);
        self.numbers(&mut entry, "IF_ID", &[number]);
        if self.rarely(10) {
            entry.push("POLICY_TYPE", &[1, 0, 0, 0, 0, 0]);
        }
        if self.rarely(12) {
            self.unsupported(&mut entry, 4);
        }
        entry
    }

    fn template(&mut self, family: u16) -> [u8; TEMPLATE_LENGTH] {
        let mut template = [0; TEMPLATE_LENGTH];
        let mode = self.rng.choice([0_u8, 0, 1, 1, 1, 2, 3, 4, 4, 5]).unwrap_or(0);
        let outer = if mode == 1 && self.rarely(2) { self.family() } else { family };
        let protos = [ESP, ESP, ESP, AH, AH, COMP, COMP, ANY, ROUTING, DSTOPTS];
        template[20] = self.rng.choice(protos).unwrap_or(ESP);
        template[24..26].copy_from_slice(&outer.to_ne_bytes());
        if matches!(mode, 1 | 4 | 5) || self.rarely(4) {
            let [daddr, saddr] = self.ends(outer);
            template[..16].copy_from_slice(&daddr);
            template[28..44].copy_from_slice(&saddr);
        }
        if self.rarely(6) {
            template[16..20].copy_from_slice(&self.rng.u32(256..).to_be_bytes());
        }
        if self.rarely(2) {
            template[44..48].copy_from_slice(&self.rng.u32(1..100_000).to_ne_bytes());
        }
        template[48] = mode;
        // Half of the values that are set keep a level of setkey.
        template[49] = match self.rng.u8(..12) {
            0 => self.rng.u8(..),
            1 => self.rng.u8(1..4),
            _ => 0,
        };
        template[50] = u8::from(self.rarely(5));
        let masks = if self.rarely(8) { self.rng.u32(..) } else { u32::MAX };
        for place in [52, 56, 60] {
            template[place..place + 4].copy_from_slice(&masks.to_ne_bytes());
        }
        template
    }
}
