use std::{fmt, str::FromStr};

use crate::Error;

/// The name of a network device: 1 to 15 bytes (`IFNAMSIZ`). The kernel's XFRM has the device's
/// number. A number that no device has, or whose device's name is no text, is named as ip(8) does:
/// `if7`; or `if:7` where that is the name of another device. No device has a name with a colon
/// (`dev_valid_name`, net/core/dev.c).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceName {
    /// Padded with NUL.
    bytes: [u8; DeviceName::MOST],
}

const IF: &str = "if";
const IF_ALONE: &str = "if:";

impl DeviceName {
    /// The longest name, in bytes.
    pub const MOST: usize = 15;

    /// The name of a device of which only the number is known.
    #[must_use]
    pub fn of_number(number: i32) -> Self {
        Self::after(IF, number)
    }

    /// The same, as no device is named.
    #[must_use]
    pub fn of_number_alone(number: i32) -> Self {
        Self::after(IF_ALONE, number)
    }

    fn after(prefix: &str, number: i32) -> Self {
        // The longest is `if:-2147483648`.
        let mut bytes = [0; Self::MOST];
        for (to, from) in bytes.iter_mut().zip(format!("{prefix}{number}").bytes()) {
            *to = from;
        }
        Self { bytes }
    }

    /// The number in a name such as `if7`, which may be a device's own name, or `if:7`.
    #[must_use]
    pub fn number(&self) -> Option<i32> {
        self.number_alone().or_else(|| self.number_after(IF))
    }

    /// The number in a name such as `if:7`.
    #[must_use]
    pub fn number_alone(&self) -> Option<i32> {
        self.number_after(IF_ALONE)
    }

    fn number_after(&self, prefix: &str) -> Option<i32> {
        let digits = self.as_str().strip_prefix(prefix)?;
        digits.parse().ok().filter(|_| !digits.contains('+'))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(Self::MOST);
        str::from_utf8(&self.bytes[..end]).unwrap_or_default()
    }
}

impl FromStr for DeviceName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if name.is_empty() || name.len() > Self::MOST || name.contains(['\0', '/']) {
            return Err(Error::DeviceName(name.to_owned()));
        }
        let mut bytes = [0; Self::MOST];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self { bytes })
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_the_kernels_field() {
        for name in ["e", "eth0.100", "fifteen-letters"] {
            assert_eq!(name.parse::<DeviceName>().unwrap().as_str(), name);
        }
        for name in ["", "sixteen--letters", "a/b"] {
            assert!(name.parse::<DeviceName>().is_err());
        }
    }

    #[test]
    fn a_number_is_a_name() {
        for number in [0, 7, i32::MAX, i32::MIN] {
            let [name, alone] =
                [DeviceName::of_number, DeviceName::of_number_alone].map(|of| of(number));
            assert_eq!((name.number(), name.number_alone()), (Some(number), None));
            assert_eq!((alone.number(), alone.number_alone()), (Some(number), Some(number)));
        }
        assert_eq!(DeviceName::of_number(7).as_str(), "if7");
        assert_eq!("if+7".parse::<DeviceName>().unwrap().number(), None);
        assert_eq!("ifb0".parse::<DeviceName>().unwrap().number(), None);
    }
}
