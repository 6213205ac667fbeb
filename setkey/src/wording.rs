//! What a statement says and no SA keeps: it stands in the PF_KEY message that `-v` shows.

use std::net::IpAddr;

use grammar::tree::{Command, Extension, Flag, Host, Port, SaEnds, SaName, SaProto};
use pfkey::request::PfKeyExtras;

/// The `SADB_X_EXT_*` flags of `-f` and of the protocol words (net/pfkeyv2.h of ipsec-tools).
const OLD: u32 = 0x1;
const CYCLIC_SEQUENCE: u32 = 0x40;
const RANDOM_PAD: u32 = 0x100;
const ZERO_PAD: u32 = 0x200;

/// The wording of a statement.
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
    let mut wording = PfKeyExtras {
        any_mode: true,
        ports: (port(src), port(dst)),
        src: src.address.value.parse().ok(),
        ..PfKeyExtras::default()
    };
    if let Some(SaProto::EspOld | SaProto::AhOld) = proto {
        wording.flags |= OLD;
    }
    if let Some(SaProto::EspUdp(original)) = proto {
        let parse = |text: &String| text.parse::<IpAddr>().ok();
        wording.nat_original = original.as_ref().and_then(|original| parse(&original.value));
    }
    for extension in &name.extensions {
        match extension.value {
            Extension::Mode(mode) => wording.any_mode = mode.is_none(),
            Extension::Flag(Flag::NoCyclicSeq) => wording.flags &= !CYCLIC_SEQUENCE,
            Extension::Flag(Flag::ZeroPad) => wording.flags |= ZERO_PAD,
            Extension::Flag(Flag::RandomPad) => wording.flags |= RANDOM_PAD,
            _ => {}
        }
    }
    wording
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

    fn wording(script: &str) -> PfKeyExtras {
        let statement = Script::new(script.as_bytes(), Dialect::Linux).next_statement();
        of(&statement.unwrap().unwrap().command)
    }

    #[test]
    fn flags_mode_and_ports_are_those_of_the_words() {
        let plain = wording("add 192.0.2.1 192.0.2.2 esp 9 -E null;");
        assert_eq!((plain.flags, plain.any_mode), (CYCLIC_SEQUENCE, true));
        assert_eq!(plain.src, Some([192, 0, 2, 1].into()));
        let full = wording(
            "add 192.0.2.1[4500] 192.0.2.2[10000] esp-udp 10.0.0.1 9 -m tunnel -f zero-pad \
             -f nocyclic-seq -E null;",
        );
        assert_eq!((full.flags, full.any_mode, full.ports), (ZERO_PAD, false, (4500, 10000)));
        assert_eq!(full.nat_original, Some([10, 0, 0, 1].into()));
        assert_eq!(wording("add ::1 ::2 ah-old 9 -A null;").flags, OLD | CYCLIC_SEQUENCE);
    }
}
