use std::fmt;

/// Bytes in groups of four, eight groups a line (`ipsec_hexdump`).
pub struct HexText<'a> {
    bytes: &'a [u8],
    redact: bool,
}

impl<'a> HexText<'a> {
    /// The digits of these bytes.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, redact: false }
    }

    /// With `x` for each digit.
    #[must_use]
    pub fn redacted(self, redact: bool) -> Self {
        Self { redact, ..self }
    }
}

impl fmt::Display for HexText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.bytes.iter().enumerate() {
            if i != 0 && i % 32 == 0 {
                writeln!(f)?;
            }
            if i % 4 == 0 {
                f.write_str(" ")?;
            }
            if self.redact { f.write_str("xx")? } else { write!(f, "{byte:02x}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_groups_a_line() {
        let text = |bytes| HexText::of(bytes).to_string();
        assert_eq!(text(&[1, 2, 3, 4, 5]), " 01020304 05");
        assert_eq!(text(&[0; 33]), format!("{}\n 00", " 00000000".repeat(8)));
        assert_eq!(text(&[]), "");
        assert_eq!(HexText::of(&[1; 5]).redacted(true).to_string(), " xxxxxxxx xx");
    }
}
