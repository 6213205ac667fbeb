//! The devices that are to do the work of SAs.

use super::{
    condition::{Condition, Subject},
    files::Files,
    needs::Needs,
};

/// Which features a device has takes ethtool's netlink, for which this program has no library.
pub fn conditions(files: &Files, needs: &Needs) -> Vec<Condition> {
    let of = Subject::Offload;
    if needs.devices.is_empty() {
        return vec![Condition::ok(of, "no SA is offloaded to a device")];
    }
    let devices = files.read("proc/net/dev").unwrap_or_default();
    let is_there = |device: &str| {
        let mut names = devices.lines().filter_map(|line| line.split_once(':'));
        names.any(|(name, _)| name.trim() == device)
    };
    let conditions = needs.devices.iter().map(|device| {
        if is_there(device) {
            let what = format!("whether {device} has esp-hw-offload was not looked at");
            Condition::unknown(of, what, format!("`ethtool -k {device} | grep esp-hw-offload`"))
        } else {
            let what = format!("SAs are offloaded to {device}, which is no device here");
            Condition::fault(of, what, "`ip link` lists the devices")
        }
    });
    conditions.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_device_must_be_there() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/net")).unwrap();
        let table = "Inter-|   Receive\n face |bytes\n  eth0: 1 2\n";
        fs::write(root.path().join("proc/net/dev"), table).unwrap();
        let lines = |devices: &[&str]| {
            let names = devices.iter().map(|it| (*it).to_owned());
            let mut needs = Needs::default();
            needs.devices.extend(names);
            let conditions = conditions(&Files::below(root.path(), "6.1"), &needs);
            conditions.iter().map(Condition::line).collect::<Vec<_>>()
        };
        assert_eq!(lines(&[]), ["ok      offload   no SA is offloaded to a device"]);
        let lines = lines(&["eth0", "eth1"]);
        assert!(lines[0].starts_with("unknown offload   whether eth0"), "{lines:?}");
        assert!(lines[1].starts_with("fault   offload   SAs are offloaded to eth1"), "{lines:?}");
    }
}
