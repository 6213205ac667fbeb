use crate::table;

struct Row {
    word: &'static str,
    xfrm: u8,
    pfkey: u8,
    pfkey_of_socket: Option<u8>,
}

table! {
    /// Which packets a policy sees.
    pub enum Direction: Row, "direction" {
        /// For this host.
        In => Row { word: "in", xfrm: 0, pfkey: 1, pfkey_of_socket: Some(4) },
        /// From this host, or through it.
        Out => Row { word: "out", xfrm: 1, pfkey: 2, pfkey_of_socket: Some(5) },
        /// Through this host, before they leave: Linux only.
        Fwd => Row { word: "fwd", xfrm: 2, pfkey: 3, pfkey_of_socket: None },
    }
}

impl Direction {
    /// The `XFRM_POLICY_*` number (linux/xfrm.h).
    #[must_use]
    pub fn xfrm(self) -> u8 {
        self.row().xfrm
    }

    /// The direction of an `XFRM_POLICY_*` number.
    #[must_use]
    pub fn from_xfrm(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|direction| direction.xfrm() == number)
    }

    /// The direction of the same packets at the other end; of those that are forwarded, where they come from.
    #[must_use]
    pub fn at_other_end(self) -> Self {
        match self {
            Direction::Out => Direction::In,
            Direction::In | Direction::Fwd => Direction::Out,
        }
    }

    /// The `IPSEC_DIR_*` number (linux/ipsec.h).
    #[must_use]
    pub fn pfkey_number(self) -> u8 {
        self.row().pfkey
    }

    /// What AF_KEY reports as the direction of a socket's policy: `XFRM_POLICY_MAX` is added to the
    /// kernel's number, and 1 as to the others. A socket has no policy in direction `fwd`.
    #[must_use]
    pub fn pfkey_number_of_socket(self) -> Option<u8> {
        self.row().pfkey_of_socket
    }
}

struct SaRow {
    word: &'static str,
    xfrm: u8,
}

table! {
    /// Which way an SA is used (`XFRMA_SA_DIR`, Linux 6.10).
    pub enum SaDirection: SaRow, "direction of an SA" {
        /// For packets that arrive.
        In => SaRow { word: "in", xfrm: 1 },
        /// For packets that leave.
        Out => SaRow { word: "out", xfrm: 2 },
    }
}

impl SaDirection {
    /// The `XFRM_SA_DIR_*` number (linux/xfrm.h).
    #[must_use]
    pub fn xfrm(self) -> u8 {
        self.row().xfrm
    }

    /// The direction of an `XFRM_SA_DIR_*` number.
    #[must_use]
    pub fn from_xfrm(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|direction| direction.xfrm() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back() {
        for &direction in Direction::ALL {
            assert_eq!(Direction::from_xfrm(direction.xfrm()), Some(direction));
            assert_eq!(direction.word().parse(), Ok(direction));
        }
        for &direction in SaDirection::ALL {
            assert_eq!(SaDirection::from_xfrm(direction.xfrm()), Some(direction));
        }
        assert_eq!(Direction::from_xfrm(3), None);
        assert_eq!("any".parse::<Direction>().unwrap_err().to_string(), "`any` is no direction");
    }
}
