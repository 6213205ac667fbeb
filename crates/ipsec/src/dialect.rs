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
}
