use cli::{KeyText, Keys, sa_json};
use engine::{Engine, Options, Outcome};
use model::{Encap, Keyed, Operation, SaEntry};

use super::{Shown, Table};
use crate::Error;

/// The SAD, oldest SA first.
pub fn read(keys: Keys) -> Result<Shown, Error> {
    let mut sas = Vec::new();
    let mut engine = Engine::open(Options::default())?;
    engine.submit(0, Ok(Operation::DumpSad(None)), &mut |_, outcome| {
        if let Outcome::Sa(entry) = outcome {
            sas.push(entry);
        }
        Ok(())
    })?;
    sas.reverse();

    let columns = [
        "source",
        "destination",
        "protocol",
        "SPI",
        "mode",
        "number",
        "algorithms",
        "state",
        "packets",
        "bytes",
    ];
    let mut table = Table::new(&columns, "No SAs.");
    for entry in &sas {
        table.row(row(entry, keys));
    }
    let json = sas.iter().map(|entry| sa_json(entry, keys)).collect();
    Ok(Shown { table, json })
}

fn row(entry: &SaEntry, keys: Keys) -> [String; 10] {
    let sa = &entry.sa;
    let port = |of: fn(Encap) -> u16| sa.encap.map(|encap| format!("[{}]", of(encap)));
    let src_port = port(|encap| encap.src_port).unwrap_or_default();
    let dst_port = port(|encap| encap.dst_port).unwrap_or_default();
    let any = if sa.mode.is_any() { " (any)" } else { "" };
    let algorithms = [&sa.crypt, &sa.aead, &sa.auth].into_iter().flatten();
    let algorithms = algorithms.map(|keyed| algorithm(keyed, keys));
    let compression = sa.comp.map(|algorithm| algorithm.name.to_owned());
    [
        format!("{}{src_port}", sa.ends.src()),
        format!("{}{dst_port}", sa.ends.dst()),
        sa.proto.name().to_owned(),
        format!("{:#x}", sa.spi.0),
        format!("{}{any}", sa.mode.installed().name()),
        if sa.reqid.0 == 0 { String::new() } else { sa.reqid.0.to_string() },
        algorithms.chain(compression).collect::<Vec<_>>().join("\n"),
        entry.state.name().to_owned(),
        entry.current.packets.to_string(),
        entry.current.bytes.to_string(),
    ]
}

fn algorithm(Keyed { algorithm, key, .. }: &Keyed, keys: Keys) -> String {
    match keys {
        Keys::Hidden => algorithm.name.to_owned(),
        Keys::Shown => format!("{} {}", algorithm.name, KeyText(key)).trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use model::{
        AddressPair, Algorithm, AlgorithmKind, Current, EncapKind, Key, Mode, Proto, ReqId, Sa,
        SaMode, SaState, Spi,
    };

    use super::*;

    fn keyed(kind: AlgorithmKind, name: &str, bytes: &[u8]) -> Keyed {
        Keyed::new(Algorithm::by_name(kind, name).unwrap(), Key::new(bytes.to_vec()))
    }

    #[test]
    fn keys_are_shown_to_who_asks_for_them() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let sa = Sa {
            mode: Mode::Tunnel.into(),
            reqid: ReqId(7),
            crypt: Some(keyed(AlgorithmKind::Crypt, "null", &[])),
            auth: Some(keyed(AlgorithmKind::Auth, "hmac-md5", &[0xab; 16])),
            encap: Some(Encap { kind: EncapKind::EspInUdp, src_port: 4500, dst_port: 4501 }),
            ..Sa::bare(ends, Proto::Esp, Spi(0x1000))
        };
        let current = Current { packets: 2, bytes: 168, ..Current::default() };
        let mut entry = SaEntry { sa, state: SaState::Dying, current };
        let mut expected = [
            "192.0.2.1[4500]",
            "192.0.2.2[4501]",
            "esp",
            "0x1000",
            "tunnel",
            "7",
            "null\nhmac-md5",
            "dying",
            "2",
            "168",
        ];
        assert_eq!(row(&entry, Keys::Hidden), expected.map(str::to_owned));
        entry.sa.mode = SaMode::Any { installed: Mode::Tunnel };
        expected[4] = "tunnel (any)";
        expected[6] = "null\nhmac-md5 0xabababababababababababababababab";
        assert_eq!(row(&entry, Keys::Shown), expected.map(str::to_owned));
    }
}
