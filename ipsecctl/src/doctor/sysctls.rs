//! Files of /proc/sys that decide whether packets pass, and pass protected.

use model::IpVersion;

use super::{
    condition::{Condition, Subject},
    files::Files,
    needs::Needs,
};

/// The kernel's settings of XFRM (net/xfrm/xfrm_sysctl.c).
const OF_XFRM: [&str; 4] =
    ["xfrm_acq_expires", "xfrm_aevent_etime", "xfrm_aevent_rseqth", "xfrm_larval_drop"];

/// `ARPHRD_TUNNEL`, `ARPHRD_TUNNEL6` (linux/if_arp.h): of VTI devices among others.
const TUNNELS: [&str; 2] = ["768", "769"];

pub fn conditions(files: &Files, needs: &Needs) -> Vec<Condition> {
    let looked = Looked { files, needs };
    let mut faults = looked.reverse_paths();
    faults.extend(IpVersion::ALL.iter().filter_map(|&version| looked.forwarding(version)));
    faults.extend(looked.outbound());
    faults.extend(IpVersion::ALL.iter().flat_map(|&version| looked.inbound(version)));
    if faults.is_empty() {
        let what = "rp_filter, forwarding, disable_xfrm and disable_policy let the policies work";
        faults.push(Condition::ok(Subject::Sysctl, what));
    }
    faults.extend(looked.of_xfrm());
    faults
}

struct Looked<'a> {
    files: &'a Files,
    needs: &'a Needs,
}

impl Looked<'_> {
    /// The kernel takes the larger of the values of the device and of `all`. Decrypted packets are not looked
    /// at (`fib_validate_source`), those with ESP or AH are.
    fn reverse_paths(&self) -> Vec<Condition> {
        if !self.needs.has_tunnels && !self.needs.has_if_ids {
            return Vec::new();
        }
        let value = |device: &str| self.conf(IpVersion::V4, device, "rp_filter").unwrap_or(0);
        let is_strict = |device: &String| value(device).max(value("all")) == 1;
        let strict = self.devices(IpVersion::V4).into_iter().filter(is_strict);
        let advice = strict.map(|device| {
            let what = format!(
                "net.ipv4.conf.{device}.rp_filter is 1: packets of a tunnel are dropped on {device} if the \
                 route back to their sender leads through another device"
            );
            let own = key(IpVersion::V4, &device, "rp_filter");
            // The loose filter too refuses all by a device without addresses (`fib_validate_source`), as VTI devices are.
            let off = format!("`sysctl -w {own}=0 net.ipv4.conf.all.rp_filter=0`");
            let remedy = if self.is_vti(&device) {
                off
            } else {
                format!("`sysctl -w {own}=2`, without an address of its own {off}")
            };
            Condition::advice(Subject::Sysctl, what, remedy)
        });
        advice.collect()
    }

    fn forwarding(&self, version: IpVersion) -> Option<Condition> {
        let (path, name) = match version {
            IpVersion::V4 => ("net/ipv4/ip_forward", "net.ipv4.ip_forward"),
            IpVersion::V6 => ("net/ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding"),
        };
        let is_off = self.needs.forwards(version) && self.files.sysctl(path) == Some(0);
        is_off.then(|| {
            let what =
                format!("{name} is 0: packets that arrive by a tunnel for other hosts are dropped");
            Condition::fault(Subject::Sysctl, what, format!("`sysctl -w {name}=1`"))
        })
    }

    /// IPv6 has no such file.
    fn outbound(&self) -> Vec<Condition> {
        let version = IpVersion::V4;
        if !self.needs.protects_outbound(version) {
            return Vec::new();
        }
        let set = self.set(version, "disable_xfrm").into_iter();
        let faults = set.map(|device| {
            let key = key(version, &device, "disable_xfrm");
            let what = format!(
                "{key} is 1: packets leave by {} in clear, whatever the policies",
                of(&device)
            );
            Condition::fault(Subject::Sysctl, what, format!("`sysctl -w {key}=0`"))
        });
        faults.collect()
    }

    fn inbound(&self, version: IpVersion) -> Vec<Condition> {
        if !self.needs.protects_inbound(version) {
            return Vec::new();
        }
        // What a VTI device has decrypted has met its policy; its manuals have the setting.
        let set = self.set(version, "disable_policy").into_iter().filter(|it| !self.is_vti(it));
        let faults = set.map(|device| {
            let key = key(version, &device, "disable_policy");
            let what = format!(
                "{key} is 1: packets in clear are accepted on {}, whatever the policies",
                of(&device)
            );
            Condition::fault(Subject::Sysctl, what, format!("`sysctl -w {key}=0`"))
        });
        faults.collect()
    }

    /// Where a switch is on: `all`, or the devices. The kernel itself sets both for `lo`.
    fn set(&self, version: IpVersion, name: &str) -> Vec<String> {
        let is_set = |device: &str| self.conf(version, device, name).is_some_and(|it| it != 0);
        if is_set("all") {
            return vec!["all".to_owned()];
        }
        self.devices(version).into_iter().filter(|device| is_set(device)).collect()
    }

    fn of_xfrm(&self) -> Option<Condition> {
        let value = |name: &str| self.files.sysctl(&format!("net/core/{name}"));
        if value("xfrm_acq_expires") == Some(0) {
            let what =
                "net.core.xfrm_acq_expires is 0: a larval SA stays, and no second ACQUIRE is sent";
            let remedy = "`sysctl -w net.core.xfrm_acq_expires=30`";
            return Some(Condition::advice(Subject::Sysctl, what, remedy));
        }
        let values = OF_XFRM.iter().filter_map(|name| Some(format!("{name}={}", value(name)?)));
        let values = values.collect::<Vec<_>>().join(", ");
        (!values.is_empty()).then(|| Condition::ok(Subject::Sysctl, format!("net.core: {values}")))
    }

    /// Whether it is a VTI device, among others.
    fn is_vti(&self, device: &str) -> bool {
        let kind = self.files.read(format!("sys/class/net/{device}/type"));
        kind.is_some_and(|kind| TUNNELS.contains(&kind.trim()))
    }

    fn conf(&self, version: IpVersion, device: &str, name: &str) -> Option<i64> {
        self.files.sysctl(&format!("net/{}/conf/{device}/{name}", folder(version)))
    }

    /// The network devices but `lo`.
    fn devices(&self, version: IpVersion) -> Vec<String> {
        let mut names = self.files.names(&format!("proc/sys/net/{}/conf", folder(version)));
        names.retain(|name| !["all", "default", "lo"].contains(&&**name));
        names
    }
}

fn folder(version: IpVersion) -> &'static str {
    match version {
        IpVersion::V4 => "ipv4",
        IpVersion::V6 => "ipv6",
    }
}

/// The name of a setting of a device, as sysctl(8) takes it: dots of a device's name are slashes there.
fn key(version: IpVersion, device: &str, name: &str) -> String {
    format!("net.{}.conf.{}.{name}", folder(version), device.replace('.', "/"))
}

fn of(device: &str) -> &str {
    if device == "all" { "every device" } else { device }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use grammar::Script;
    use model::{Dialect, Operation};

    use super::*;

    const TUNNEL: &str = "spdadd 10.1.0.0/16 10.2.0.0/16 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/require;\n\
        spdadd 10.2.0.0/16 10.1.0.0/16 any -P in ipsec esp/tunnel/192.0.2.2-192.0.2.1/require;\n";

    fn needs(script: &str) -> Needs {
        let mut needs = Needs::default();
        let mut script = Script::new(script.as_bytes(), Dialect::Linux);
        while let Some(next) = script.next_lowered(&sys::SystemNames) {
            let (_, lowered) = next.unwrap();
            for operation in lowered.operations.into_iter().flatten() {
                let Operation::AddPolicy(policy) = operation else { panic!("a policy") };
                needs.add_policy(&policy);
            }
        }
        needs
    }

    /// The lines about a host whose files below /proc/sys/net have these values, beside those of a healthy one.
    fn lines(planted: &[(&str, &str)], script: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let healthy = [
            ("ipv4/ip_forward", "1"),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/lo/disable_policy", "1"),
            ("ipv4/conf/lo/disable_xfrm", "1"),
            ("ipv4/conf/eth0/rp_filter", "2"),
            ("ipv4/conf/eth0/disable_policy", "0"),
            ("ipv6/conf/all/forwarding", "0"),
        ];
        for (name, value) in healthy.iter().chain(planted) {
            let path = root.path().join("proc/sys/net").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{value}\n")).unwrap();
        }
        let conditions = conditions(&Files::below(root.path(), "6.1"), &needs(script));
        conditions.iter().map(Condition::line).collect()
    }

    #[test]
    fn a_healthy_gateway_has_one_line() {
        let [line] = &lines(&[], TUNNEL)[..] else { panic!("one line") };
        assert!(line.starts_with("ok      sysctl    "), "{line}");
    }

    #[test]
    fn each_switch_has_its_line() {
        let planted = [
            (
                "ipv4/conf/eth0/rp_filter",
                "1",
                "advice  sysctl    net.ipv4.conf.eth0.rp_filter is 1",
            ),
            ("ipv4/ip_forward", "0", "fault   sysctl    net.ipv4.ip_forward is 0"),
            (
                "ipv4/conf/eth0/disable_xfrm",
                "1",
                "fault   sysctl    net.ipv4.conf.eth0.disable_xfrm is 1",
            ),
            (
                "ipv4/conf/all/disable_policy",
                "1",
                "fault   sysctl    net.ipv4.conf.all.disable_policy is 1",
            ),
        ];
        for (name, value, expected) in planted {
            let lines = lines(&[(name, value)], TUNNEL);
            assert!(lines.len() == 1 && lines[0].starts_with(expected), "{lines:?}");
            assert!(lines[0].contains("; `sysctl -w "), "{lines:?}");
            // Nothing needs it.
            assert!(self::lines(&[(name, value)], "")[0].starts_with("ok "), "{name}");
        }
    }

    #[test]
    fn a_vti_device_is_without_addresses() {
        let strict = ("ipv4/conf/vti0/rp_filter", "1");
        let kind = ("../../../sys/class/net/vti0/type", "768");
        let mends = |planted: &[(&str, &str)], value: u8| {
            let mended = format!("vti0.rp_filter={value}");
            lines(planted, TUNNEL)[0].contains(&mended)
        };
        assert!(mends(&[strict], 2));
        assert!(mends(&[strict, kind], 0) && !mends(&[strict, kind], 2));
    }

    #[test]
    fn the_larger_value_of_rp_filter_counts() {
        let strict = ("ipv4/conf/all/rp_filter", "1");
        assert!(lines(&[strict], TUNNEL)[0].starts_with("ok "));
        let both = [strict, ("ipv4/conf/eth0/rp_filter", "0")];
        assert!(lines(&both, TUNNEL)[0].contains("eth0.rp_filter is 1"));
    }
}
