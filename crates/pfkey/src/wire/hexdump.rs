use std::{fmt, ops::Range};

use super::{HEADER_LENGTH, UNIT, ext_type};

/// The bytes of a message as `setkey -H` prints them: sixteen a line behind their offset.
///
/// It shows keys, as the original does, unless it is redacted.
pub struct Hexdump<'a> {
    bytes: &'a [u8],
    redact: bool,
}

impl<'a> Hexdump<'a> {
    /// The digits of these bytes.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, redact: false }
    }

    /// With `x` for the digits of keys, and of what belongs to no extension that can be read.
    #[must_use]
    pub fn redacted(self, redact: bool) -> Self {
        Self { redact, ..self }
    }
}

impl fmt::Display for Hexdump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = if self.redact { secret(self.bytes) } else { Vec::new() };
        for (line, bytes) in self.bytes.chunks(16).enumerate() {
            let start = line * 16;
            write!(f, "{start:08x}: ")?;
            for (at, byte) in (start..).zip(bytes) {
                if secret.iter().any(|secret| secret.contains(&at)) {
                    f.write_str("xx ")?;
                } else {
                    write!(f, "{byte:02x} ")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Where the keys of a message are, or of one in a message of type X_PROMISC, whose header comes first.
/// After an extension that is wrong, all may be keys.
fn secret(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut secret, mut at) = (Vec::new(), HEADER_LENGTH);
    if bytes.get(1) == Some(&super::MessageType::PROMISC.0) {
        at += HEADER_LENGTH;
    }
    while let Some(&[length_0, length_1, kind_0, kind_1]) = bytes.get(at..at + 4) {
        let length = usize::from(u16::from_ne_bytes([length_0, length_1])) * UNIT;
        let is_known = match u16::from_ne_bytes([kind_0, kind_1]) {
            ext_type::KEY_AUTH | ext_type::KEY_ENCRYPT => {
                // After the length in bits, and a reserved field.
                secret.push(at + UNIT..(at + length).max(at + UNIT));
                true
            }
            ext_type::KMPRIVATE => false,
            kind => kind <= ext_type::MAX,
        };
        if !is_known || length < UNIT || at + length > bytes.len() {
            break;
        }
        at += length;
    }
    secret.push(at..bytes.len());
    secret
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_a_line() {
        let bytes: Vec<u8> = (0..18).collect();
        assert_eq!(
            Hexdump::of(&bytes).to_string(),
            "00000000: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f \n00000010: 10 11 \n"
        );
        assert_eq!(Hexdump::of(&[]).to_string(), "");
    }

    #[test]
    fn keys_are_redacted() {
        let header = [2, 3, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let extension = |kind: u16, units: u16, body: &[u8]| {
            [&units.to_ne_bytes(), &kind.to_ne_bytes(), body].concat()
        };
        let sa = extension(ext_type::SA, 2, &[7; 12]);
        let key = extension(ext_type::KEY_AUTH, 2, &[64, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]);
        let text = |parts: &[&[u8]]| Hexdump::of(&parts.concat()).redacted(true).to_string();
        let redacted = text(&[&header, &sa, &key, &sa]);
        assert!(!redacted.contains("09"), "{redacted}");
        assert_eq!((redacted.matches("xx").count(), redacted.matches("07").count()), (8, 24));
        // In a message of type X_PROMISC, and in ones that end too early or go on too long.
        let promisc = [2, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let parts: [&[&[u8]]; 6] = [
            &[&promisc, &header, &sa, &key],
            &[&header, &key[..12]],
            &[&header, &extension(ext_type::KEY_ENCRYPT, 99, &key)],
            &[&header, &extension(ext_type::KEY_ENCRYPT, 0, &key)],
            &[&header, &extension(200, 3, &key)],
            &[&header, &[9; 3]],
        ];
        for parts in parts {
            assert!(!text(parts).contains("09"), "{}", text(parts));
        }
    }
}
