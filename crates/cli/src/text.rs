use std::fmt;

use model::Key;

/// The digits of a key, as a script has them: `0x0123`. Nothing for an empty one.
pub struct KeyText<'a>(pub &'a Key);

impl fmt::Display for KeyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.bytes().is_empty() {
            f.write_str("0x")?;
        }
        self.0.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
