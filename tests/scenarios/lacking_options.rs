//! Options of an SA that the running kernel lacks are refused before the SA is there without them.

use scenarios::{Host, running};

/// An option, the first version of Linux that has it, and what the SA shows of it in JSON.
const OPTIONS: [(&str, &str, (u32, u32), &str); 4] = [
    ("-dir", "-dir in", (6, 10), "\"direction\": \"in\""),
    (
        "-keepalive",
        "-dir out -encap espinudp 4500 4500 -keepalive 20",
        (6, 11),
        "\"nat_keepalive\": 20",
    ),
    ("-pcpu", "-dir in -pcpu 0", (6, 13), "\"cpu\": 0"),
    ("-mtimer", "-encap espinudp 4500 4500 -mtimer 3", (5, 17), "\"mapping_interval\": 3"),
];

fn kernel_log() -> String {
    scenarios::Outcome::success(&mut std::process::Command::new("dmesg"))
}

#[test]
fn an_option_that_the_kernel_lacks_is_refused_before_the_sa_is_there() {
    let host = Host::new("lacking");
    let log = kernel_log();
    for (word, options, since, shown) in OPTIONS {
        let script = format!("add 192.0.2.1 192.0.2.2 esp 0x1000 {options} -E null;\n");
        let outcome = host.setkey_text(&script);
        let sad = host.setkey("-D --json").stdout;
        if running() >= since {
            assert_eq!((&*outcome.stdout, &*outcome.stderr), ("", ""), "{script}");
            assert!(sad.contains(shown), "{sad}");
        } else {
            let (major, minor) = since;
            let other =
                if word != "-dir" && options.contains("-dir") { "-dir (Linux 6.10), " } else { "" };
            assert_eq!(outcome.stdout, "The result of line 1: Operation not supported.\n");
            let expected = format!("this kernel lacks {other}{word} (Linux {major}.{minor})\n");
            assert!(outcome.stderr.ends_with(&expected), "{}", outcome.stderr);
            assert_eq!(host.show("xfrm state"), "");
        }
        host.load("flush;");
    }
    // Questions are not changes, and the kernel logs attributes of a wrong length.
    assert_eq!(kernel_log(), log);
}

#[test]
fn settings_of_iptfs_are_refused_where_the_kernel_has_none() {
    let host = Host::new("iptfs");
    let script =
        "add 192.0.2.1 192.0.2.2 esp 0x1000 -m tunnel -dir out -iptfs dont-frag -E null;\n";
    let outcome = host.setkey_text(script);
    // No test kernel has the mode, and 6.14 refuses its settings in another.
    assert_eq!(host.show("xfrm state"), "", "{outcome:?}");
    if running() < (6, 14) {
        let expected = "-iptfs (Linux 6.14)\n";
        assert!(outcome.stderr.ends_with(expected), "{}", outcome.stderr);
    }
}

#[test]
fn an_attribute_that_the_kernel_ignores_is_named() {
    let host = Host::new("attribute");
    let outcome = host.setkey_text("add 192.0.2.1 192.0.2.2 esp 0x1000 -attr 999 0x00 -E null;\n");
    let expected = "the SA is there, but this kernel ignored -attr (an unknown number)\n";
    assert!(outcome.stderr.ends_with(expected), "{}", outcome.stderr);
}

#[test]
fn what_a_check_finds_of_every_kernel_is_refused() {
    let host = Host::new("refused");
    let mistakes = include_str!("../../setkey/tests/mistakes/22-kernel.txt");
    for script in mistakes.lines().filter_map(|line| line.strip_prefix("> ")) {
        let outcome = host.setkey_text(&format!("{script}\n"));
        assert!(outcome.stdout.starts_with("The result of line 1: "), "{script} {outcome:?}");
        assert_eq!(host.show("xfrm state") + &host.show("xfrm policy"), "", "{script}");
    }
}
