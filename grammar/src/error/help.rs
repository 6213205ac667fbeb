//! What to do about an error.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};

use model::ScriptOption;

use super::{Error, Kind};
use crate::tree::StatementWord;

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'static, str>> {
        let hint = self.hint.as_ref().map(|hint| Cow::Owned(hint.to_string()));
        hint.or_else(|| self.kind.help().map(Cow::Borrowed))
    }
}

impl Kind {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Kind::Stray(stray) => return stray.help(),
            Kind::LateQuote => "close it with \" where its text ends",
            Kind::UnclosedQuote => "close it with \" before the `;`",
            Kind::TooLong => "every statement ends with `;`",
            Kind::TooFewArguments => "say esp/transport//require or esp/tunnel/SRC-DST/require",
            Kind::Endpoint { word, .. } => help_of_endpoint(word),
            Kind::NoEndpoints => "say esp/tunnel/SRC-DST/require",
            Kind::NotSupported(_) => "use hmac-sha256, or hmac-md5 and hmac-sha1 with old peers",
            Kind::AlgorithmMismatch(_) => "des-deriv goes with esp, des-32iv with esp-old",
            Kind::ReplayWithOld => "leave -r out, or use esp or ah",
            Kind::Host { host, numeric, .. } => help_of_host(host, *numeric),
            Kind::Port { port, .. } if is_list(port) => {
                "a selector has one port: write a statement for each"
            }
            Kind::Port { .. } => "give the number, 0 to 65535, or a name of /etc/services",
            Kind::ManyAddresses(_) => "give one address, or choose a family with -4 or -6",
            Kind::NoPair | Kind::EndpointFamilies => "use two IPv4 or two IPv6 addresses",
            Kind::KernelName => {
                "say \"kernel:NAME\", and with -A and AEAD \"kernel:NAME/BITS\" of the ICV, as in \
                 \"kernel:hmac(sm3)/96\"; /proc/crypto has the names"
            }
            Kind::Device(_) => "a device's name has at most 15 bytes, as `ip link` shows it",
            Kind::Upper(_) => "give the number of the protocol, or any",
            Kind::Misc(_) | Kind::NamedType { .. } => {
                "say TYPE,CODE with icmp, as in 8,0, and with icmp6, as in 135,0; with gre a.b.c.d"
            }
            Kind::NoMisc(_) => "only icmp, icmp6, mobility headers (135) and gre take more",
            Kind::Tagged => "a tag is a firewall mark here: tagged \"0x10/0xff\", set by nftables",
            Kind::OutOfRange { what, .. } if *what == ScriptOption::Replay.word() => {
                "no kernel keeps a longer replay window"
            }
            Kind::NoPriority => "leave it out: policies are tried in order; or use --dialect linux",
            Kind::OldProtocol(_) => "use esp or ah at both ends",
            Kind::DerivedIv(_) => "use des-cbc at both ends, or better aes-cbc",
            Kind::OnlyIcmp6(_) => "leave it out, or use --dialect linux",
            Kind::NoAction => "say ipsec and its templates, or bypass, discard or entrust",
            Kind::Unused { statement: StatementWord::SpdDelete, .. } => {
                "say -mark, -ifid, -dev, -portmask, -user or -ptype, or leave the option out"
            }
            Kind::Unused { statement: StatementWord::GetSpi, .. } => {
                "say it with the statement that adds the SA"
            }
            Kind::Unused { .. } => {
                "an SA is named by addresses, protocol, SPI, -mark and -ifid: leave the option out"
            }
            Kind::HardwareDirection => {
                "add -dir in or -dir out, or say -offload DEVICE in|out packet"
            }
            _ => return None,
        })
    }
}

/// What to write in place of an end of a tunnel that is no address.
fn help_of_endpoint(word: &str) -> &'static str {
    match word.split_once(':') {
        Some((address, _)) if address.parse::<Ipv4Addr>().is_ok() => {
            "a port is in brackets, at both ends: SRC[PORT]-DST[PORT]"
        }
        _ => "endpoints are numeric: no host names",
    }
}

/// The beginnings of the names of network devices.
const DEVICES: &[&str] = &[
    "eth", "enp", "ens", "eno", "wlan", "wlp", "bond", "br", "ppp", "tun", "tap", "vti", "ipsec",
    "wg", "lo", "em", "igb",
];

/// What to write in place of a name that leads nowhere.
fn help_of_host(host: &str, numeric: bool) -> &'static str {
    match host.parse() {
        Ok(IpAddr::V4(_)) => return "-6 takes IPv6 addresses only: leave it out, or say -4",
        Ok(IpAddr::V6(_)) => return "-4 takes IPv4 addresses only: leave it out, or say -6",
        Err(_) => {}
    }
    let kind = host.trim_end_matches(|c: char| c.is_ascii_digit());
    if DEVICES.contains(&kind) {
        return "write its address; a policy for a device has -dev DEVICE behind the protocol";
    }
    let is_numeric = |c: char| c.is_ascii_digit() || c == '.';
    match host.split_once(['-', ':']) {
        None if host.chars().all(is_numeric) => "an IPv4 address has four numbers of 0 to 255",
        Some((first, last)) if first.contains('.') && first.chars().all(is_numeric) => {
            if last.chars().all(|c| c.is_ascii_digit()) && host.contains(':') {
                "a port is in brackets: ADDRESS[PORT]"
            } else {
                "a range of addresses is written as a prefix: ADDRESS/LENGTH"
            }
        }
        _ if numeric => "-n takes addresses only: write the address, or leave -n out",
        _ => "write the address, or check the name and the resolver",
    }
}

/// Whether several ports were meant.
fn is_list(port: &str) -> bool {
    port.starts_with(|c: char| c.is_ascii_digit())
        && port.contains(['-', ',', ':'])
        && port.chars().all(|c| c.is_ascii_digit() || "-,:".contains(c))
}
