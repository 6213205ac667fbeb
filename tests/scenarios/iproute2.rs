//! `ip xfrm` and setkey side by side: what each makes, the other reads the same.

use std::sync::LazyLock;

use regex::Regex;
use scenarios::{Host, Outcome, assert_same, masked};

/// SAs, in the words of `ip xfrm state add src` and in those of setkey. `KEY16` is a key of 16 bytes.
const SAS: &[(&str, &str)] = &[
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x1001 mode transport enc cbc(aes) KEY16 auth-trunc \
         hmac(sha256) KEY32 128",
        "add 10.0.0.1 10.0.0.2 esp 0x1001 -m transport -E aes-cbc KEY16 -A hmac-sha256-128 KEY32;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x1002 mode transport reqid 7 replay-window 32 aead \
         rfc4106(gcm(aes)) KEY20 128",
        "add 10.0.0.1 10.0.0.2 esp 0x1002 -m transport -u 7 -r 32 -E aes-gcm-16 KEY20;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x1003 mode tunnel flag af-unspec esn replay-window \
         128 aead rfc4106(gcm(aes)) KEY20 96",
        "add 10.0.0.1 10.0.0.2 esp 0x1003 -m tunnel -r 128 -esn -flag af-unspec -E aes-gcm-12 \
         KEY20;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x1006 mode transport mark 5 mask 0xff if_id 9 \
         output-mark 3 mask 0xf aead rfc4106(gcm(aes)) KEY20 128",
        "add 10.0.0.1 10.0.0.2 esp 0x1006 -m transport -mark 0x5/0xff -outmark 0x3/0xf -ifid 9 -E \
         aes-gcm-16 KEY20;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x1007 mode tunnel flag noecn decap-dscp nopmtudisc \
         wildrecv icmp af-unspec align4 extra-flag dont-encap-dscp oseq-may-wrap aead \
         rfc4106(gcm(aes)) KEY20 128",
        "add 10.0.0.1 10.0.0.2 esp 0x1007 -m tunnel -flag noecn -flag decap-dscp -flag nopmtudisc \
         -flag wildrecv -flag icmp -flag af-unspec -flag align4 -flag dont-encap-dscp -flag \
         oseq-may-wrap -E aes-gcm-16 KEY20;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x100a mode transport encap espinudp 4500 10000 \
         0.0.0.0 enc cbc(aes) KEY16",
        "add 10.0.0.1[4500] 10.0.0.2[10000] esp-udp 0x100a -m transport -E aes-cbc KEY16;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x100f mode transport limit time-soft 100 limit \
         time-hard 200 limit time-use-soft 10 limit time-use-hard 20 limit byte-soft 1000 limit \
         byte-hard 2000 limit packet-soft 5 limit packet-hard 6 enc cbc(aes) KEY16",
        "add 10.0.0.1 10.0.0.2 esp 0x100f -m transport -lh 200 -ls 100 -bh 2000 -bs 1000 -uh 20 \
         -us 10 -ph 6 -ps 5 -E aes-cbc KEY16;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto ah spi 0x1010 mode transport auth-trunc hmac(sha512) KEY64 \
         256",
        "add 10.0.0.1 10.0.0.2 ah 0x1010 -m transport -A hmac-sha512 KEY64;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto comp spi 0x11 mode transport comp deflate",
        "add 10.0.0.1 10.0.0.2 ipcomp 0x11 -m transport -C deflate;",
    ),
    (
        "fc00::1 dst fc00::2 proto esp spi 0x1012 mode beet enc cbc(aes) KEY16",
        "add fc00::1 fc00::2 esp 0x1012 -m beet -E aes-cbc KEY16;",
    ),
    (
        "fc00::1 dst fc00::2 proto esp spi 0x1013 mode transport enc cbc(camellia) KEY16 \
         auth-trunc xcbc(aes) KEY16 96",
        "add fc00::1 fc00::2 esp 0x1013 -m transport -E camellia-cbc KEY16 -A aes-xcbc-mac KEY16;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x1017 mode transport aead \
         rfc7539esp(chacha20,poly1305) KEY36 128",
        "add 10.0.0.1 10.0.0.2 esp 0x1017 -m transport -E chacha20-poly1305 KEY36;",
    ),
    (
        "10.0.0.1 dst 10.0.0.2 proto esp spi 0x1018 mode transport enc rfc3686(ctr(aes)) KEY20 \
         auth-trunc hmac(sha1) KEY20 96",
        "add 10.0.0.1 10.0.0.2 esp 0x1018 -m transport -E aes-ctr KEY20 -A hmac-sha1 KEY20;",
    ),
];

/// Policies, in the words of `ip xfrm policy add src` and in those of setkey.
const POLICIES: &[(&str, &str)] = &[
    (
        "10.1.0.0/16 dst 10.2.0.0/16 dir out tmpl src 10.0.0.1 dst 10.0.0.2 proto esp mode tunnel",
        "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out prio 2147483648 ipsec \
         esp/tunnel/10.0.0.1-10.0.0.2/require;",
    ),
    (
        "10.1.0.0/16 dst 10.2.0.0/16 proto tcp sport 80 dport 81 dir out priority 100 tmpl src \
         10.0.0.1 dst 10.0.0.2 proto esp reqid 5 mode tunnel level required",
        "spdadd 10.1.0.0/16[80] 10.2.0.0/16[81] tcp -P out prio high + 1073741724 ipsec \
         esp/tunnel/10.0.0.1-10.0.0.2/unique:5;",
    ),
    (
        "10.2.0.0/16 dst 10.1.0.0/16 dir in tmpl src 10.0.0.2 dst 10.0.0.1 proto esp mode tunnel \
         level use",
        "spdadd 10.2.0.0/16 10.1.0.0/16 any -P in prio 2147483648 ipsec \
         esp/tunnel/10.0.0.2-10.0.0.1/use;",
    ),
    (
        "10.2.0.0/16 dst 10.1.0.0/16 dir fwd priority 2147483648 tmpl src 10.0.0.2 dst 10.0.0.1 \
         proto esp mode tunnel",
        "spdadd 10.2.0.0/16 10.1.0.0/16 any -P fwd ipsec esp/tunnel/10.0.0.2-10.0.0.1/require;",
    ),
    (
        "10.3.0.0/16 dst 10.1.0.0/16 dir in action block priority 3000000000",
        "spdadd 10.3.0.0/16 10.1.0.0/16 any -P in prio low + 221225472 discard;",
    ),
    (
        "0.0.0.0/0 dst 0.0.0.0/0 dir out mark 7 mask 0xff if_id 3 priority 2147483648",
        "spdadd 0.0.0.0/0 0.0.0.0/0 any -mark 0x7/0xff -ifid 3 -P out none;",
    ),
    (
        "10.4.0.0/16 dst 10.1.0.0/16 proto gre key 1.2.3.4 dir out priority 2147483648",
        "spdadd 10.4.0.0/16 10.1.0.0/16 gre 1.2.3.4 -P out none;",
    ),
    (
        "::/0 dst ::/0 proto ipv6-icmp type 135 dir out priority 2147483648",
        "spdadd ::/0 ::/0 icmp6 135,0 -P out none;",
    ),
    (
        "10.6.0.0/16 dst 10.1.0.0/16 dir out priority 2147483648 limit time-hard 1000 limit \
         byte-hard 99999 limit packet-soft 4",
        "spdadd 10.6.0.0/16 10.1.0.0/16 any -lh 1000 -bh 99999 -ps 4 -P out none;",
    ),
    (
        "10.7.0.1/32 dst 10.8.0.1/32 dir out priority 2147483648 tmpl proto comp mode transport \
         level use tmpl proto esp mode transport reqid 9 tmpl proto ah mode transport",
        "spdadd 10.7.0.1 10.8.0.1 any -P out ipsec ipcomp/transport//use esp/transport//unique:9 \
         ah/transport//require;",
    ),
    (
        "fc01::/64 dst fc02::/64 dir out priority 2147483648 tmpl src fc00::1 dst fc00::2 proto \
         esp mode beet",
        "spdadd fc01::/64 fc02::/64 any -P out ipsec esp/beet/fc00::1-fc00::2/require;",
    ),
    (
        "10.9.0.0/16 dst 10.1.0.0/16 proto 99 dir out priority 2147483648",
        "spdadd 10.9.0.0/16 10.1.0.0/16 99 -P out none;",
    ),
];

#[test]
fn the_same_sas() {
    compare("state", "-D", SAS);
}

#[test]
fn the_same_policies() {
    compare("policy", "-DP", POLICIES);
}

/// What both print of an entry that `ip` made is what both print of the one that setkey made.
fn compare(kind: &str, option: &str, entries: &[(&str, &str)]) {
    let (by_ip, by_setkey) = (Host::new("ip"), Host::new("setkey"));
    for (words, statement) in entries {
        by_ip.ip(&with_keys(&format!("xfrm {kind} add src {words}")));
        let loaded = by_setkey.setkey_input("-k -f -", &with_keys(statement));
        assert_eq!(loaded, Outcome::SILENCE, "{statement}");
        let [theirs, ours] = [&by_ip, &by_setkey].map(|host| {
            let script = host.setkey(&format!("{option} --script")).stdout;
            // setkey keeps the level in the field `share`, as docs/quirks.md describes.
            script.replace("/share:any", "") + &as_ip_sees(host, kind)
        });
        assert_same(&theirs, &ours);
        for host in [&by_ip, &by_setkey] {
            host.flush();
        }
    }
}

/// The list of `ip`, without times, the numbers of policies, and what docs/quirks.md permits: the level
/// that is in the field `share`, and masks that allow every algorithm.
fn as_ip_sees(host: &Host, kind: &str) -> String {
    static OWN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("index [0-9]+ |share [a-z]+ | enc-mask .*").expect("a pattern")
    });
    OWN.replace_all(&masked(&host.show(&format!("-d -s xfrm {kind}"))), "").into_owned()
}

/// With 0x000102... in place of `KEY16` and its like.
fn with_keys(text: &str) -> String {
    static KEY: LazyLock<Regex> = LazyLock::new(|| Regex::new("KEY([0-9]+)").expect("a pattern"));
    let key = |found: &regex::Captures<'_>| {
        let bytes = 0..found[1].parse::<u8>().expect("a length");
        bytes.fold("0x".to_owned(), |key, byte| format!("{key}{byte:02x}"))
    };
    KEY.replace_all(text, key).into_owned()
}
