use std::fmt;

/// The number of [`Spi::FIRST_FREE`] as a literal, for `concat!` of a static text.
#[macro_export]
macro_rules! first_free_spi {
    () => {
        256
    };
}

/// Security parameters index, host order. For IPComp it is the CPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spi(pub u32);

impl Spi {
    /// The smallest that is not reserved, RFC 4302 section 2.4 and RFC 4303 section 2.1.
    pub const FIRST_FREE: Spi = Spi(first_free_spi!());
    /// The largest that is chosen where none is asked for, as AF_KEY does it.
    pub const LAST_CHOSEN: Spi = Spi(0x0fff_ffff);
    /// The largest CPI of IPComp, 16 bits (RFC 3173 section 3.3).
    pub const LAST_CPI: Spi = Spi(0xffff);
}

impl fmt::Display for Spi {
    /// As setkey prints it: `4096(0x00001000)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{0}(0x{0:08x})", self.0)
    }
}
