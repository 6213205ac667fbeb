//! Every variable of the table, through every way in and out.

mod common;

use common::{Host, Outcome};
use model::{
    Variable,
    variable::{VARIABLES, Values},
};

/// The values that a variable takes; of a range, its ends and one between.
fn taken(variable: &Variable) -> Vec<i32> {
    match variable.values {
        Values::OneOf(values) | Values::OneOfBut(values, ..) => {
            values.iter().map(|row| row.0).collect()
        }
        Values::Range(from, to) => vec![from, from + 1, to],
        Values::Only(value, _) => vec![value],
    }
}

/// Values next to those, with the errno of each.
fn not_taken(variable: &Variable) -> Vec<(i64, &'static str)> {
    const INVALID: &str = "Invalid argument";
    const IMPOSSIBLE: &str = "Operation not supported";
    let first = |values: &[(i32, &str)]| i64::from(values[0].0);
    let last = |values: &[(i32, &str)]| i64::from(values[values.len() - 1].0);
    let mut values = match variable.values {
        Values::OneOf(values) => vec![(first(values) - 1, INVALID), (last(values) + 1, INVALID)],
        Values::OneOfBut(values, but, _) => {
            vec![(i64::from(but), IMPOSSIBLE), (last(values) + 1, INVALID)]
        }
        Values::Range(from, to) => {
            vec![(i64::from(from) - 1, INVALID), (i64::from(to) + 1, INVALID)]
        }
        Values::Only(value, _) => vec![(1 - i64::from(value), IMPOSSIBLE)],
    };
    values.extend([(1 << 32, INVALID), (-(1 << 40), INVALID)]);
    values
}

/// What one way of setting prints, and the value read back.
fn set_and_read(host: &Host, args: &[&str], name: &str) -> (String, String) {
    let outcome = host.shim(args);
    assert_eq!(outcome.status, 0, "{args:?}: {}", outcome.err);
    (outcome.out, host.prints(&["-n", name]))
}

/// Sets a variable to its initial value.
fn reset(host: &Host, variable: &Variable) {
    let args = format!("{}={}", variable.name, variable.initial);
    assert_eq!(host.shim(&[&args]).status, 0);
}

#[test]
fn each_has_its_initial_value() {
    let host = Host::new();
    let all = host.prints(&["-a"]);
    for variable in &VARIABLES {
        let Variable { name, initial, .. } = *variable;
        let line = format!("{name} = {initial}\n");
        let slashes = name.replace('.', "/");
        let folder = name.rsplit_once('.').unwrap().0;
        assert_eq!(host.prints(&[name]), line);
        assert_eq!(host.prints(&[&slashes]), line);
        assert_eq!(host.prints(&["-n", name]), format!("{initial}\n"));
        assert_eq!(host.prints(&["-b", name]), initial.to_string());
        assert_eq!(host.prints(&["-N", &slashes]), format!("{name}\n"));
        assert_eq!(host.prints(&["-x", name]), format!("{name} = {initial:#010x}\n"));
        assert!(host.prints(&[folder]).contains(&line), "{folder}");
        assert!(all.contains(&line), "{name}");
    }
}

#[test]
fn each_has_a_description_in_every_dialect() {
    let host = Host::new();
    for Variable { name, initial, description, .. } in &VARIABLES {
        let line = format!("{name}: {description}\n");
        for dialect in ["linux", "netbsd", "freebsd"] {
            assert_eq!(host.prints(&["--dialect", dialect, "-d", name]), line);
        }
        assert_eq!(host.prints(&["-dn", name]), format!("{description}\n"));
        let netbsd = |option| host.prints(&["--dialect", "netbsd", option, name]);
        let freebsd = |option| host.prints(&["--dialect", "freebsd", option, name]);
        assert_eq!(netbsd("-x"), format!("{name} = {initial:#010x}\n"));
        assert_eq!(netbsd("-e"), format!("{name}={initial}\n"));
        assert_eq!(netbsd("-q"), "");
        assert_eq!(freebsd("-x"), format!("{name}: {initial:#010x}\n"));
        assert_eq!(freebsd("-e"), format!("{name}={initial}\n"));
        assert_eq!(freebsd("-q"), format!("{name}: {initial}\n"));
    }
}

#[test]
fn each_value_is_taken_in_every_notation() {
    let host = Host::new();
    for variable in &VARIABLES {
        for value in taken(variable) {
            let name = variable.name;
            let (line, read) = (format!("{name} = {value}\n"), format!("{value}\n"));
            let plain = format!("{name}={value}");
            let slashes = format!("{}={value}", name.replace('.', "/"));
            let hex = format!("{name}={value:#x}");
            let file = host.file("one.conf", &format!("# one\n {name}\t=  {value}\n"));
            let file = file.to_str().unwrap();
            assert_eq!(set_and_read(&host, &[&plain], name), (line.clone(), read.clone()));
            reset(&host, variable);
            assert_eq!(set_and_read(&host, &["-w", &plain], name), (line.clone(), read.clone()));
            reset(&host, variable);
            assert_eq!(set_and_read(&host, &[&slashes], name), (line.clone(), read.clone()));
            reset(&host, variable);
            assert_eq!(set_and_read(&host, &["-p", file], name), (line, read.clone()));
            reset(&host, variable);
            assert_eq!(set_and_read(&host, &["-q", &hex], name), (String::new(), read));
            reset(&host, variable);
        }
    }
}

#[test]
fn the_bsds_print_from_what_to_what() {
    let host = Host::new();
    for variable in &VARIABLES {
        let (name, initial) = (variable.name, variable.initial);
        for value in taken(variable) {
            let set = format!("{name}={value}");
            let line = format!("{name}: {initial} -> {value}\n");
            let netbsd = host.shim(&["--dialect", "netbsd", "-w", &set]);
            assert_eq!((netbsd.status, netbsd.out.as_str()), (0, line.as_str()));
            reset(&host, variable);
            let args = [name, &set, name];
            let freebsd = host.run_with(
                host.folder().join("sysctl-shim"),
                &args,
                &[("SETKEY_DIALECT", "freebsd")],
                "",
            );
            let lines = format!("{name}: {initial}\n{line}{name}: {value}\n");
            assert_eq!((freebsd.status, freebsd.out.as_str()), (0, lines.as_str()));
            reset(&host, variable);
        }
    }
}

#[test]
fn what_a_variable_does_not_take_is_refused_with_a_reason() {
    let host = Host::new();
    for variable in &VARIABLES {
        let name = variable.name;
        for (value, errno) in not_taken(variable) {
            let set = format!("{name}={value}");
            let why = variable.set(value).unwrap_err();
            let err = format!("sysctl-shim: setting key \"{name}\": {errno}\nsysctl-shim: {why}\n");
            let refused = Outcome { status: 1, out: String::new(), err };
            assert_eq!(host.shim(&[&set]), refused);
            assert_eq!(host.prints(&["-n", name]), format!("{}\n", variable.initial));
        }
        for text in ["", "use", "1x", "0x", "1 2"] {
            let outcome = host.shim(&[&format!("{name}={text}")]);
            let first = format!("sysctl-shim: setting key \"{name}\": Invalid argument\n");
            assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
            assert!(outcome.err.starts_with(&first), "{}", outcome.err);
            assert!(outcome.err.contains("is not a number"), "{}", outcome.err);
        }
    }
}

#[test]
fn all_of_a_call_or_none() {
    let host = Host::new();
    let (dfbit, ecn) = ("net.inet.ipsec.dfbit", "net.inet.ipsec.ecn");
    let none = "was not set, since another variable of ipsec(4) in this call cannot be";
    for args in [
        ["net.inet.ipsec.dfbit=0", "net.inet.ipsec.ecn=5"],
        ["net.inet.ipsec.ecn=5", "net.inet.ipsec.dfbit=0"],
    ] {
        let outcome = host.shim(&args);
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
        assert!(outcome.err.contains(&format!("sysctl-shim: {dfbit} {none}\n")), "{}", outcome.err);
        assert_eq!(host.prints(&["-n", dfbit, ecn]), "2\n1\n");
    }
    // Linux's own is no exception.
    let outcome = host.shim(&["net.key.larval_lifetime=60", "net.inet.ipsec.ecn=5"]);
    assert_eq!(outcome.status, 1);
    assert_eq!(host.prints(&["-n", "net.key.larval_lifetime"]), "30\n");
    // What is not of ipsec(4) stands for itself.
    let outcome = host.shim(&["net.ipv4.ip_forward=1", "net.inet.ipsec.ecn=5"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, "net.ipv4.ip_forward = 1\n"));
    let lines = "net.inet.ipsec.dfbit = 0\nnet.inet.ipsec.ecn = 0\n";
    assert_eq!(host.prints(&["net.inet.ipsec.dfbit=0", "net.inet.ipsec.ecn=0"]), lines);
    assert_eq!(host.prints(&[dfbit, ecn]), lines);
}

#[test]
fn a_range_of_spis_has_its_ends_in_order() {
    let host = Host::new();
    let outcome = host.shim(&["net.key.spi_min_value=0x2000", "net.key.spi_max_value=0x1000"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
    let first = "sysctl-shim: setting key \"net.key.spi_min_value\": Invalid argument\n";
    assert!(outcome.err.starts_with(first), "{}", outcome.err);
    assert!(outcome.err.contains("8192 would be above"), "{}", outcome.err);
    assert_eq!(
        host.prints(&["-n", "net.key.spi_minval", "net.key.spi_maxval"]),
        "256\n268435455\n"
    );
}

#[test]
fn names_of_one_variable_agree() {
    let host = Host::new();
    for variable in &VARIABLES {
        let value = taken(variable)[0];
        assert_eq!(host.shim(&[&format!("{}={value}", variable.name)]).status, 0);
        for other in VARIABLES.iter().filter(|other| other.meaning == variable.meaning) {
            assert_eq!(host.prints(&["-n", other.name]), format!("{value}\n"), "{}", other.name);
        }
        reset(&host, variable);
    }
    host.prints(&["net.key.larval_lifetime=45"]);
    assert_eq!(host.shell("cat /proc/sys/net/core/xfrm_acq_expires"), "45\n");
    host.shell("echo 50 >/proc/sys/net/core/xfrm_acq_expires");
    assert_eq!(host.prints(&["-n", "net.key.larval_lifetime"]), "50\n");
}

#[test]
fn a_dry_run_sets_nothing() {
    let host = Host::new();
    for variable in &VARIABLES {
        let set = format!("{}={}", variable.name, taken(variable)[0]);
        let line = format!("{} = {}\n", variable.name, taken(variable)[0]);
        assert_eq!(host.prints(&["--dry-run", &set]), line);
        assert_eq!(host.prints(&["-n", variable.name]), format!("{}\n", variable.initial));
    }
    let outcome = host.shim(&["--dry-run", "net.inet.ipsec.dfbit=3"]);
    assert_eq!((outcome.status, outcome.out.as_str()), (1, ""));
}

#[test]
fn json_is_refused_where_it_means_nothing() {
    let host = Host::new();
    let name = "net.inet.ipsec.dfbit";
    for option in ["-N", "-n", "-b", "-d", "-h", "-x", "-X"] {
        let outcome = host.shim(&["--json", option, name]);
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""), "{option}");
        let words = format!("options --json and {option} cannot coexist");
        assert!(outcome.err.contains(&words), "{option}: {}", outcome.err);
    }
    let set = format!("{name}=1");
    for args in
        [&["--json", &set][..], &["--json", "-w", &set], &["--json", "-p"], &["--json", "--system"]]
    {
        let outcome = host.shim(args);
        assert_eq!((outcome.status, outcome.out.as_str()), (1, ""), "{args:?}");
        let words = "--json prints variables and sets none";
        assert!(outcome.err.contains(words), "{args:?}: {}", outcome.err);
    }
    assert_eq!(host.prints(&["-n", name]), "2\n");
}

#[test]
fn json_has_all() {
    let host = Host::new();
    let text = host.prints(&["--json", "--ours", "-a"]);
    let all = serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let all = all["variables"].as_array().unwrap();
    assert_eq!(all.len(), VARIABLES.len());
    for variable in &VARIABLES {
        let found = all.iter().find(|row| row["name"] == variable.name).unwrap();
        assert_eq!(found["value"], variable.initial);
        assert_eq!(found["initial"], variable.initial);
        assert_eq!(found["description"], variable.description);
        let values = &found["values"];
        if let Values::Range(from, to) = variable.values {
            assert_eq!((&values["from"], &values["to"]), (&from.into(), &to.into()));
        } else {
            let listed = values.as_array().unwrap().iter();
            let listed = listed.map(|row| row["value"].as_i64().unwrap());
            assert!(listed.eq(taken(variable).into_iter().map(i64::from)));
        }
    }
    let text = host.prints(&["--json", "net.ipv4.ip_forward"]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap(),
        serde_json::json!({
            "schema_version": 1,
            "variables": [{ "name": "net.ipv4.ip_forward", "value": "0" }],
        })
    );
}
