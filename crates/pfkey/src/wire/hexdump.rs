use std::fmt;

/// The bytes of a message as `setkey -H` prints them: sixteen a line behind their offset.
///
/// It shows keys, as the original does.
pub struct Hexdump<'a>(pub &'a [u8]);

impl fmt::Display for Hexdump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (line, bytes) in self.0.chunks(16).enumerate() {
            write!(f, "{:08x}: ", line * 16)?;
            for byte in bytes {
                write!(f, "{byte:02x} ")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_a_line() {
        let bytes: Vec<u8> = (0..18).collect();
        assert_eq!(
            Hexdump(&bytes).to_string(),
            "00000000: 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f \n00000010: 10 11 \n"
        );
        assert_eq!(Hexdump(&[]).to_string(), "");
    }
}
