//! `ipsecctl doctor` names what was planted, and nothing on a healthy host.

use scenarios::{Host, Outcome, ipsecctl, report_skipped, running};
use serde_json::Value;

use crate::sites::{Sites, V4};

/// Tunnels of a gateway between 10.1.0.0/24 and 10.2.0.0/24.
const TUNNEL: &str = "
    spdadd 10.1.0.0/24 10.2.0.0/24 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;
    spdadd 10.2.0.0/24 10.1.0.0/24 any -P in ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;
    add 192.0.2.1 192.0.2.2 esp 0x1001 -m tunnel -E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty bytes of key!\";
    add 192.0.2.2 192.0.2.1 esp 0x1002 -m tunnel -E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty bytes of key!\";
";

/// The conditions that are neither ok nor unknown, as `STATUS SUBJECT WHAT`.
fn found(outcome: &Outcome) -> Vec<String> {
    let document: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let conditions = document["conditions"].as_array().expect("a list").iter();
    let found = conditions.filter(|it| it["status"] == "fault" || it["status"] == "advice");
    let text = |it: &Value, member: &str| it[member].as_str().expect("a text").to_owned();
    let found =
        found.map(|it| ["status", "subject", "what"].map(|member| text(it, member)).join(" "));
    let found: Vec<_> = found.collect();
    let has_fault = found.iter().any(|it| it.starts_with("fault"));
    assert_eq!(outcome.status, if has_fault { 3 } else { 0 }, "{outcome:?}");
    found
}

fn of_host(host: &Host) -> Vec<String> {
    found(&host.ipsecctl("doctor --json"))
}

/// One condition that begins so.
fn assert_only(found: &[String], beginning: &str) {
    let [only] = found else { panic!("{beginning}: {found:?}") };
    assert!(only.starts_with(beginning), "{only}");
}

#[test]
fn a_healthy_gateway_has_no_fault_and_each_switch_is_named() {
    let sites = Sites::new(&V4);
    let gateway = &sites.gateway_a;
    gateway.load(TUNNEL);
    assert_eq!(of_host(gateway), [""; 0]);
    assert!(sites.gateway_a.ipsecctl("doctor").stdout.starts_with("ok      kernel    Linux "));

    let device = "gateway-b";
    let planted = [
        ("net/ipv4/ip_forward", "0", "1", "fault sysctl net.ipv4.ip_forward is 0"),
        (
            &*format!("net/ipv4/conf/{device}/rp_filter"),
            "1",
            "0",
            "advice sysctl net.ipv4.conf.gateway-b.rp_filter is 1",
        ),
        (
            &*format!("net/ipv4/conf/{device}/disable_policy"),
            "1",
            "0",
            "fault sysctl net.ipv4.conf.gateway-b.disable_policy is 1",
        ),
        (
            &*format!("net/ipv4/conf/{device}/disable_xfrm"),
            "1",
            "0",
            "fault sysctl net.ipv4.conf.gateway-b.disable_xfrm is 1",
        ),
        ("net/core/xfrm_acq_expires", "0", "30", "advice sysctl net.core.xfrm_acq_expires is 0"),
    ];
    for (file, wrong, right, expected) in planted {
        let write = |value: &str| {
            let script = format!("echo {value} >/proc/sys/{file}");
            Outcome::success(gateway.command("sh").args(["-c", &script]));
        };
        write(wrong);
        assert_only(&of_host(gateway), expected);
        write(right);
        assert_eq!(of_host(gateway), [""; 0], "{expected}");
    }
}

#[test]
fn without_policies_no_switch_matters() {
    let host = Host::new("host");
    let script = "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 1 >/proc/sys/net/ipv4/conf/all/disable_policy";
    Outcome::success(host.command("sh").args(["-c", script]));
    assert_eq!(of_host(&host), [""; 0]);
}

#[test]
fn a_script_needs_what_the_kernel_lacks() {
    let host = Host::new("script");
    let of = |script: &str| {
        let mut command = host.command(ipsecctl());
        found(&Outcome::with_input(command.args(["doctor", "--json", "-"]), script))
    };
    let key =
        "-E aes-cbc \"sixteen byte key\" -A hmac-sha256-128 \"thirty-two bytes of key material\"";
    assert_eq!(of(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 -r 32 {key};")), [""; 0]);
    let lzs = of("add 192.0.2.1 192.0.2.2 ipcomp 7 -C lzs;");
    assert_only(&lzs, "fault algorithm this kernel has no lzs");
    let unknown = of("add 192.0.2.1 192.0.2.2 esp 7000 -E \"kernel:cbc(nonsense)\" 0x00;");
    assert_only(&unknown, "fault algorithm this kernel has no kernel:cbc(nonsense)");
    let direction = of(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 -dir out {key};"));
    if running() >= (6, 10) {
        assert_eq!(direction, [""; 0]);
    } else {
        assert_only(&direction, "fault option this kernel lacks -dir (Linux 6.10)");
    }
    let offload = of(&format!("add 192.0.2.1 192.0.2.2 esp 0x1001 -offload eth7 out {key};"));
    assert_only(&offload, "fault offload SAs are offloaded to eth7");
    // The tables are as before.
    assert_eq!(host.show("xfrm state"), "");
}

/// A bond of mode active-backup has the features of offload, though no device is in it.
#[test]
fn the_features_of_devices_are_found_out() {
    let host = Host::new("features");
    let modprobe = ["-d", "/run/kernel", "bonding"];
    if Outcome::of(std::process::Command::new("modprobe").args(modprobe)).status != 0 {
        report_skipped("the features of a bond: this kernel has no bonding");
        return;
    }
    host.ip("link add bond type bond mode active-backup\nlink add dummy type dummy");
    let of = |words: &str| {
        let script = format!(
            "add 192.0.2.1 192.0.2.2 esp 0x1001 -r 32 -offload {words} \
            -E aes-gcm-16 \"twenty bytes of key!\";"
        );
        let mut command = host.command(ipsecctl());
        Outcome::with_input(command.args(["doctor", "--json", "-"]), &script)
    };
    let outcome = of("bond out");
    let found_of_bond = found(&outcome);
    // Linux 6.1 has them off until a device is in it.
    let is_on = found_of_bond.is_empty();
    if is_on {
        let has = "bond has esp-hw-offload, esp-tx-csum-hw-offload";
        assert!(outcome.stdout.contains(has), "{outcome:?}");
    } else {
        assert_only(&found_of_bond, "advice offload esp-hw-offload is off at bond");
    }
    assert_only(&found(&of("dummy out")), "advice offload esp-hw-offload is not in dummy");
    assert_only(&found(&of("dummy out packet")), "fault offload esp-hw-offload is not in dummy");
    let outcome = host.ipsecctl("doctor");
    assert_eq!(outcome.stdout.contains("esp-hw-offload is on at bond"), is_on, "{outcome:?}");
}

/// The switches matter as they do for what the script would load.
#[test]
fn a_script_needs_forwarding() {
    let host = Host::new("forward");
    let outcome =
        Outcome::with_input(host.command(ipsecctl()).args(["doctor", "--json", "-"]), TUNNEL);
    assert_only(&found(&outcome), "fault sysctl net.ipv4.ip_forward is 0");
}

#[test]
fn without_privilege() {
    let host = Host::new("user");
    host.load(TUNNEL);
    let mut command = host.command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(ipsecctl());
    let outcome = Outcome::of(command.args(["doctor", "--json"]));
    assert!(found(&outcome).is_empty(), "{outcome:?}");
    let lines = outcome.stdout;
    assert!(lines.contains("the SAD and the SPD were not read"), "{lines}");
    assert!(!lines.contains("192.0.2"), "{lines}");
}
