//! What the dumps of the dialects differ in: one row for each.
//!
//! Sources: ipsec-tools 0.8.2, src/libipsec/pfkey_dump.c, on Linux's net/key/af_key.c; NetBSD,
//! crypto/dist/ipsec-tools/src/libipsec/pfkey_dump.c 1.21 and sys/netipsec/key.c; FreeBSD,
//! lib/libipsec/pfkey_dump.c and sys/netipsec/key.c of FreeBSD 15.

use std::borrow::Cow;

use model::{Algorithm, Dialect, NamedUpper, Proto, Sa, SaEntry, SaFlags, Upper};

use crate::request::{CYCLIC_SEQUENCE, ESN};

/// How one setkey prints an SA or a policy.
#[expect(clippy::struct_excessive_bools, reason = "each is a difference of its own")]
pub(super) struct Style {
    pub(super) dialect: Dialect,
    /// What is behind the addresses of an SA.
    pub(super) after_ends: &'static str,
    /// The word for all upper protocols.
    pub(super) any_upper: &'static str,
    /// Upper protocols that have other words than in the dialect's `/etc/protocols`.
    pub(super) uppers: &'static [NamedUpper],
    /// Whether the name of an upper protocol is in brackets behind its number.
    pub(super) upper_number: bool,
    /// Upper protocols that are printed without ports.
    pub(super) portless: &'static [Upper],
    /// Algorithms that have other words than in `linux`.
    algorithms: &'static [(&'static str, &'static str)],
    /// Algorithms that the kernel has, and for which there is no word: their number is printed.
    numbered: &'static [&'static str],
    /// `sadb_sa_flags` of an SA.
    pub(super) flags: fn(&Sa) -> u32,
    /// `sadb_x_sa2_sequence` of an SA.
    pub(super) sequence: fn(&SaEntry) -> u32,
    /// Packets in a unit of the replay window.
    pub(super) packets_of_window: u32,
    /// Whether an SA of NAT traversal has its UDP ports as its own ports too.
    pub(super) nat_ports_are_own: bool,
    /// What is before the original address of a NAT, of which ipsec-tools has AF_KEY's alone.
    pub(super) nat_original: &'static str,
    /// Whether that address is shown of an SA outside of tunnel mode.
    pub(super) has_nat_original: bool,
    /// Whether the device of an SA is shown that does its work.
    pub(super) offload: bool,
    /// Whether a security context is shown.
    pub(super) sec_ctx: bool,
    /// The policies whose times and limits are shown.
    pub(super) times: Times,
    /// Whether a policy has a scope, global or of a device, behind the process.
    pub(super) scope: bool,
    /// The reference count of an SA.
    pub(super) sa_references: u16,
    /// The reference count of a policy; none where it depends on the policy's timer.
    pub(super) policy_references: Option<u16>,
}

/// The policies whose dump has `created:` and `lifetime:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Always,
    /// Policies with a limit from when they were added (`key_setdumpsp`).
    OfLimited,
    Never,
}

static LINUX: Style = Style {
    dialect: Dialect::Linux,
    after_ends: " ",
    any_upper: "255",
    uppers: &[],
    upper_number: false,
    portless: &[Upper::ICMP, Upper::ICMPV6, Upper::MH, Upper::GRE],
    algorithms: &[],
    numbered: &[],
    flags: |sa| sa.flags.pfkey_bits(),
    sequence: |_| 0,
    packets_of_window: 1,
    nat_ports_are_own: false,
    nat_original: "NAT OA=",
    has_nat_original: false,
    offload: false,
    sec_ctx: true,
    times: Times::Always,
    scope: false,
    sa_references: 0,
    policy_references: None,
};

static NETBSD: Style = Style {
    dialect: Dialect::NetBsd,
    any_upper: "255(reserved)",
    upper_number: true,
    numbered: &["aes-gcm-12", "aes-gcm-8"],
    flags: cyclic,
    sequence: count,
    packets_of_window: 8,
    nat_ports_are_own: true,
    sec_ctx: false,
    times: Times::Never,
    // `key_sp_refcnt` and `key_sa_refcnt` return 0.
    policy_references: Some(0),
    ..LINUX
};

static FREEBSD: Style = Style {
    dialect: Dialect::FreeBsd,
    after_ends: "",
    any_upper: "any",
    uppers: &[NamedUpper::Icmpv6, NamedUpper::Ipv4],
    portless: &[Upper::ICMPV6],
    algorithms: &[
        ("hmac-sha256", "hmac-sha2-256"),
        ("hmac-sha384", "hmac-sha2-384"),
        ("hmac-sha512", "hmac-sha2-512"),
    ],
    numbered: &[
        "hmac-md5",
        "hmac-ripemd160",
        "des-cbc",
        "3des-cbc",
        "cast128-cbc",
        "blowfish-cbc",
        "camellia-cbc",
        "aes-gcm-12",
        "aes-gcm-8",
        "aes-gmac",
    ],
    flags: |sa| cyclic(sa) | if sa.esn { ESN } else { 0 },
    sequence: count,
    packets_of_window: 8,
    nat_original: "NAT: OAI=",
    has_nat_original: true,
    offload: true,
    sec_ctx: false,
    times: Times::OfLimited,
    scope: true,
    sa_references: 1,
    policy_references: Some(1),
    ..LINUX
};

impl Style {
    /// The style of a dialect's setkey.
    pub(super) fn of(dialect: Dialect) -> &'static Self {
        match dialect {
            Dialect::Linux => &LINUX,
            Dialect::NetBsd => &NETBSD,
            Dialect::FreeBsd => &FREEBSD,
        }
    }

    /// The word for an algorithm. One that this system lacks has that of `linux`.
    pub(super) fn algorithm(&self, algorithm: &'static Algorithm) -> Cow<'static, str> {
        let word = algorithm.dumped;
        if let Some(number) = algorithm.pfkey.filter(|_| self.numbered.contains(&word)) {
            return number.to_string().into();
        }
        self.algorithms.iter().find(|row| row.0 == word).map_or(word, |row| row.1).into()
    }
}

/// Sequence numbers start again after the last one.
fn cyclic(sa: &Sa) -> u32 {
    if sa.flags.contains(SaFlags::OSEQ_MAY_WRAP) { CYCLIC_SEQUENCE } else { 0 }
}

/// KAME's count of the packets of an SA (`replay->count`): the sequence number of the last packet that
/// left, or how many came. The low 32 bits; IPComp has none.
fn count(SaEntry { sa, current, .. }: &SaEntry) -> u32 {
    let packets = match sa.replay_state.sent {
        _ if sa.proto == Proto::IpComp => 0,
        0 => current.packets,
        sent => sent,
    };
    u32::try_from(packets % (1 << 32)).unwrap_or_default()
}
