//! Selectors of SAs and policies.

use std::net::IpAddr;

use model::{PortMasks, Prefix, Selector, Upper, names::protocol_number};

use super::{Error, words::UnreadWords};

/// The prefix in a word.
fn prefix(word: &str) -> Option<Prefix> {
    let (address, length) = word.split_once('/')?;
    Prefix::new(address.parse::<IpAddr>().ok()?, Some(length.parse().ok()?)).ok()
}

impl UnreadWords<'_> {
    /// The selector whose source prefix is next, and whether it has the words of `-s`.
    pub fn selector(&mut self) -> Result<(Selector, bool), Error> {
        const PREFIX: &str = "a prefix: 192.0.2.0/24";
        let src = self.convert(PREFIX, prefix)?;
        self.expect("dst")?;
        let at_dst = self.clone();
        let dst = self.convert(PREFIX, prefix)?;
        let mut selector = Selector::new(src, dst)
            .map_err(|_| at_dst.wrong("a prefix of the IP version of src"))?;
        if self.take("proto") {
            let of = |word: &str| protocol_number(word).or_else(|| word.parse().ok());
            selector.upper = Upper::from_xfrm(self.convert("a protocol", of)?);
        }
        let mut masks = PortMasks { src: 0, dst: 0 };
        loop {
            match self.peek() {
                "sport" | "type" => (selector.src_port, masks.src) = (self.port()?, u16::MAX),
                "dport" | "code" => (selector.dst_port, masks.dst) = (self.port()?, u16::MAX),
                "(dport)" => {
                    // In network order.
                    (selector.dst_port, masks.dst) = (self.port()?.swap_bytes(), u16::MAX);
                }
                "key" => {
                    self.next();
                    let [high, low] = halves(self.number("a key")?);
                    (selector.src_port, selector.dst_port) = (high, low);
                    masks = PortMasks { src: u16::MAX, dst: u16::MAX };
                }
                _ => break,
            }
        }
        selector.port_masks = (masks != selector.port_masks()).then_some(masks);
        if self.take("dev") {
            selector.device = Some(self.parse("the name of a device")?);
        }
        let is_detailed = self.take("uid");
        if is_detailed {
            selector.user = self.number("a number")?;
        }
        Ok((selector, is_detailed))
    }

    fn port(&mut self) -> Result<u16, Error> {
        self.next();
        let at = self.clone();
        self.number("a port")?.try_into().map_err(|_| at.wrong("a port"))
    }
}

fn halves(number: u32) -> [u16; 2] {
    [number >> 16, number & 0xffff].map(|half| half.try_into().unwrap_or_default())
}
