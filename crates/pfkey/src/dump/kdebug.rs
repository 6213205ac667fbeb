use std::{fmt, net::SocketAddr};

use model::Key;

use super::HexText;
use crate::{
    Extension, Message,
    ext::{
        Address, Algorithm, Comb, End, Identity, IpsecRequest, KmAddress, Lifetime, Policy,
        Proposal, Sa, Sa2,
    },
    wire::{UNIT, VERSION, numbers, sockaddr_len_family},
};

/// A message as `setkey -v` and `-x` print it (`kdebug_sadb`, src/libipsec/key_debug.c of
/// ipsec-tools 0.8.2). It shows keys, as the original does, unless it is redacted.
///
/// Not kept: the original printed, instead of a key, memory behind it, and of byte counts and times
/// the low 32 bits only.
pub struct Kdebug<'a> {
    message: &'a Message,
    redact: bool,
}

impl<'a> Kdebug<'a> {
    /// The text of this message.
    #[must_use]
    pub fn of(message: &'a Message) -> Self {
        Self { message, redact: false }
    }

    /// With `x` for the digits of keys.
    #[must_use]
    pub fn redacted(self, redact: bool) -> Self {
        Self { redact, ..self }
    }
}

impl fmt::Display for Kdebug<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { msg_type, errno, satype, reserved, seq, pid, extensions } = self.message;
        writeln!(
            f,
            "sadb_msg{{ version={VERSION} type={} errno={errno} satype={satype}",
            msg_type.0
        )?;
        let parts: Vec<usize> = extensions.iter().map(units).collect();
        let len = 2 + parts.iter().sum::<usize>();
        writeln!(f, "  len={len} reserved={reserved} seq={seq} pid={pid}")?;
        for (extension, len) in extensions.iter().zip(parts) {
            let number = extension.number();
            writeln!(f, "sadb_ext{{ len={len} type={number} }}")?;
            if unprintable(extension) {
                return writeln!(f, "kdebug_sadb: invalid ext_type {number} was passed.");
            }
            match extension {
                Extension::Key(_, key) => write_key(f, key, self.redact)?,
                extension => write_extension(f, extension)?,
            }
        }
        Ok(())
    }
}

/// Length of an extension on the wire; 0 if it does not fit there.
fn units(extension: &Extension) -> usize {
    extension.encode().map_or(0, |bytes| bytes.len() / UNIT)
}

/// The original does not know these and stops there.
fn unprintable(extension: &Extension) -> bool {
    matches!(extension, Extension::SecCtx(_) | Extension::Filter(_) | Extension::Unknown(..))
}

fn write_extension(f: &mut fmt::Formatter<'_>, extension: &Extension) -> fmt::Result {
    match extension {
        Extension::Sa(sa) => write_sa(f, sa),
        Extension::Lifetime(_, lifetime) => write_lifetime(f, lifetime),
        Extension::Address(_, address) => write_address(f, address),
        Extension::Identity(end, identity) => write_identity(f, *end, identity),
        Extension::Proposal(proposal) => write_proposal(f, proposal),
        Extension::Supported(_, algorithms) => write_supported(f, algorithms),
        Extension::Policy(policy) => write_policy(f, policy),
        Extension::Sa2(sa2) => write_sa2(f, sa2),
        Extension::NatType(number) => writeln!(f, "sadb_x_nat_t_type{{ type={number} }}"),
        Extension::NatPort(_, port) => writeln!(f, "sadb_x_nat_t_port{{ port={port} }}"),
        Extension::KmAddress(addresses) => write_km_address(f, addresses),
        // The original knows these, and prints no more of them.
        _ => Ok(()),
    }
}

fn write_sa(f: &mut fmt::Formatter<'_>, sa: &Sa) -> fmt::Result {
    writeln!(f, "sadb_sa{{ spi={} replay={} state={}", sa.spi, sa.replay, sa.state)?;
    writeln!(f, "  auth={} encrypt={} flags=0x{:08x} }}", sa.auth, sa.encrypt, sa.flags)
}

fn write_sa2(f: &mut fmt::Formatter<'_>, sa2: &Sa2) -> fmt::Result {
    let Sa2 { mode, reserved1, reserved2, sequence, reqid } = sa2;
    writeln!(f, "sadb_x_sa2{{ mode={mode} reqid={reqid}")?;
    writeln!(f, "  reserved1={reserved1} reserved2={reserved2} sequence={sequence} }}")
}

fn write_lifetime(f: &mut fmt::Formatter<'_>, lifetime: &Lifetime) -> fmt::Result {
    let Lifetime { allocations, bytes, add_time, use_time } = lifetime;
    writeln!(f, "sadb_lifetime{{ alloc={allocations}, bytes={bytes}")?;
    writeln!(f, "  addtime={add_time}, usetime={use_time} }}")
}

fn write_address(f: &mut fmt::Formatter<'_>, address: &Address) -> fmt::Result {
    let Address { proto, prefix_len, sockaddr } = address;
    writeln!(f, "sadb_address{{ proto={proto} prefixlen={prefix_len} reserved=0x0000 }}")?;
    write_sockaddr(f, sockaddr)
}

fn write_sockaddr(f: &mut fmt::Formatter<'_>, sockaddr: &SocketAddr) -> fmt::Result {
    let (len, family) = sockaddr_len_family(sockaddr);
    writeln!(f, "sockaddr{{ len={len} family={family} port={}", sockaddr.port())?;
    match sockaddr {
        SocketAddr::V4(v4) => write!(f, "{}", HexText::of(&v4.ip().octets()))?,
        SocketAddr::V6(v6) => {
            let (flow, scope) = (v6.flowinfo(), v6.scope_id());
            writeln!(f, "  flowinfo=0x{flow:08x}, scope_id=0x{scope:08x}")?;
            write!(f, "{}", HexText::of(&v6.ip().octets()))?;
        }
    }
    writeln!(f, "  }}")
}

fn write_key(f: &mut fmt::Formatter<'_>, key: &Key, redact: bool) -> fmt::Result {
    let (bits, hex) = (key.bits(), HexText::of(key.bytes()).redacted(redact));
    writeln!(f, "sadb_key{{ bits={bits} reserved=0\n  key={hex} }}")
}

fn write_identity(f: &mut fmt::Formatter<'_>, end: End, identity: &Identity) -> fmt::Result {
    let end = if end == End::Src { "src" } else { "dst" };
    write!(f, "sadb_ident_{end}{{ type={} id={}", identity.ident_type, identity.id)?;
    if !identity.name.is_empty() {
        write!(f, "\n  str=\"")?;
        for &byte in identity.name.iter().take_while(|&&byte| byte != 0) {
            match byte {
                b' '..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\{byte:03o}")?,
            }
        }
        write!(f, "\"")?;
    }
    writeln!(f, " }}")
}

fn write_proposal(f: &mut fmt::Formatter<'_>, proposal: &Proposal) -> fmt::Result {
    writeln!(f, "sadb_prop{{ replay={}", proposal.replay)?;
    for comb in &proposal.combs {
        write_comb(f, comb)?;
    }
    writeln!(f, "}}")
}

fn write_comb(f: &mut fmt::Formatter<'_>, comb: &Comb) -> fmt::Result {
    let Comb { auth, encrypt, flags, soft, hard, .. } = comb;
    writeln!(
        f,
        "sadb_comb{{ auth={auth} encrypt={encrypt} flags=0x{flags:04x} reserved=0x00000000"
    )?;
    writeln!(
        f,
        "  auth_minbits={} auth_maxbits={} encrypt_minbits={} encrypt_maxbits={}",
        comb.auth_min_bits, comb.auth_max_bits, comb.encrypt_min_bits, comb.encrypt_max_bits
    )?;
    let limits = |f: &mut fmt::Formatter<'_>, [a, b, c, d]: [u64; 4]| {
        write!(f, "  soft_alloc={a} hard_alloc={b} soft_bytes={c} hard_bytes={d}")
    };
    limits(f, [soft.allocations.into(), hard.allocations.into(), soft.bytes, hard.bytes])?;
    writeln!(f)?;
    // The times have the same names in the original.
    limits(f, [soft.add_time, hard.add_time, soft.use_time, hard.use_time])?;
    writeln!(f, " }}")
}

fn write_supported(f: &mut fmt::Formatter<'_>, algorithms: &[Algorithm]) -> fmt::Result {
    writeln!(f, "sadb_sup{{")?;
    for Algorithm { id, iv_len, min_bits, max_bits } in algorithms {
        writeln!(f, "  {{ id={id} ivlen={iv_len} min={min_bits} max={max_bits} }}")?;
    }
    writeln!(f, "}}")
}

fn write_policy(f: &mut fmt::Formatter<'_>, policy: &Policy) -> fmt::Result {
    let Policy { policy_type, dir, id, priority, requests } = policy;
    writeln!(f, "sadb_x_policy{{ type={policy_type} dir={dir} id={id:x} priority={priority} }}")?;
    if *policy_type == numbers::IPSEC {
        for request in requests {
            write_request(f, request)?;
        }
    }
    Ok(())
}

fn write_request(f: &mut fmt::Formatter<'_>, request: &IpsecRequest) -> fmt::Result {
    let IpsecRequest { proto, mode, level, reqid, ends } = request;
    let len = request.len();
    writeln!(f, " {{ len={len} proto={proto} mode={mode} level={level} reqid={reqid}")?;
    if let Some((src, dst)) = ends {
        write_sockaddr(f, src)?;
        write_sockaddr(f, dst)?;
    }
    writeln!(f, " }}")
}

fn write_km_address(f: &mut fmt::Formatter<'_>, addresses: &KmAddress) -> fmt::Result {
    write!(f, "sadb_x_kmaddress{{ reserved=0x")?;
    for byte in addresses.reserved.to_ne_bytes() {
        write!(f, "{byte:02x}")?;
    }
    writeln!(f, " }}")?;
    write_sockaddr(f, &addresses.local)?;
    write_sockaddr(f, &addresses.remote)
}
