//! The JSON of entries with all that they can have, and with the least.

use cli::{Keys, PolicyJson, SaJson, VariableJson};
use model::{Current, Proto, Sa, SaEntry, SaState, Spi, Upper, variable::VARIABLES};
use serde::Serialize;

use crate::samples::{ends, fingerprints, full_policy, full_sa, policy};

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn an_sa_with_everything() {
    let expected = concat!(
        r#"{"src":"192.0.2.1","dst":"192.0.2.2","protocol":"esp","spi":4096,"mode":"tunnel","is_mode_any":true,"#,
        r#""reqid":7,"replay_window":64,"esn":true,"flags":["noecn","decap-dscp"],"#,
        r#""encryption":{"algorithm":"aes-cbc","key_bits":128,"icv_bits":0,"key_fingerprint":"55fa23f1fe815888","key":"0xabababababababababababababababab"},"#,
        r#""authentication":{"algorithm":"hmac-sha256","key_bits":256,"icv_bits":96,"key_fingerprint":"8779586db34f6b32","#,
        r#""key":"0x0101010101010101010101010101010101010101010101010101010101010101"},"#,
        r#""aead":{"algorithm":"aes-gcm-16","key_bits":160,"icv_bits":128,"key_fingerprint":"4f3dd11c1aea5992","key":"0x0202020202020202020202020202020202020202"},"#,
        r#""compression":"deflate","lifetimes":{"hard":{"packets":1,"bytes":2,"seconds":3,"seconds_in_use":4},"soft":{"bytes":1}},"#,
        r#""nat_t":{"src_port":4500,"dst_port":4501,"encapsulation":"espinudp","original_address":"198.51.100.1"},"#,
        r#""nat_keepalive":20,"mark":{"value":1,"mask":255},"#,
        r#""output_mark":{"value":2,"mask":240},"if_id":9,"direction":"out","#,
        r#""offload":{"device":"eth0","direction":"out","packet":true},"#,
        r#""security_context":{"doi":1,"algorithm":1,"context":"a:b:c"},"#,
        r#""selector":{"src":"10.0.0.1/32","dst":"10.0.0.1/32","protocol":6,"src_port":1024,"dst_port":80,"#,
        r#""src_port_mask":64512,"dst_port_mask":65535,"device":"eth0","user":1000},"#,
        r#""tfc_padding":1400,"mapping_interval":10,"care_of":"198.51.100.2","cpu":3,"#,
        r#""iptfs":{"drop_time":1,"reorder_window":2,"init_delay":3,"max_queue":4,"packet_size":5,"dont_fragment":true},"#,
        r#""extra_flags":4,"replay_words":4,"sequence":{"sent":7,"left":18446744073709551608,"received":9,"bitmap":"000001ff"},"#,
        r#""unknown_attributes":[{"number":60,"length":2,"value":"0x0102"}],"#,
        r#""inexpressible":["a limit of 0 bytes or packets"],"#,
        r#""dropped":{"replay_window":1,"replay":2,"integrity_failed":3},"last_used":102,"#,
        r#""state":"dying","packets":2,"bytes":168,"added":100,"first_used":101}"#,
    );
    assert_eq!(json(&SaJson::new(&full_sa(), Keys::Shown, &fingerprints())), expected);
}

#[test]
fn an_sa_with_nothing() {
    let sa = Sa::bare(ends(), Proto::Ah, Spi(0x1000));
    let entry = SaEntry::new(sa, SaState::Mature, Current::default());
    let expected = concat!(
        r#"{"src":"192.0.2.1","dst":"192.0.2.2","protocol":"ah","spi":4096,"mode":"transport","replay_window":0,"#,
        r#""state":"mature","packets":0,"bytes":0}"#,
    );
    assert_eq!(json(&SaJson::new(&entry, Keys::Shown, &fingerprints())), expected);
}

#[test]
fn keys_are_hidden_by_default() {
    let text = json(&SaJson::new(&full_sa(), Keys::Hidden, &fingerprints()));
    assert!(
        !text.contains("abab") && !text.contains("010101") && !text.contains("020202"),
        "{text}"
    );
    assert!(text.contains(r#""encryption":{"algorithm":"aes-cbc","key_bits":128,"icv_bits":0,"key_fingerprint":"55fa23f1fe815888"}"#));
}

#[test]
fn a_policy_with_everything() {
    let expected = concat!(
        r#"{"selector":{"src":"10.0.0.0/8","dst":"192.0.2.2/32","protocol":6,"src_port":0,"dst_port":80,"#,
        r#""src_port_mask":0,"dst_port_mask":65520,"device":"eth0","user":1000},"#,
        r#""direction":"out","socket":true,"priority":2147483648,"action":"ipsec","templates":["#,
        r#"{"protocol":"esp","mode":"tunnel","src":"192.0.2.1","dst":"192.0.2.2","level":"unique","reqid":3,"installed":"required"},"#,
        r#"{"protocol":"esp","mode":"transport","level":"use"}],"#,
        r#""unused_templates":[{"protocol":"esp","mode":"transport","level":"use","reqid":7,"spi":4096,"#,
        r#""algorithm_masks":{"encryption":1,"authentication":2,"compression":3},"share":"any"}],"#,
        r#""flags":["localok","cpu-acquire","0x80"],"policy_type":"sub","offload_device":"eth0","#,
        r#""lifetimes":{"hard":{"packets":1,"bytes":2,"seconds":3,"seconds_in_use":4},"soft":{"bytes":1}},"#,
        r#""zero_limits":["bs","ps"],"mark":{"value":1,"mask":255},"if_id":9,"#,
        r#""security_context":{"doi":1,"algorithm":1,"context":"a:b:c"},"index":9,"added":100,"last_used":101}"#,
    );
    let mut policy = PolicyJson::new(&full_policy());
    policy.templates[0].installed = Some("required");
    assert_eq!(json(&policy), expected);
}

#[test]
fn policies_with_nothing_and_with_a_type_and_code() {
    let expected = |protocol: &str| {
        format!(
            concat!(
                r#"{{"selector":{{"src":"10.0.0.0/8","dst":"192.0.2.2/32"{}}},"#,
                r#""direction":"out","priority":2147483648,"action":"none","index":9}}"#,
            ),
            protocol
        )
    };
    let any = policy(Upper::Any, (0, 0), vec![]);
    assert_eq!(json(&PolicyJson::new(&any)), expected(""));
    let icmp = policy(Upper::ICMPV6, (135, 0), vec![]);
    let members = r#","protocol":58,"type":135,"code":0"#;
    assert_eq!(json(&PolicyJson::new(&icmp)), expected(members));
}

#[test]
fn variables_with_their_values() {
    for (name, value, rest) in [
        (
            "net.inet.ipsec.def_policy",
            "0",
            r#"[{"value":0,"meaning":"discard"},{"value":1,"meaning":"none"}]"#,
        ),
        ("net.inet.ipsec.ah_cleartos", "1", r#"[{"value":1}]"#),
        ("net.key.larval_lifetime", "null", r#"{"from":1,"to":2147483647}"#),
    ] {
        let variable = VARIABLES.iter().find(|variable| variable.name == name).unwrap();
        let expected = format!(
            r#"{{"name":"{name}","value":{value},"initial":{},"description":"{}","values":{rest}}}"#,
            variable.initial, variable.description
        );
        assert_eq!(json(&VariableJson::new(variable, value.parse().ok())), expected);
    }
}
