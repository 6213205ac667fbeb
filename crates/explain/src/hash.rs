//! The kernel's hash of an SA's addresses and reqid (net/xfrm/xfrm_hash.h). A look-up for SAs without a
//! source reads a whole bucket and does not compare the source again (`xfrm_state_find`), so that an SA
//! of another source serves it if both hash alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{IpVersion, ReqId};

/// The bucket of an SA in a table of that many buckets, a power of two (`__xfrm_dst_hash`).
pub fn bucket(dst: IpAddr, src: IpAddr, reqid: Option<ReqId>, buckets: u32) -> u32 {
    // The AF_* numbers of Linux.
    let family = match IpVersion::of(dst) {
        IpVersion::V4 => 2,
        IpVersion::V6 => 10,
    };
    let hash = family ^ reqid.map_or(0, ReqId::number) ^ addresses(dst, src);
    (hash ^ (hash >> 16)) & buckets.wrapping_sub(1)
}

/// No source, of the IP version of an address.
pub fn no_source(like: IpAddr) -> IpAddr {
    match IpVersion::of(like) {
        IpVersion::V4 => Ipv4Addr::UNSPECIFIED.into(),
        IpVersion::V6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn addresses(dst: IpAddr, src: IpAddr) -> u32 {
    match (dst, src) {
        (IpAddr::V4(dst), IpAddr::V4(src)) => {
            // The kernel adds the numbers in network order as they are in memory.
            let [dst, src] = [dst, src].map(|addr| u32::from_ne_bytes(addr.octets()));
            u32::from_be(dst.wrapping_add(src))
        }
        (IpAddr::V6(dst), IpAddr::V6(src)) => jhash(dst) ^ jhash(src),
        _ => 0,
    }
}

/// `jhash2` of the four words of an address, with the initial value 0 (linux/jhash.h).
fn jhash(addr: Ipv6Addr) -> u32 {
    let octets = addr.octets();
    let word = |place: usize| {
        let bytes = [octets[place], octets[place + 1], octets[place + 2], octets[place + 3]];
        u32::from_ne_bytes(bytes)
    };
    let start = 0xdead_beef_u32.wrapping_add(16);
    let mixed = mix([word(0), word(4), word(8)].map(|word| start.wrapping_add(word)));
    last([mixed[0].wrapping_add(word(12)), mixed[1], mixed[2]])
}

fn mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    for (first, second, third) in [(4, 6, 8), (16, 19, 4)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(first);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(second);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(third);
        b = b.wrapping_add(a);
    }
    [a, b, c]
}

fn last([mut a, mut b, mut c]: [u32; 3]) -> u32 {
    let step = |to: u32, by: u32, bits| (to ^ by).wrapping_sub(by.rotate_left(bits));
    c = step(c, b, 14);
    a = step(a, c, 11);
    b = step(b, a, 25);
    c = step(c, b, 16);
    a = step(a, c, 4);
    b = step(b, a, 14);
    step(c, b, 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_depend_on_addresses_and_reqid() {
        let addr = |last| IpAddr::from([192, 0, 2, last]);
        // 192.0.2.2 + 192.0.2.1, the octets carried as in memory of a little-endian host: 0x80010403.
        if cfg!(target_endian = "little") {
            let hash = 2 ^ 0x8001_0403_u32;
            assert_eq!(bucket(addr(2), addr(1), None, 1 << 16), (hash ^ (hash >> 16)) & 0xffff);
        }
        assert_eq!(bucket(addr(2), addr(1), None, 1), 0);
        let reqid = ReqId::new(4);
        assert_eq!(bucket(addr(2), addr(1), reqid, 8), bucket(addr(2), addr(1), None, 8) ^ 4);
    }

    #[test]
    fn all_words_of_an_ipv6_address_count() {
        let of = |text: &str| jhash(text.parse().unwrap());
        let hashes = ["::", "1::", "0:0:1::", "::1:0:0", "::1"].map(of);
        for (place, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..place].contains(hash));
        }
    }
}
