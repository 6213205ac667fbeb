use cli::{
    Keys, SaJson, Table,
    json::{AlgorithmJson, Document, NatTJson},
};
use engine::{Engine, Options, Outcome};
use model::Operation;

use crate::Error;

/// The SAD, oldest SA first.
pub fn read(keys: Keys, document: &mut Document) -> Result<Table, Error> {
    let mut sas = Vec::new();
    let mut engine = Engine::open(Options::default())?;
    engine.submit(0, Ok(Operation::DumpSad(None)), &mut |_, outcome| {
        if let Outcome::Sa(entry) = outcome {
            sas.push(SaJson::new(&entry, keys));
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
    for sa in &sas {
        table.row(row(sa));
    }
    document.sas = Some(sas);
    Ok(table)
}

fn row(sa: &SaJson) -> [String; 10] {
    let port = |of: fn(&NatTJson) -> u16| {
        sa.nat_t.as_ref().map_or(String::new(), |nat_t| format!("[{}]", of(nat_t)))
    };
    let any = if sa.is_mode_any { " (any)" } else { "" };
    let algorithms = [&sa.encryption, &sa.aead, &sa.authentication].into_iter().flatten();
    let algorithms = algorithms.map(algorithm).chain(sa.compression.map(str::to_owned));
    [
        format!("{}{}", sa.src, port(|nat_t| nat_t.src_port)),
        format!("{}{}", sa.dst, port(|nat_t| nat_t.dst_port)),
        sa.protocol.to_owned(),
        format!("{:#x}", sa.spi),
        format!("{}{any}", sa.mode),
        sa.reqid.map_or(String::new(), |reqid| reqid.to_string()),
        algorithms.collect::<Vec<_>>().join("\n"),
        sa.state.to_owned(),
        sa.packets.to_string(),
        sa.bytes.to_string(),
    ]
}

fn algorithm(algorithm: &AlgorithmJson) -> String {
    match algorithm.key.as_deref() {
        None | Some("") => algorithm.algorithm.to_owned(),
        Some(key) => format!("{} {key}", algorithm.algorithm),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use model::{
        AddressPair, Algorithm, AlgorithmKind, Current, Encap, EncapKind, Key, Keyed, Mode, Proto,
        ReqId, Sa, SaEntry, SaMode, SaState, Spi,
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
            reqid: ReqId::new(7),
            crypt: Some(keyed(AlgorithmKind::Crypt, "null", &[])),
            auth: Some(keyed(AlgorithmKind::Auth, "hmac-md5", &[0xab; 16])),
            encap: Some(Encap {
                kind: EncapKind::EspInUdp,
                src_port: NonZeroU16::new(4500),
                dst_port: NonZeroU16::new(4501),
            }),
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
        assert_eq!(row(&SaJson::new(&entry, Keys::Hidden)), expected.map(str::to_owned));
        entry.sa.mode = SaMode::Any { installed: Mode::Tunnel };
        expected[4] = "tunnel (any)";
        expected[6] = "null\nhmac-md5 0xabababababababababababababababab";
        assert_eq!(row(&SaJson::new(&entry, Keys::Shown)), expected.map(str::to_owned));
    }
}
