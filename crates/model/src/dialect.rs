use crate::{Direction, Proto};

/// Whose setkey a script was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Dialect {
    /// ipsec-tools 0.8.2 on Linux's AF_KEY.
    #[default]
    Linux,
    /// NetBSD's setkey(8).
    NetBsd,
    /// FreeBSD's setkey(8).
    FreeBsd,
}

impl Dialect {
    /// All of them, with the words of `--dialect`.
    pub const ALL: [(Dialect, &'static str); 3] =
        [(Dialect::Linux, "linux"), (Dialect::NetBsd, "netbsd"), (Dialect::FreeBsd, "freebsd")];

    /// The dialect of this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Linux => "linux",
            Dialect::NetBsd => "netbsd",
            Dialect::FreeBsd => "freebsd",
        }
    }

    /// Whether it is one of the BSDs: an SA without `-m` takes the mode of its policy, `-r` counts
    /// bytes of bitmap, and SHA-2 is cut as RFC 4868 says.
    #[must_use]
    pub fn is_bsd(self) -> bool {
        self != Dialect::Linux
    }

    /// Whether packets may come in without a request of this protocol, whatever its level. On the
    /// BSDs IPComp counts as `use` then, since small packets are not compressed (`ipsec_in_reject`,
    /// sys/netipsec/ipsec.c).
    #[must_use]
    pub fn lets_in_without(self, direction: Direction, proto: Proto) -> bool {
        self.is_bsd() && direction != Direction::Out && proto == Proto::IpComp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for (dialect, name) in Dialect::ALL {
            assert_eq!(dialect.name(), name);
            assert_eq!(Dialect::from_name(name), Some(dialect));
        }
        assert_eq!(Dialect::from_name("openbsd"), None);
    }

    #[test]
    fn the_bsds_let_in_what_is_not_compressed() {
        use Direction::{Fwd, In, Out};
        for dialect in [Dialect::NetBsd, Dialect::FreeBsd] {
            let lets_in = |direction| dialect.lets_in_without(direction, Proto::IpComp);
            assert_eq!([In, Fwd, Out].map(lets_in), [true, true, false]);
            assert!(!dialect.lets_in_without(In, Proto::Esp));
        }
        assert!(!Dialect::Linux.lets_in_without(In, Proto::IpComp));
    }
}
