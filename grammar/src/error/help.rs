//! What to do about an error.

use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};

use model::ScriptOption;

use super::{Error, Fault};
use crate::{parse::lists::UPPERS, tree::StatementWord};

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'static, str>> {
        let hint = self.hint.as_ref().map(|hint| Cow::Owned(hint.to_string()));
        hint.or_else(|| self.kind.help().map(Cow::Borrowed))
    }
}

impl Fault {
    fn help(&self) -> Option<&'static str> {
        Some(match self {
            Fault::Stray(stray) => return stray.help(),
            Fault::LateQuote => "close it with \" where its text ends",
            Fault::UnclosedQuote => "close it with \" before the `;`",
            Fault::TooLong => "every statement ends with `;`",
            Fault::TooFewArguments => "say esp/transport//require or esp/tunnel/SRC-DST/require",
            Fault::Endpoint { word, .. } => help_of_endpoint(word),
            Fault::NoEndpoints => "say esp/tunnel/SRC-DST/require",
            Fault::NotSupported(_) => "use hmac-sha256, or hmac-md5 and hmac-sha1 with old peers",
            Fault::AlgorithmMismatch(_) => "des-deriv goes with esp, des-32iv with esp-old",
            Fault::ReplayWithOld => "leave -r out, or use esp or ah",
            Fault::Host { host, numeric, .. } => help_of_host(host, *numeric),
            Fault::Port { port, .. } if is_list(port) => {
                "a selector has one port: write a statement for each"
            }
            Fault::Port { .. } => "give the number, 0 to 65535, or a name of /etc/services",
            Fault::ManyAddresses(_) => "give one address, or choose a family with -4 or -6",
            Fault::NoPair | Fault::EndpointFamilies => "use two IPv4 or two IPv6 addresses",
            Fault::KernelName => {
                "say \"kernel:NAME\", and with -A and AEAD \"kernel:NAME/BITS\" of the ICV, as in \
                 \"kernel:hmac(sm3)/96\"; /proc/crypto has the names"
            }
            Fault::Device(_) => "a device's name has at most 15 bytes, as `ip link` shows it",
            Fault::Upper(_) => "give the number of the protocol, or any",
            Fault::Misc(_) | Fault::NamedType { .. } => {
                "say TYPE,CODE with icmp, as in 8,0, and with icmp6, as in 135,0; with gre a.b.c.d"
            }
            Fault::NoMisc(word) if UPPERS.contains(&word.as_str()) => {
                "a policy is for one protocol, or any: write a statement for each"
            }
            Fault::NoMisc(_) => "only icmp, icmp6, mobility headers (135) and gre take more",
            Fault::Tagged => "a tag is a firewall mark here: tagged \"0x10/0xff\", set by nftables",
            Fault::OutOfRange { what, .. } if *what == ScriptOption::Replay.word() => {
                "no kernel keeps a longer replay window"
            }
            Fault::NoPriority => {
                "leave it out: policies are tried in order; or use --dialect linux"
            }
            Fault::OldProtocol(_) => "use esp or ah at both ends",
            Fault::DerivedIv(_) => "use des-cbc at both ends, or better aes-cbc",
            Fault::OnlyIcmp6(_) => "leave it out, or use --dialect linux",
            Fault::NoAction => "say ipsec and its templates, or bypass, discard or entrust",
            Fault::Unused { statement: StatementWord::SpdDelete, .. } => {
                "say -mark, -ifid, -dev, -portmask, -user or -ptype, or leave the option out"
            }
            Fault::Unused { statement: StatementWord::GetSpi, .. } => {
                "say it with the statement that adds the SA"
            }
            Fault::Unused { .. } => {
                "an SA is named by addresses, protocol, SPI, -mark and -ifid: leave the option out"
            }
            Fault::HardwareDirection => {
                "add -dir in or -dir out, or say -offload DEVICE in|out packet"
            }
            _ => return None,
        })
    }
}

const OF_IPV4: &str = "an IPv4 address has four numbers of 0 to 255";
const OF_IPV6: &str =
    "an IPv6 address has eight numbers of 16 bits, and `::` once, in place of zeros";

/// What to write in place of an end of a tunnel that is no address.
fn help_of_endpoint(word: &str) -> &'static str {
    match word.split_once(':') {
        Some((address, _)) if address.parse::<Ipv4Addr>().is_ok() => {
            "a port is in brackets, at both ends: SRC[PORT]-DST[PORT]"
        }
        _ if word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.') => OF_IPV4,
        _ if word.matches(':').count() > 1 => OF_IPV6,
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
    if host.matches(':').count() > 1 {
        return if host.contains('%') {
            "a zone names a device of this host, and is ignored: leave it out"
        } else {
            OF_IPV6
        };
    }
    if ["default", "all", "anywhere", "everywhere", "world", "everything"].contains(&host) {
        return "write the address of a host; in a policy all are 0.0.0.0/0 or ::/0";
    }
    match host.split_once(['-', ':']) {
        None if host.chars().all(|c| is_numeric(c) || c == ',') && host.contains(',') => {
            "dots are between the numbers of an IPv4 address"
        }
        None if host.chars().all(is_numeric) => OF_IPV4,
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
