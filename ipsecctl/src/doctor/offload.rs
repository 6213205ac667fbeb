//! The devices that are to do the work of SAs.

use super::{
    condition::{Condition, Subject},
    features::{Features, Reader},
    files::Files,
    needs::Needs,
};

/// The feature without which the kernel transforms packets itself.
const ESP: &str = "esp-hw-offload";

/// Features that make it faster.
const OTHERS: [&str; 2] = ["esp-tx-csum-hw-offload", "tx-esp-segmentation"];

/// Devices that are asked for their features at most, if no SA needs one.
const MOST_DEVICES: usize = 256;

/// What the devices have of what SAs and policies are to be offloaded to them.
pub fn conditions(files: &Files, needs: &Needs) -> Vec<Condition> {
    match Reader::open() {
        Ok(mut reader) => {
            let read = |device: &str| reader.features(device).map_err(|error| error.to_string());
            compared(&devices(files), needs, read)
        }
        Err(error) => compared(&devices(files), needs, |_| Err(error.to_string())),
    }
}

/// The names of the devices.
fn devices(files: &Files) -> Vec<String> {
    let table = files.read("proc/net/dev").unwrap_or_default();
    let names = table.lines().filter_map(|line| line.split_once(':'));
    names.map(|(name, _)| name.trim().to_owned()).collect()
}

fn compared(
    devices: &[String],
    needs: &Needs,
    mut features: impl FnMut(&str) -> Result<Option<Features>, String>,
) -> Vec<Condition> {
    if needs.devices.is_empty() {
        let capable = devices.iter().take(MOST_DEVICES).filter(|device| {
            features(device).is_ok_and(|it| it.is_some_and(|it| it.active.contains(ESP)))
        });
        let capable: Vec<_> = capable.map(String::as_str).collect();
        let at = match &capable[..] {
            [] => String::new(),
            _ => format!("; {ESP} is on at {}", capable.join(", ")),
        };
        return vec![Condition::ok(
            Subject::Offload,
            format!("no SA is offloaded to a device{at}"),
        )];
    }
    let conditions = needs.devices.iter().map(|(device, is_packet)| match features(device) {
        Ok(Some(features)) => of_device(device, *is_packet, &features),
        Ok(None) => not_there(device),
        Err(_) if !devices.contains(device) => not_there(device),
        Err(error) => Condition::unknown(
            Subject::Offload,
            format!("whether {device} has {ESP} was not found out ({error})"),
            format!("`ethtool -k {device} | grep esp`"),
        ),
    });
    conditions.collect()
}

fn not_there(device: &str) -> Condition {
    let what = format!("SAs are offloaded to {device}, which is no device here");
    Condition::fault(Subject::Offload, what, "`ip link` lists the devices")
}

/// What a device has. Without the feature, packets of an SA are transformed by the kernel, unless the device is to
/// transform whole packets.
fn of_device(device: &str, is_packet: bool, features: &Features) -> Condition {
    let of = Subject::Offload;
    let is_on = |name: &str| features.active.contains(name);
    if !is_on(ESP) {
        let remedy = if features.changeable.contains(ESP) {
            format!("`ethtool -K {device} {ESP} on`")
        } else {
            format!("a device that has it, or leave out -offload {device}")
        };
        let lacks = if features.changeable.contains(ESP) { "is off at" } else { "is not in" };
        return if is_packet {
            let what = format!("{ESP} {lacks} {device}, which is to transform whole packets");
            Condition::fault(of, what, remedy)
        } else {
            let what = format!("{ESP} {lacks} {device}: the kernel transforms the packets");
            Condition::advice(of, what, remedy)
        };
    }
    let off = OTHERS.into_iter().filter(|it| !is_on(it) && features.changeable.contains(*it));
    let off: Vec<_> = off.collect();
    if off.is_empty() {
        let on = [ESP].into_iter().chain(OTHERS).filter(|it| is_on(it));
        return Condition::ok(of, format!("{device} has {}", on.collect::<Vec<_>>().join(", ")));
    }
    let on: Vec<_> = off.iter().map(|it| format!("{it} on")).collect();
    let what = format!("{ESP} is on at {device}, and {} off", off.join(", "));
    Condition::advice(of, what, format!("`ethtool -K {device} {}`", on.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(active: &[&str], changeable: &[&str]) -> Features {
        let of = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        Features { active: of(active), changeable: of(changeable) }
    }

    #[test]
    fn each_device_has_a_line() {
        let mut needs = Needs::default();
        let read = |device: &str| match device {
            "eth0" => Ok(Some(features(&[ESP, "tx-esp-segmentation"], &[ESP]))),
            "eth1" => Ok(Some(features(&[], &[ESP]))),
            "eth2" => Ok(Some(features(&["rx-all"], &[]))),
            "eth3" => Ok(Some(features(&[ESP], &OTHERS))),
            "eth4" => Ok(None),
            _ => Err("why".to_owned()),
        };
        let devices = ["eth0", "eth1", "eth5"].map(str::to_owned);
        let lines = |needs: &Needs| {
            let conditions = compared(&devices, needs, read);
            conditions.iter().map(Condition::line).collect::<Vec<_>>()
        };
        let expected =
            "ok      offload   no SA is offloaded to a device; esp-hw-offload is on at eth0";
        assert_eq!(lines(&needs), [expected]);
        for device in ["eth0", "eth1", "eth2", "eth3", "eth4", "eth5", "eth6"] {
            needs.devices.insert(device.to_owned(), false);
        }
        let expected = [
            "ok      offload   eth0 has esp-hw-offload, tx-esp-segmentation",
            "advice  offload   esp-hw-offload is off at eth1: the kernel transforms the packets; \
                `ethtool -K eth1 esp-hw-offload on`",
            "advice  offload   esp-hw-offload is not in eth2: the kernel transforms the packets; \
                a device that has it, or leave out -offload eth2",
            "advice  offload   esp-hw-offload is on at eth3, and esp-tx-csum-hw-offload, tx-esp-segmentation off; \
                `ethtool -K eth3 esp-tx-csum-hw-offload on tx-esp-segmentation on`",
            "fault   offload   SAs are offloaded to eth4, which is no device here; `ip link` lists the devices",
            "unknown offload   whether eth5 has esp-hw-offload was not found out (why); `ethtool -k eth5 | grep esp`",
            "fault   offload   SAs are offloaded to eth6, which is no device here; `ip link` lists the devices",
        ];
        assert_eq!(lines(&needs), expected);
        needs.devices = [("eth2".to_owned(), true)].into();
        let expected = "fault   offload   esp-hw-offload is not in eth2, which is to transform whole packets; \
            a device that has it, or leave out -offload eth2";
        assert_eq!(lines(&needs), [expected]);
    }
}
