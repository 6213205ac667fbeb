//! At boot, dist/systemd/setkey.service loads /etc/ipsec.conf as the user of the daemon.

use std::{fs, os::unix::fs::PermissionsExt};

use scenarios::{Host, Outcome, setkey};
use tempfile::NamedTempFile;

const UNIT: &str = include_str!("../../dist/systemd/setkey.service");

/// Keys, variables and records: all that a script may need.
const SCRIPT: &str = "flush; spdflush;
    add 192.0.2.1 192.0.2.2 esp 0x1000 -E aes-cbc \"sixteen byte key\" -A hmac-sha1 \"twenty byte long key\";
    spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/transport//default;
    spdadd 192.0.2.1 192.0.2.3 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.3/use;";

/// Scripts with a mistake in a key, and the key: without `0x`, and of a wrong length.
const MISTAKES: [(&str, &str); 2] = [
    ("-E aes-cbc 73697874656e627974656b65796f6e65", "73697874656e627974656b65796f6e65"),
    ("-E aes-cbc \"sixtenbytekeyon\"", "sixtenbytekeyon"),
];

/// A user with the directory, as the one of the unit has.
const USER: u32 = 1;

/// The commands of the unit's lines with this name.
fn commands(name: &str) -> Vec<&'static str> {
    let of_line = |line: &'static str| line.strip_prefix(name)?.strip_prefix("=/usr/sbin/setkey ");
    UNIT.lines().filter_map(of_line).collect()
}

/// Both outputs of the unit are in the journal, which more users read than the file.
#[test]
fn a_mistake_puts_no_key_into_the_journal() {
    let (host, file) = (Host::new("host"), NamedTempFile::new().expect("a file"));
    for (options, key) in MISTAKES {
        let script = format!("add 192.0.2.1 192.0.2.2 esp 0x1000 {options};\n");
        fs::write(&file, script).expect("a script");
        for words in [commands("ExecStart"), commands("ExecReload")].concat() {
            let mut command = host.command("sh");
            let script = format!("exec \"$1\" {words} <\"$2\"");
            command.args(["-ec", &script, "sh"]).arg(setkey()).arg(file.path());
            let outcome = Outcome::of(&mut command);
            assert!(outcome.status == 1 && outcome.stdout.contains("line 1: "), "{outcome:?}");
            let printed = [outcome.stdout, outcome.stderr].concat();
            assert!(!printed.contains(&key[4..10]), "{words}: {printed}");
        }
    }
}

#[test]
fn the_unit_loads_what_its_user_cannot_read() {
    let (host, file) = (Host::new("host"), NamedTempFile::new().expect("a file"));
    fs::write(&file, SCRIPT).expect("a script");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("its mode");
    assert!(UNIT.contains("StandardInput=file:/etc/ipsec.conf\n"));
    let as_user = format!(
        "setpriv --reuid={USER} --clear-groups --no-new-privs --bounding-set=-all,+net_admin \
         --inh-caps=-all,+net_admin --ambient-caps=+net_admin"
    );
    // As RuntimeDirectory does.
    let run = |name: &str| {
        let commands = commands(name);
        assert!(!commands.is_empty(), "{name}");
        for words in commands {
            let mut command = host.command("sh");
            let script = format!(
                "install -d \"$1\"; chown -R {USER} \"$1\"; exec {as_user} \"$2\" {words} <\"$3\""
            );
            command.args(["-ec", &script, "sh"]).arg(host.kept()).arg(setkey()).arg(file.path());
            let outcome = Outcome::of(&mut command);
            assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{name}: {outcome:?}");
        }
    };
    let entries = |words: &str| host.setkey(words).stdout.matches("192.0.2.1").count();
    run("ExecStart");
    let script = host.setkey("-DP --script").stdout;
    assert!(script.contains("esp/tunnel/192.0.2.1-192.0.2.3/use"), "{script}");
    assert_eq!((entries("-D"), entries("-DP")), (1, 3));
    // After a change by hand, the file's entries are there again.
    host.load("spdflush;");
    run("ExecReload");
    assert_eq!(host.setkey("-DP --script").stdout, script);
    run("ExecStop");
    assert_eq!((entries("-D"), entries("-DP")), (0, 0));
}
