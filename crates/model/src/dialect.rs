use crate::{Direction, Proto, table};

struct Row {
    word: &'static str,
}

table! {
    /// Whose setkey a script was written for.
    #[derive(Default)]
    pub enum Dialect: Row, "dialect" {
        /// ipsec-tools 0.8.2 on Linux's AF_KEY.
        #[default]
        Linux => Row { word: "linux" },
        /// NetBSD's setkey(8).
        NetBsd => Row { word: "netbsd" },
        /// FreeBSD's setkey(8).
        FreeBsd => Row { word: "freebsd" },
    }
}

impl Dialect {
    /// Whether it is one of the BSDs: an SA without `-m` takes the mode of its policy, `-r` counts
    /// bytes of bitmap, and SHA-2 is truncated as in RFC 4868.
    #[must_use]
    pub fn is_bsd(self) -> bool {
        self != Dialect::Linux
    }

    /// Whether packets may come in without a template of this protocol, whatever its level. On the
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
        for &dialect in Dialect::ALL {
            assert_eq!(dialect.word().parse(), Ok(dialect));
        }
        assert!("openbsd".parse::<Dialect>().is_err());
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
