//! What of a statement is in a PF_KEY message and in no SA: `-v` and `--pfkey` need it.

use std::net::IpAddr;

use grammar::tree::{Command, Extension, Flag, Host, Port, SaEnds, SaName, SaProto};
use pfkey::request::{CYCLIC_SEQUENCE, OLD, PfKeyExtras, RANDOM_PAD, ZERO_PAD};

/// Those of a statement.
pub fn of(command: &Command) -> PfKeyExtras {
    match command {
        Command::Add(name, _)
        | Command::Update(name, _)
        | Command::GetSpi(name)
        | Command::Get(name)
        | Command::Delete(name) => of_sa(name),
        _ => PfKeyExtras::default(),
    }
}

fn of_sa(name: &SaName) -> PfKeyExtras {
    let SaEnds { src, dst, proto, .. } = &name.ends;
    let proto = proto.as_ref().map(|proto| &proto.value);
    let mut extras = PfKeyExtras {
        ports: (port(src), port(dst)),
        src: src.address.value.parse().ok(),
        ..PfKeyExtras::default()
    };
    if let Some(SaProto::EspOld | SaProto::AhOld) = proto {
        extras.flags |= OLD;
    }
    if let Some(SaProto::EspUdp(original)) = proto {
        let parse = |text: &String| text.parse::<IpAddr>().ok();
        extras.nat_original = original.as_ref().and_then(|original| parse(&original.value));
    }
    for extension in &name.extensions {
        match extension.value {
            Extension::Flag(Flag::NoCyclicSeq) => extras.flags &= !CYCLIC_SEQUENCE,
            Extension::Flag(Flag::ZeroPad) => extras.flags |= ZERO_PAD,
            Extension::Flag(Flag::RandomPad) => extras.flags |= RANDOM_PAD,
            _ => {}
        }
    }
    extras
}

/// The port of a host; names of services are not looked up again.
fn port(host: &Host) -> u16 {
    match host.port.as_ref().map(|port| &port.value) {
        Some(Port::Number(number)) => u16::try_from(*number).unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use grammar::Script;
    use model::Dialect;

    use super::*;

    fn extras(script: &str) -> PfKeyExtras {
        let statement = Script::new(script.as_bytes(), Dialect::Linux).next_statement();
        of(&statement.unwrap().unwrap().command)
    }

    #[test]
    fn flags_and_ports_are_those_of_the_words() {
        let plain = extras("add 192.0.2.1 192.0.2.2 esp 9 -E null;");
        assert_eq!(plain.flags, CYCLIC_SEQUENCE);
        assert_eq!(plain.src, Some([192, 0, 2, 1].into()));
        let full = extras(
            "add 192.0.2.1[4500] 192.0.2.2[10000] esp-udp 10.0.0.1 9 -m tunnel -f zero-pad \
             -f nocyclic-seq -E null;",
        );
        assert_eq!((full.flags, full.ports), (ZERO_PAD, (4500, 10000)));
        assert_eq!(full.nat_original, Some([10, 0, 0, 1].into()));
        assert_eq!(extras("add ::1 ::2 ah-old 9 -A null;").flags, OLD | CYCLIC_SEQUENCE);
    }
}
