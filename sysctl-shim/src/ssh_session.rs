//! A default policy of `discard` would cut the ssh session in which the command runs.

use std::net::IpAddr;

use model::{IpVersion, Setting, Variables, variable::Meaning};

/// The far end of the ssh session that a command runs in, by `SSH_CONNECTION` (sshd(8)): the
/// client's address and port, the server's address and port.
pub fn ssh_client(connection: &str) -> Option<IpAddr> {
    let address = connection.split_whitespace().next()?;
    // A link-local address has its interface with it.
    let address = address.split('%').next()?.parse::<IpAddr>().ok()?.to_canonical();
    (!address.is_loopback()).then_some(address)
}

/// The setting that would discard the packets of a session with this host, which pass today.
pub fn cutting(settings: &[Setting], before: &Variables, client: IpAddr) -> Option<Setting> {
    let version = if client.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 };
    let mut now = before.clone();
    for setting in settings {
        now.set(*setting);
    }
    if before.discards_by_default(version) || !now.discards_by_default(version) {
        return None;
    }
    let meaning = Meaning::DefaultPolicy(version);
    settings.iter().rfind(|setting| setting.variable().meaning == meaning).copied()
}

/// The message for a setting that is not carried out.
pub fn words(setting: &Setting, client: IpAddr) -> String {
    let name = setting.variable().name;
    format!(
        "{name}={} would drop the packets of this ssh session with {client} unless a policy lets \
         them pass: add one first (setkey: spdadd ... -P in none, and out), then use --force",
        setting.value()
    )
}

#[cfg(test)]
mod tests {
    use model::Variable;

    use super::*;

    fn set(name: &str, value: i64) -> Setting {
        Variable::of_name(name).unwrap().set(value).unwrap()
    }

    #[test]
    fn sessions() {
        let client = |text| ssh_client(text).map(|address| address.to_string());
        assert_eq!(client("192.0.2.1 4711 192.0.2.2 22").as_deref(), Some("192.0.2.1"));
        assert_eq!(client("::ffff:192.0.2.1 4711 ::1 22").as_deref(), Some("192.0.2.1"));
        assert_eq!(client("fe80::1%eth0 4711 fe80::2%eth0 22").as_deref(), Some("fe80::1"));
        for text in ["", "UNKNOWN 0 x 0", "127.0.0.1 4711 127.0.0.1 22", "::1 4711 ::1 22"] {
            assert_eq!(client(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_sessions_own_version_cuts_it() {
        let (v4, v6) = ("net.inet.ipsec.def_policy", "net.inet6.ipsec6.def_policy");
        let client = "192.0.2.1".parse().unwrap();
        let before = Variables::default();
        assert_eq!(cutting(&[set(v4, 0)], &before, client), Some(set(v4, 0)));
        assert_eq!(cutting(&[set(v6, 0)], &before, client), None);
        assert_eq!(cutting(&[set(v4, 1)], &before, client), None);
        assert_eq!(cutting(&[set(v4, 0), set(v4, 1)], &before, client), None);
        assert!(cutting(&[set(v6, 0)], &before, "2001:db8::1".parse().unwrap()).is_some());
        let mut before = before;
        before.set(set(v4, 0));
        assert_eq!(cutting(&[set(v4, 0)], &before, client), None);
    }
}
