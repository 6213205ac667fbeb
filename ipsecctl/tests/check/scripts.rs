use std::{collections::BTreeSet, fs, io::Write, path::Path};

use tempfile::NamedTempFile;

use crate::{check, files, found, manual};

/// Each file has one fault, and is right otherwise.
#[test]
fn planted_faults_are_found_and_nothing_else_is() {
    let scripts = files("tests/check/planted", "conf");
    assert!(scripts.len() >= 60);
    let mut codes = BTreeSet::new();
    for script in &scripts {
        let expected = fs::read_to_string(script.with_extension("expect")).unwrap();
        let found = found(script);
        assert_eq!(found, expected.lines().collect::<Vec<_>>(), "{}", script.display());
        assert_eq!(found.len(), 1, "{}", script.display());
        codes.extend(found.iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()));
    }
    // Every kind has a fault, by the list of the manual.
    let manual = include_str!("../../../man/ipsecctl.8");
    let section = manual.split(".Ss Findings of check").nth(1).expect("the section");
    let section = section.split("\n.Ss ").next().unwrap();
    let listed = section.lines().filter_map(|line| line.strip_prefix(".It Va "));
    let missing: Vec<_> = listed.filter(|code| !codes.contains(*code)).collect();
    assert!(missing.is_empty(), "no fault is planted for {missing:?}");
}

#[test]
fn clean_scripts_have_no_finding() {
    let scripts = files("tests/check/clean", "conf");
    assert!(scripts.len() >= 40);
    for script in &scripts {
        assert_eq!(found(script), Vec::<String>::new(), "{}", script.display());
    }
}

/// Scripts found in the wild, in each dialect.
#[test]
fn no_script_of_the_wild_ends_it() {
    let scripts = files("../tests/corpus", "conf");
    assert!(scripts.len() >= 50);
    for script in &scripts {
        for dialect in ["linux", "netbsd", "freebsd"] {
            let path = script.to_str().unwrap();
            let (status, _, err) = check(&["--dialect", dialect, path], None);
            assert_eq!((status, err.as_str()), (0, ""), "{path}");
        }
    }
}

/// No false alarm about what the author wrote on purpose: the codes that scripts of the wild have.
#[test]
fn scripts_of_the_wild_are_not_accused() {
    let codes_of = |name: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(name);
        let found = found(&script);
        let codes = found.iter().map(|line| line.rsplit(' ').next().unwrap().to_owned());
        codes.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    for right in [
        "debian-openbsd-example.conf",
        "racoon-sample-natt-A.conf",
        "wild-aws-ec2-python.conf",
        "wild-forum-multinet-B.conf",
        "wild-l2tp-installer.conf",
        "wild-openwrt-transport-any.conf",
        "openims-pcscf-drop.conf",
    ] {
        assert_eq!(codes_of(right), Vec::<String>::new(), "{right}");
    }
    assert_eq!(codes_of("wild-cloudstack-prio-def1.conf"), ["shadowed-policy"]);
    assert_eq!(codes_of("gh-sezzon-freebsd.conf"), ["optional-inbound"]);
}

#[test]
fn the_examples_of_the_manual() {
    let file = files("tests/check/planted", "conf").remove(0);
    let examples = manual::examples("ipsecctl check");
    let (live, of_files): (Vec<_>, Vec<_>) =
        examples.into_iter().partition(|line| line.ends_with("--live"));
    // In the test kernel `tests/scenarios/advice.rs` runs it.
    assert_eq!(live, ["ipsecctl check --live"]);
    let statuses = of_files.iter().map(|line| {
        let words = line.split_whitespace().skip(2).map(|word| match word {
            "/etc/ipsec-tools.conf" => file.to_str().unwrap(),
            word => word,
        });
        let arguments: Vec<_> = words.collect();
        let (status, out, err) = check(&arguments, None);
        assert!(out.contains("algorithm-should-not") && err.is_empty(), "{line}: {out}{err}");
        status
    });
    assert_eq!(statuses.collect::<Vec<_>>(), [0, 3]);
}

fn script(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn a_finding_has_its_place_its_reason_and_its_remedy() {
    let file = script("spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//use;\n");
    let path = file.path().to_str().unwrap();
    let (status, out, err) = check(&[path], None);
    assert_eq!((status, err.as_str()), (0, ""));
    let expected = "\
FILE:1:44: warning: `use` lets packets in clear in [optional-inbound]
 1 | spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//use;
   |                                            ^^^^^^^^^^^^^^^^^^
   = why: packets in clear are accepted: protection can be left out by any sender
   = help: use require, or unique with the number of the SA
";
    assert_eq!(out.replace(path, "FILE"), expected);
}

#[test]
fn no_output_has_a_key() {
    let secret = "5ec2e7".repeat(11);
    let text = format!(
        "add 192.0.2.1 192.0.2.2 esp 0x1001 -E des-cbc 0x{} -A hmac-sha256 0x{};\n\
         add 192.0.2.2 192.0.2.1 esp 0x1001 -E des-cbc \"5ec2e75e\" -A hmac-sha256 0x{} x;\n",
        &secret[..16],
        &secret[..64],
        &secret[..64],
    );
    let file = script(&text);
    for format in ["text", "json", "sarif"] {
        let (status, out, err) = check(&["--format", format, file.path().to_str().unwrap()], None);
        assert_eq!((status, err.as_str()), (0, ""));
        assert!(out.contains("algorithm-must-not") && !out.contains("5ec2e7"), "{out}");
    }
}

#[test]
fn denied_findings_decide_the_status() {
    let file = script("spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//use;\nx;\n");
    let path = file.path().to_str().unwrap();
    for (deny, expected) in [
        ("optional-inbound", 3),
        ("syntax", 3),
        ("mtu,syntax", 3),
        ("all", 3),
        ("mtu", 0),
        ("no-such-code", 2),
    ] {
        assert_eq!(check(&["--deny", deny, path], None).0, expected, "{deny}");
    }
    assert_eq!(check(&["--deny", "all", "/dev/null"], None).0, 0);
    let (status, out, err) = check(&["/does/not/exist"], None);
    assert_eq!((status, out.as_str()), (1, ""));
    assert_eq!(err, "ipsecctl: /does/not/exist: No such file or directory\n");
}

/// The policies of a large gateway: a table is not compared with itself.
#[test]
fn many_policies_take_seconds() {
    let policy = |at: usize| {
        let (high, low) = (at / 250, at % 250);
        format!(
            "spdadd 10.1.{high}.{low} 10.2.{high}.{low} any -P out ipsec \
             esp/tunnel/192.0.2.1-198.51.100.1/require;\n"
        )
    };
    let text: String = (0..20_000).map(policy).collect();
    let file = script(&text);
    let start = std::time::Instant::now();
    let (status, out, err) = check(&[file.path().to_str().unwrap()], None);
    assert_eq!((status, out.as_str(), err.as_str()), (0, "", ""));
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
