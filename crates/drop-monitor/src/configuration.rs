//! How the drop monitor works: it can be changed only while it is stopped.

use std::{fmt, str::FromStr};

use netlink_packet_core::{DecodeError, DefaultNla, NlasIterator, parse_u8, parse_u32};

use crate::wire::attribute;

/// What an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertMode {
    /// The places of drops and their numbers, once a second.
    Summary,
    /// A packet.
    Packet,
}

/// The configuration of the kernel's drop monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertConfiguration {
    /// What an alert is.
    pub mode: AlertMode,
    /// Bytes of a packet that an alert has at most; 0: all.
    pub head: u32,
    /// Packets that wait to be sent, for each processor.
    pub queue: u32,
}

impl AlertConfiguration {
    pub(crate) fn read(attributes: &[u8]) -> Result<Self, DecodeError> {
        let mut read = Self { mode: AlertMode::Summary, head: 0, queue: 0 };
        for nla in NlasIterator::new(attributes) {
            let nla = nla?;
            match nla.kind() {
                attribute::ALERT_MODE => read.mode = AlertMode::of_number(parse_u8(nla.value())?)?,
                attribute::TRUNC_LEN => read.head = parse_u32(nla.value())?,
                attribute::QUEUE_LEN => read.queue = parse_u32(nla.value())?,
                _ => {}
            }
        }
        Ok(read)
    }

    pub(crate) fn attributes(self) -> Vec<DefaultNla> {
        vec![
            DefaultNla::new(attribute::ALERT_MODE, vec![self.mode.number()]),
            DefaultNla::new(attribute::TRUNC_LEN, self.head.to_ne_bytes().to_vec()),
            DefaultNla::new(attribute::QUEUE_LEN, self.queue.to_ne_bytes().to_vec()),
        ]
    }
}

impl AlertMode {
    fn number(self) -> u8 {
        match self {
            AlertMode::Summary => 0,
            AlertMode::Packet => 1,
        }
    }

    fn of_number(number: u8) -> Result<Self, DecodeError> {
        match number {
            0 => Ok(AlertMode::Summary),
            1 => Ok(AlertMode::Packet),
            other => Err(DecodeError::from(format!("{other} is no alert mode"))),
        }
    }
}

/// `MODE HEAD QUEUE`, as in the record of a `Claim`.
impl fmt::Display for AlertConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.mode.number(), self.head, self.queue)
    }
}

impl FromStr for AlertConfiguration {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let malformed = || DecodeError::from("the record is not three numbers");
        let numbers = text.split_whitespace().map(|word| word.parse().map_err(|_| malformed()));
        let numbers = numbers.collect::<Result<Vec<u32>, _>>()?;
        let [mode, head, queue] = numbers[..] else { return Err(malformed()) };
        let mode = AlertMode::of_number(mode.try_into().map_err(|_| malformed())?)?;
        Ok(Self { mode, head, queue })
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;

    use super::*;

    const SET: AlertConfiguration =
        AlertConfiguration { mode: AlertMode::Packet, head: 200, queue: 1000 };

    #[test]
    fn what_is_set_is_read() {
        let attributes = SET.attributes();
        let mut bytes = vec![0; attributes.as_slice().buffer_len()];
        attributes.as_slice().emit(&mut bytes);
        assert_eq!(AlertConfiguration::read(&bytes).unwrap(), SET);
        assert!(AlertConfiguration::read(&bytes[..9]).is_err());
    }

    #[test]
    fn the_record_is_text() {
        assert_eq!(SET.to_string(), "1 200 1000");
        assert_eq!("1 200 1000\n".parse::<AlertConfiguration>().unwrap(), SET);
        for wrong in ["", "1 200", "2 200 1000", "1 200 1000 0", "1 x 1000", "257 0 0"] {
            assert!(wrong.parse::<AlertConfiguration>().is_err(), "{wrong}");
        }
    }
}
