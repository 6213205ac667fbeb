//! Drop reasons and places of the kernel (`enum skb_drop_reason`, include/net/dropreason-core.h).

use drop_monitor::Alert;

use super::{cause::DropCause, head::Head};

/// What is known of a drop reason that is not IPsec's.
pub struct Known {
    pub message: String,
    pub remedy: Option<String>,
}

/// Whether the kernel's XFRM has dropped a packet, by the reason or by the place.
pub fn is_of_ipsec(alert: &Alert) -> bool {
    let has_reason = alert.reason.as_deref().is_some_and(|it| it.starts_with("XFRM"));
    let function = alert.function().trim_start_matches('_');
    let begins = ["xfrm", "esp_", "esp4_", "esp6_", "ah_", "ah4_", "ah6_", "ipcomp"];
    has_reason || begins.iter().any(|begin| function.starts_with(begin))
}

/// What a packet under a policy of IPsec is dropped by, beside IPsec.
pub fn known(alert: &Alert, head: &Head, cause: &DropCause) -> Option<Known> {
    let src = cause.flow.map_or(head.captured.ends.0, |flow| flow.src());
    match alert.reason.as_deref()? {
        "IP_RPFILTER" => Some(Known {
            message: format!(
                "The reverse path filter drops the packet: {src} is not reached by the device that it was received by."
            ),
            remedy: Some(format!(
                "add the route to {src} by that device, or set net.ipv4.conf.DEVICE.rp_filter and that of `all` to 0 or 2"
            )),
        }),
        "PKT_TOO_BIG" => Some(Known {
            message: format!(
                "The packet has {} bytes: with the headers of its SA it is too long for the path, and may not be fragmented.",
                head.length
            ),
            remedy: Some(
                "lower the MTU of the route or the MSS of TCP; `ipsecctl explain` has the most bytes (mtu)"
                    .to_owned(),
            ),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_ipsec() {
        let alert = |reason: &str, symbol: &str| Alert {
            reason: Some(reason.to_owned()),
            symbol: symbol.to_owned(),
            ..Alert::default()
        };
        for (reason, symbol) in [
            ("XFRM_POLICY", "icmp_rcv+0x1/0x2"),
            ("NOT_SPECIFIED", "xfrm_input+0x5a/0x8e0"),
            ("NOT_SPECIFIED", "__xfrm_policy_check+0x5/0x8"),
            ("NOT_SPECIFIED", "esp_input_done2+0x5/0x8 [esp4]"),
        ] {
            assert!(is_of_ipsec(&alert(reason, symbol)), "{reason} {symbol}");
        }
        for symbol in ["especial+0x1/0x2", "udp_queue_rcv_skb+0x1/0x2", ""] {
            assert!(!is_of_ipsec(&alert("NO_SOCKET", symbol)), "{symbol}");
        }
    }
}
