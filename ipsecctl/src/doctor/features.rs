//! The features of network devices, by ethtool's netlink (linux/ethtool_netlink.h).

use std::collections::BTreeSet;

use generic_netlink::{Error, GenericFamily};
use netlink_packet_core::{DecodeError, DefaultNla, Emitable, NLA_F_NESTED, NlasIterator};
use rustix::io::Errno;

const FAMILY: &str = "ethtool";
const VERSION: u8 = 1;

/// `ETHTOOL_MSG_FEATURES_GET`, and the number of its answer.
const FEATURES_GET: u8 = 11;
const FEATURES_GET_REPLY: u8 = 11;

/// `ETHTOOL_A_*`.
mod attribute {
    /// Nested [`DEVICE`].
    pub const HEADER: u16 = 1;
    /// The name of a device, with its NUL.
    pub const DEVICE: u16 = 2;
    /// A set of all features; those that can be changed have [`BIT_VALUE`].
    pub const CHANGEABLE: u16 = 2;
    /// A set of the features that are on.
    pub const ACTIVE: u16 = 4;
    /// Nested [`BIT`] of a set.
    pub const BITS: u16 = 3;
    pub const BIT: u16 = 1;
    /// The name of a feature, with its NUL.
    pub const BIT_NAME: u16 = 2;
    /// A flag.
    pub const BIT_VALUE: u16 = 3;
}

/// The features of a device, by the names of ethtool(8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features {
    /// Those that are on.
    pub active: BTreeSet<String>,
    /// Those that ethtool(8) turns on and off.
    pub changeable: BTreeSet<String>,
}

/// Asks for features.
pub struct Reader(GenericFamily);

impl Reader {
    /// Opens a socket. Errors: a kernel before Linux 5.6 does not have this family.
    pub fn open() -> Result<Self, Error> {
        GenericFamily::open(FAMILY, VERSION).map(Self)
    }

    /// The features of a device; none: there is no such device.
    pub fn features(&mut self, device: &str) -> Result<Option<Features>, Error> {
        let name = DefaultNla::new(attribute::DEVICE, [device.as_bytes(), b"\0"].concat());
        let name = [name];
        let mut header = vec![0; name.as_slice().buffer_len()];
        name.as_slice().emit(&mut header);
        let header = DefaultNla::new(attribute::HEADER | NLA_F_NESTED, header);
        let doing = "asking for the features of a device";
        match self.0.ask(FEATURES_GET, vec![header], FEATURES_GET_REPLY, doing) {
            Ok(answer) => Ok(Some(Features::read(&answer)?)),
            Err(Error::Failed { source: Errno::NODEV, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Features {
    fn read(attributes: &[u8]) -> Result<Self, DecodeError> {
        let mut features = Self::default();
        for nla in NlasIterator::new(attributes) {
            let nla = nla?;
            match nla.kind() {
                attribute::CHANGEABLE => features.changeable = names(nla.value(), true)?,
                attribute::ACTIVE => features.active = names(nla.value(), false)?,
                _ => {}
            }
        }
        Ok(features)
    }
}

/// The names of a set: all that it lists, or those that have a value.
fn names(set: &[u8], with_value: bool) -> Result<BTreeSet<String>, DecodeError> {
    let mut names = BTreeSet::new();
    for nla in NlasIterator::new(set) {
        let nla = nla?;
        if nla.kind() != attribute::BITS {
            continue;
        }
        for bit in NlasIterator::new(nla.value()) {
            let bit = bit?;
            if bit.kind() != attribute::BIT {
                continue;
            }
            let (mut name, mut has_value) = (None, false);
            for nla in NlasIterator::new(bit.value()) {
                let nla = nla?;
                match nla.kind() {
                    attribute::BIT_NAME => {
                        let text = nla.value().split(|byte| *byte == 0).next().unwrap_or_default();
                        name = Some(String::from_utf8_lossy(text).into_owned());
                    }
                    attribute::BIT_VALUE => has_value = true,
                    _ => {}
                }
            }
            names.extend(name.filter(|_| has_value || !with_value));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute with others.
    fn nested(kind: u16, nlas: &[DefaultNla]) -> DefaultNla {
        let mut value = vec![0; nlas.buffer_len()];
        nlas.emit(&mut value);
        DefaultNla::new(kind | NLA_F_NESTED, value)
    }

    fn bit(name: &str, has_value: bool) -> DefaultNla {
        let mut nlas =
            vec![DefaultNla::new(attribute::BIT_NAME, [name.as_bytes(), b"\0"].concat())];
        nlas.extend(has_value.then(|| DefaultNla::new(attribute::BIT_VALUE, Vec::new())));
        nested(attribute::BIT, &nlas)
    }

    #[test]
    fn the_names_of_sets_are_read() {
        let set = |kind, bits: &[DefaultNla]| nested(kind, &[nested(attribute::BITS, bits)]);
        let nlas = [
            set(attribute::CHANGEABLE, &[bit("tx-esp-segmentation", true), bit("rx-all", false)]),
            set(attribute::ACTIVE, &[bit("esp-hw-offload", false)]),
        ];
        let mut bytes = vec![0; nlas.as_slice().buffer_len()];
        nlas.as_slice().emit(&mut bytes);
        let features = Features::read(&bytes).unwrap();
        let of = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
        let expected =
            Features { active: of(&["esp-hw-offload"]), changeable: of(&["tx-esp-segmentation"]) };
        assert_eq!(features, expected);
        for length in 0..bytes.len() {
            let _ = Features::read(&bytes[..length]);
        }
    }
}
