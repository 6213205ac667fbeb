use std::fmt;

/// Security parameters index, host order. For IPComp it is the CPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spi(pub u32);

impl fmt::Display for Spi {
    /// As setkey prints it: `4096(0x00001000)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{0}(0x{0:08x})", self.0)
    }
}
