//! Permissions of units: a process is in the cgroup that systemd made for its unit.

use std::{fs, path::PathBuf, process::Command};

use scenarios::{ESP_BOTH_DIRECTIONS, Outcome, protocol::ESP};
use tempfile::TempDir;

use super::{Hosts, audit};

/// The tree of cgroups, where systemd has it at /sys/fs/cgroup.
struct Cgroups(TempDir);

impl Cgroups {
    fn mount() -> Self {
        let directory = TempDir::new_in("/run").expect("a temporary directory");
        Outcome::success(
            Command::new("mount").args(["-t", "cgroup2", "none"]).arg(directory.path()),
        );
        Self(directory)
    }

    /// Makes a cgroup; its list of processes.
    fn make(&self, name: &str) -> PathBuf {
        let cgroup = self.0.path().join(name);
        fs::create_dir_all(&cgroup).expect("a cgroup");
        cgroup.join("cgroup.procs")
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        // A failure here is no failure of the scenario.
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_unit_has_what_its_line_allows() {
    let (hosts, cgroups) = (Hosts::new(), Cgroups::mount());
    let ask_in = |cgroup: &str| {
        let enter = r#"echo $$ >"$0"; exec setpriv --reuid=1000 --regid=1000 --clear-groups \
            --inh-caps=-all --bounding-set=-all "$@""#;
        let mut command = hosts.a.command("sh");
        command.args(["-ec", enter]).arg(cgroups.make(cgroup)).arg(hosts.file("ipsecctl"));
        Outcome::of(hosts.with_client(&mut command, ESP_BOTH_DIRECTIONS))
    };
    let daemon = hosts.serve("sockets unit ike.service ipsec\n");
    for inside in ["system.slice/ike.service", "system.slice/ike.service/below"] {
        let result = ask_in(inside);
        assert_eq!(result.status, 0, "{inside}: {result:?}");
        assert!(hosts.wire.packets(2).iter().all(|packet| packet.protocols == [ESP]));
        audit(&daemon, &format!("cgroup=\"/{inside}\""));
    }
    for outside in ["system.slice/ike.service2", "system.slice", "user.slice/ike.service"] {
        let refused = ask_in(outside);
        let reason = format!("is for user 1000, group 1000, cgroup /{outside}");
        assert!(refused.status == 125 && refused.stderr.contains(&reason), "{refused:?}");
    }
    audit(&daemon, "client rejected");
}
