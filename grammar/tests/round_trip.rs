//! Trees to text and back, and any bytes at all.

mod common;
mod trees;

use common::run;
use grammar::Script;
use model::Dialect;
use proptest::{prelude::*, sample::select};
use trees::{command, in_dialect};

/// Reads a whole script as `-c` does: on after every error. Must not panic.
fn read_all(script: &[u8]) {
    for &dialect in Dialect::ALL {
        read_all_in(dialect, script);
    }
    let _ = run(script);
}

fn read_all_in(dialect: Dialect, script: &[u8]) {
    for statement in Script::new(script, dialect) {
        match statement {
            Ok(statement) => drop(grammar::lower(&statement, &common::FakeNames)),
            Err(error) => {
                let excerpt = error.excerpt();
                assert!(excerpt.text.get(excerpt.span.start..excerpt.span.end).is_some());
                let _ = (error.original(), error.expected(), error.help(), error.detail());
            }
        }
    }
}

const SCRIPT: &str = "\
add -4 alice 192.0.2.2[500] esp-udp 10.0.0.1 0x1000 -m tunnel -u 7 -r 4 -lh 5 -ls 4 -f zero-pad
 -esn -mark 0x1/5 -ifid 3 -dir in -offload eth0 out packet -keepalive 3 -natt 10.0.0.1[5] ::1[6]
 -ctx 1 1 \"a;b\" -E aes-cbc \"1234567890123456\" -A hmac-md5 0x00112233445566778899aabbccddeeff;
get 192.0.2.1 192.0.2.2 ah 5; delete two both esp 5; deleteall ::1 ::1 ipcomp; # comment; \"
spdadd ::1/64[any] ::1[domain] icmp6 135,0 -ctx 1 2 \"c\" -mark 1 -lh 5 -P in prio high + 5 ipsec
 esp/tunnel/::1[1]-::2[2]/unique:5 ah/transport//require;
spdupdate tagged \"x\" -P out none; spddelete 10.0.0.1 10.0.0.2 gre 1.2.3.4 -P out; exit;";

proptest! {
    #[test]
    fn a_printed_tree_reads_back_in_each_dialect(command in command()) {
        for &dialect in Dialect::ALL {
            let command = in_dialect(command.clone(), dialect);
            let text = command.to_string();
            let read = Script::new(text.as_bytes(), dialect).next().unwrap();
            prop_assert_eq!(read.map(|statement| statement.command), Ok(command), "{}", text);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(script in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&script);
    }

    #[test]
    fn a_damaged_script_is_read_or_refused(
        damage in prop::collection::vec((0..SCRIPT.len(), any::<u8>(), any::<bool>()), 1..6),
    ) {
        let mut script = SCRIPT.as_bytes().to_vec();
        for (at, byte, insert) in damage {
            if insert { script.insert(at, byte) } else { script[at] = byte }
        }
        read_all(&script);
    }

    #[test]
    fn words_in_any_order_are_read_or_refused(
        words in prop::collection::vec(select(SCRIPT.split(' ').collect::<Vec<_>>()), 1..30),
        glue in select(vec!["", " ", "\n"]),
    ) {
        read_all(words.join(glue).as_bytes());
    }
}

#[test]
fn the_script_itself_is_good_up_to_the_tag() {
    let statements = Script::new(SCRIPT.as_bytes(), Dialect::Linux).map(Result::unwrap).count();
    assert_eq!(statements, 8);
}
