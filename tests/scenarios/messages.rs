//! What setkey reports of statements: of those that the kernel refuses once and with their place, of those that succeed
//! nothing.

use scenarios::{Host, Outcome};

#[test]
fn a_statement_that_succeeds_prints_nothing_but_to_people() {
    let host = Host::new("quiet");
    let script = "spdadd 192.0.2.1 192.0.2.2 any -P out ipsec esp/tunnel/192.0.2.1-192.0.2.2/use;\n\
                  spdadd 192.0.2.0/24[80] 198.51.100.0/24 any -P in none;\n";
    host.load(script);
    host.flush();
    assert_eq!(host.setkey_input("-c", script), Outcome::SILENCE);
    host.flush();
    let verbose = host.setkey_input("-v -c", script).stderr;
    assert!(verbose.contains("run ipsecd") && verbose.contains("port"), "{verbose}");
}

#[test]
fn a_refused_statement_of_standard_input_has_its_line() {
    let host = Host::new("lines");
    let outcome = host.setkey_input(
        "-c",
        "spdflush;\ndelete 192.0.2.1 192.0.2.2 esp 0x1001;\n\nspddelete 192.0.2.1 192.0.2.2 any -P out;\n",
    );
    assert_eq!((outcome.status, &*outcome.stdout), (0, "No such process.\nNo entry.\n"));
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert!(lines[0].starts_with("setkey: <stdin>:2: no SA"), "{lines:?}");
    assert!(lines[1].starts_with("setkey: <stdin>:4: no policy"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

#[test]
fn the_forward_copy_is_named_and_not_explained_twice() {
    let host = Host::new("copy");
    let policy = "spdadd 192.0.2.1 192.0.2.2 any -P in none;\n";
    host.load(policy);
    let twice = host.setkey_text(policy);
    assert_eq!(twice.stdout, "The result of line 1: File exists.\n".repeat(2));
    assert_eq!(twice.stderr.lines().count(), 1, "{}", twice.stderr);
    // The copy alone.
    host.load("spddelete 192.0.2.1 192.0.2.2 any -P fwd;\n");
    let deleting = host.setkey_text("spddelete 192.0.2.1 192.0.2.2 any -P in;\n");
    assert_eq!(deleting.stdout, "The result of line 1: No entry.\n");
    assert!(deleting.stderr.contains(":1: its fwd policy: no policy"), "{}", deleting.stderr);
}

#[test]
fn an_sa_with_a_mark_is_not_taken_for_none() {
    let host = Host::new("mark");
    host.load("add 192.0.2.1 192.0.2.2 esp 0x1001 -mark 5/0xff -E aes-cbc \"sixteen byte key\";");
    for statement in ["get", "delete"] {
        let outcome =
            host.setkey_input("-c", &format!("{statement} 192.0.2.1 192.0.2.2 esp 0x1001;\n"));
        assert_eq!(outcome.stdout, "No such process.\n");
        let expected = "one with -mark 0x5/0xff is there\n";
        assert!(outcome.stderr.ends_with(expected), "{}", outcome.stderr);
    }
    host.load("delete 192.0.2.1 192.0.2.2 esp 0x1001 -mark 5/0xff;");
}

#[test]
fn sas_are_chosen_by_if_id_and_mark() {
    let host = Host::new("ifid");
    let named = "192.0.2.1 192.0.2.2 esp 0x1001";
    let key = "-E aes-cbc \"sixteen byte key\"";
    host.load(&format!("add {named} -ifid 7 {key};"));
    for statement in ["get", "delete"] {
        for (option, there) in [("-ifid 8", "with -ifid 7"), ("-ifid 0", "with -ifid 7")] {
            let outcome = host.setkey_input("-c", &format!("{statement} {named} {option};\n"));
            assert_eq!(outcome.stdout, "No such process.\n");
            let expected = format!("SPI, mark and if_id: one {there} is there\n");
            assert!(outcome.stderr.ends_with(&expected), "{}", outcome.stderr);
        }
        let found = host.setkey_input("-c", &format!("{statement} {named} -ifid 7;\n"));
        assert_eq!((found.stdout.contains("0x00001001"), &*found.stderr), (statement == "get", ""));
    }
    // One is deleted, and the others stay.
    let others = ["0x1001", "0x1002 -mark 5/0xff", "0x1003 -ifid 7", "0x1004 -mark 5/0xff -ifid 7"];
    for (option, spis) in [
        ("-ifid 7", &["0x00001001", "0x00001002"][..]),
        ("-mark 5/0xff", &["0x00001001", "0x00001003"]),
        ("-mark 5/0xff -ifid 7", &["0x00001001", "0x00001002", "0x00001003"]),
        ("-mark 0/0 -ifid 0", &["0x00001002", "0x00001003", "0x00001004"]),
        ("", &[]),
    ] {
        host.load("flush;");
        for sa in others {
            host.load(&format!("add 192.0.2.1 192.0.2.2 esp {sa} {key};"));
        }
        host.load(&format!("deleteall 192.0.2.1 192.0.2.2 esp {option};"));
        let dump = host.setkey_input("-D", "").stdout;
        let left = (1..=4).map(|last| format!("0x0000100{last}"));
        let left: Vec<String> = left.filter(|spi| dump.contains(spi)).collect();
        assert_eq!(left, spis, "{option}\n{dump}");
    }
}

#[test]
fn a_policy_that_is_near_is_not_taken_for_none() {
    let host = Host::new("near");
    host.load(
        "spdadd 192.0.2.1 192.0.2.2 any -mark 5/0xff -P out none;
         spdadd 192.0.2.2 192.0.2.1 any -P out none;
         spdadd 192.0.2.3 192.0.2.4 any -dev lo -P out none;
         spdadd 192.0.2.5 192.0.2.6 any -P in none;",
    );
    for (deleted, there) in [
        ("192.0.2.1 192.0.2.2 any -P out", ": one with -mark 0x5/0xff is there\n"),
        ("192.0.2.2 192.0.2.1 any -ifid 7 -P out", ": one without -ifid is there\n"),
        ("192.0.2.3 192.0.2.4 any -P out", ": one with -dev lo is there\n"),
        ("192.0.2.5 192.0.2.6 any -P out", ": one with -P fwd is there, one with -P in is there\n"),
        ("192.0.2.7 192.0.2.8 any -P out", "no policy has exactly this selector and direction\n"),
    ] {
        let outcome = host.setkey_input("-c", &format!("spddelete {deleted};\n"));
        assert_eq!(outcome.stdout, "No entry.\n");
        assert!(outcome.stderr.ends_with(there), "{}", outcome.stderr);
    }
}
