//! Names of variables: with dots, or with slashes as below /proc/sys.

/// A variable's place below /proc/sys: its parts with slashes between them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    path: String,
}

impl Name {
    /// Reads a name as a user writes it. The first separator is the one that separates; the other one
    /// belongs to the parts: `net.ipv4.conf.eth0/100.forwarding` is
    /// `net/ipv4/conf/eth0.100/forwarding`.
    pub fn parse(text: &str) -> Self {
        let text = match text.find(['.', '/']) {
            Some(first) if text[first..].starts_with('.') => swapped(text),
            _ => text.to_owned(),
        };
        let parts = text.split('/').filter(|part| !part.is_empty());
        Name { path: parts.collect::<Vec<_>>().join("/") }
    }

    /// The folder of all variables.
    pub fn top() -> Self {
        Name { path: String::new() }
    }

    /// The same with a slash behind it: a file of this path is none.
    pub fn as_folder(&self) -> Self {
        Name { path: format!("{}/", self.path) }
    }

    /// Whether it is the folder of all variables.
    pub fn is_top(&self) -> bool {
        self.path.is_empty()
    }

    /// One that is in this folder.
    pub fn child(&self, part: &str) -> Self {
        if self.path.is_empty() {
            return Name { path: part.to_owned() };
        }
        Name { path: format!("{}/{part}", self.path) }
    }

    /// With slashes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// With dots.
    pub fn dotted(&self) -> String {
        swapped(&self.path)
    }

    /// The parts.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter(|part| !part.is_empty())
    }

    /// The last part.
    pub fn last(&self) -> &str {
        self.parts().last().unwrap_or("")
    }
}

/// Whether the last letter separates: it is the first separator once more.
pub fn ends_in_separator(text: &str) -> bool {
    text.find(['.', '/']).is_some_and(|first| text.ends_with(&text[first..=first]))
}

/// From the first separator that another one follows: procps complains of it.
pub fn repeated_separator(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let is_separator = |byte: &u8| matches!(byte, b'.' | b'/');
    let first = bytes.windows(2).position(|pair| pair.iter().all(is_separator))?;
    Some(&text[first..])
}

fn swapped(text: &str) -> String {
    let swap = |letter| match letter {
        '.' => '/',
        '/' => '.',
        letter => letter,
    };
    text.chars().map(swap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_is_the_one_that_separates() {
        for (text, path, dotted) in [
            ("net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"),
            ("net/ipv4/ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"),
            ("net.ipv4.conf.eth0/1.mtu", "net/ipv4/conf/eth0.1/mtu", "net.ipv4.conf.eth0/1.mtu"),
            ("net/ipv4/conf/eth0.1/mtu", "net/ipv4/conf/eth0.1/mtu", "net.ipv4.conf.eth0/1.mtu"),
            ("net/ipv4.ip_forward", "net/ipv4.ip_forward", "net.ipv4/ip_forward"),
            ("kernel", "kernel", "kernel"),
            ("net..ipv4.", "net/ipv4", "net.ipv4"),
            ("/net//ipv4/", "net/ipv4", "net.ipv4"),
            ("", "", ""),
        ] {
            let name = Name::parse(text);
            assert_eq!((name.path(), name.dotted().as_str()), (path, dotted), "{text}");
        }
    }

    #[test]
    fn the_separator_of_the_name_ends_a_folder() {
        assert!(
            ends_in_separator("net.ipv4.") && ends_in_separator("/") && ends_in_separator("a/")
        );
        assert!(!ends_in_separator("net.ipv4/") && !ends_in_separator("net/ipv4."));
        assert!(!ends_in_separator("net.ipv4") && !ends_in_separator(""));
    }

    #[test]
    fn separators_are_not_repeated() {
        assert_eq!(repeated_separator("net..ipv4"), Some("..ipv4"));
        assert_eq!(repeated_separator("net/ipv4./x"), Some("./x"));
        assert_eq!(repeated_separator("net.ipv4"), None);
    }
}
