//! The BSDs' setkeys: their scripts, their words, their exit statuses.

use std::{fs, path::Path, process::Command};

use scenarios::{Host, Outcome, assert_same, masked, scripts_for_this_kernel, setkey, without};

/// What becomes of the BSDs' scripts in their own dialects stands in `corpus/DIALECTS`, in the words of [`load`]; that of
/// Linux is the one of `corpus/EXPECTED`.
#[test]
fn every_script_of_a_bsd() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let (scripts, others) = scripts_for_this_kernel(&corpus);
    let expected = fs::read_to_string(corpus.join("DIALECTS")).expect("the expectations");
    let actual = scripts.into_iter().filter_map(|script| {
        let name = script.file_name()?.to_str()?;
        let dialect = dialect(name)?;
        Some(format!("{name}: {dialect}\n{}\n", load(&script, dialect)))
    });
    assert_same(&without(&expected, &others), &actual.collect::<String>());
}

/// Whose script it is, by its name; none for Linux.
fn dialect(name: &str) -> Option<&'static str> {
    // KAME is what NetBSD's setkey was until ipsec-tools; the AirPort runs NetBSD.
    let origins = [
        ("freebsd", "freebsd"),
        ("bsdrp", "freebsd"),
        ("netbsd", "netbsd"),
        ("kame", "netbsd"),
        ("airport", "netbsd"),
    ];
    origins.iter().find(|(origin, _)| name.contains(origin)).map(|row| row.1)
}

/// Loads a script in a network namespace of its own. Returns what setkey printed, without its excerpts of the script, its exit
/// status, and how much is in the kernel then.
fn load(script: &Path, dialect: &str) -> String {
    let steps = r#"
        "$0" --dialect "$2" -f "$1" 2>&1
        echo "exit status $?"
        ip xfrm state count
        ip xfrm policy count
    "#;
    let mut shell = Command::new("unshare");
    shell.args(["--net", "sh", "-c", steps]).arg(setkey()).arg(script).arg(dialect);
    let printed = Outcome::success(&mut shell).replace(script.to_str().expect("UTF-8"), "FILE");
    let output = printed.lines().filter(|line| !line.starts_with(' '));
    let lines = output.map(|line| format!("    {}\n", line.trim()));
    lines.collect()
}

/// The same SAD and SPD in the words of each.
#[test]
fn dumps() {
    let host = Host::new("bsd");
    let sas = r#"add 192.0.2.2 192.0.2.1 esp 0x1000 -r 4 -E aes-cbc "sixteen byte key";"#;
    let policies = "spdadd 192.0.2.2 192.0.2.1 any -P in ipsec esp/transport//require;";
    assert_eq!(
        host.setkey_input("--dialect freebsd -c", &format!("{sas} {policies}")),
        Outcome::SILENCE
    );

    let sad = |blank, mode, replay| {
        format!(
            "192.0.2.2 192.0.2.1{blank}\n\
             \tesp mode={mode} spi=4096(0x00001000) reqid=0(0x00000000)\n\
             \tE: aes-cbc  73697874 65656e20 62797465 206b6579\n\
             \tseq=0x00000000 replay={replay} flags=0x00000000 state=mature \n"
        )
    };
    // A window of 4 bytes is one of 32 packets.
    for (dialect, expected) in [
        ("linux", sad(" ", "transport", 32)),
        ("netbsd", sad(" ", "any", 4)),
        ("freebsd", sad("", "any", 4)),
    ] {
        let printed = host.setkey(&format!("--dialect {dialect} -D")).stdout;
        assert_same(&expected, &first_lines(&printed, 4));
    }

    let spd = |upper: &str, direction: &str, last: &str| {
        format!(
            "192.0.2.2[any] 192.0.2.1[any] {upper}\n\t{direction} ipsec\n\tesp/transport//require\n\
             {last}\n\trefcnt=N\n"
        )
    };
    let times =
        format!("\tcreated: TIME  lastused: {:20}\n\tlifetime: 0(s) validtime: 0(s)\n\tspid=", "");
    for (dialect, expected) in [
        (
            "linux",
            spd("255", "fwd prio def", &format!("{times}10 seq=1 pid=N"))
                + &spd("255", "in prio def", &format!("{times}8 seq=0 pid=N")),
        ),
        ("netbsd", spd("255(reserved)", "in", "\tspid=8 seq=0 pid=N")),
        ("freebsd", spd("any", "in", "\tspid=8 seq=0 pid=N scope=global ")),
    ] {
        let printed = host.setkey(&format!("--dialect {dialect} -DP")).stdout;
        assert_same(&expected, &masked(&printed));
    }
}

/// The names of upper protocols, the numbers and the order of a dump.
#[test]
fn upper_protocols_and_order() {
    let host = Host::new("bsd");
    let script = "
        spdadd 192.0.2.0/24 198.51.100.0/24 ip4 -P out none;
        spdadd 2001:db8::1 2001:db8::2 icmp6 135,0 -P in none;
        spdadd 192.0.2.0/24 198.51.100.0/24 icmp -P out none;
        spdadd 192.0.2.0/24 198.51.100.0/24 gre -P in none;
    ";
    assert_eq!(host.setkey_input("--dialect freebsd -f -", script), Outcome::SILENCE);
    for (dialect, expected) in [
        (
            "freebsd",
            [
                "2001:db8::1 2001:db8::2 icmp6 135,0",
                "192.0.2.0/24[any] 198.51.100.0/24[any] gre",
                "192.0.2.0/24[any] 198.51.100.0/24[any] ip4",
                "192.0.2.0/24[any] 198.51.100.0/24[any] icmp",
            ],
        ),
        (
            "netbsd",
            [
                "2001:db8::1 2001:db8::2 58(ipv6-icmp) 135,0",
                "192.0.2.0/24 198.51.100.0/24 47(gre)",
                "192.0.2.0/24[any] 198.51.100.0/24[any] 4(ipv4)",
                "192.0.2.0/24 198.51.100.0/24 1(icmp)",
            ],
        ),
    ] {
        let printed = host.setkey(&format!("--dialect {dialect} -DP")).stdout;
        let selectors: Vec<&str> = printed.lines().filter(|line| !line.starts_with('\t')).collect();
        assert_eq!(selectors, expected, "{dialect}");
        let numbers = printed
            .lines()
            .filter_map(|line| line.split(' ').find(|word| word.starts_with("seq=")));
        assert_eq!(numbers.collect::<Vec<_>>(), ["seq=3", "seq=2", "seq=1", "seq=0"], "{dialect}");
    }
}

/// What each prints for a policy that is not there and for an unknown word, and what it does then.
#[test]
fn mistakes() {
    let host = Host::new("bsd");
    let script = "spddelete 192.0.2.1 192.0.2.2 any -P out;\nnonsense;\ndump;\n";
    let line = |words: &str| host.setkey_input(words, script);

    let linux = "line 2: syntax error at [nonsense]\nparse failed, line 2.\n";
    for dialect in ["linux", "freebsd"] {
        let output = line(&format!("--dialect {dialect} -f -"));
        let expected = format!("The result of line 1: No entry.\n{linux}");
        assert_eq!((output.status, output.stdout), (1, expected), "{dialect}");
    }
    let netbsd = line("--dialect netbsd -f -");
    assert_eq!((netbsd.status, netbsd.stdout.as_str()), (1, ""));
    for words in ["1: No entry", "2: syntax error at `********'", "2: parse failed"] {
        let output = format!("setkey: <stdin>,{words}\n");
        assert!(netbsd.stderr.contains(&output), "{output}: {netbsd:?}");
    }

    // Standard input: FreeBSD reads it as any script, the others go on.
    for (dialect, status, expected) in [
        ("linux", 0, "No entry.\nline 0: syntax error at [nonsense]\nNo SAD entries.\n"),
        ("netbsd", 0, "No entry.\nsyntax error at `nonsense'No SAD entries.\n"),
        ("freebsd", 1, &format!("The result of line 1: No entry.\n{linux}")),
    ] {
        let output = line(&format!("--dialect {dialect} -c"));
        assert_eq!((output.status, output.stdout.as_str()), (status, expected), "{dialect}");
    }
}

#[test]
fn a_script_that_is_not_there() {
    let host = Host::new("bsd");
    for (dialect, status) in [("linux", 1), ("netbsd", 1), ("freebsd", 255)] {
        let output = host.setkey(&format!("--dialect {dialect} -f /nowhere/ipsec.conf"));
        assert_eq!((output.status, output.stdout.as_str()), (status, ""), "{dialect}");
        assert!(output.stderr.contains("No such file or directory"), "{output:?}");
    }
}

/// FreeBSD's `-e SCRIPT`, and `-h` that shows the bytes of messages where Linux has its usage.
#[test]
fn options_of_freebsd() {
    let host = Host::new("bsd");
    let mut setkey = host.command(setkey());
    setkey.args(["--dialect", "freebsd", "-h", "-v", "-e", "flush esp;"]);
    let output = Outcome::of(&mut setkey);
    assert_eq!(output.status, 0, "{output:?}");
    // SADB_FLUSH (9), satype ESP (3), two words of eight bytes.
    let bytes = [2, 9, 0, 3, 2, 0, 0, 0];
    let dump = bytes.map(|byte| format!("{byte:02x} ")).concat();
    assert!(output.stdout.contains(&format!("00000000: {dump}")), "{output:?}");
    assert!(output.stdout.contains("sadb_msg{ version=2 type=9 errno=0 satype=3\n"), "{output:?}");

    let linux = host.setkey("-h");
    assert_eq!(linux.status, 1);
    assert!(linux.stdout.contains("usage: setkey"), "{linux:?}");
}

fn first_lines(text: &str, count: usize) -> String {
    text.split_inclusive('\n').take(count).collect()
}
