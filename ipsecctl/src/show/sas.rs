mod columns;

use std::{collections::BTreeSet, io::Write};

use cli::{
    Keys, Listing, SaJson,
    json::{DocumentStream, Fingerprints},
};
use engine::{Engine, EngineOptions};
use metrics::Demands;
use model::SaEntry;

use super::{
    Style,
    order::{self, EntryOrder},
};
use crate::{Error, filter::Filter};

pub use columns::COLUMNS;

/// An SA of the SAD.
pub struct ShownSa {
    entry: SaEntry,
    /// The indexes of the policies that it serves.
    policies: BTreeSet<u32>,
    keys: Keys,
    /// Unix seconds.
    now: u64,
}

/// Prints the SAD as a table.
pub fn list(filter: &Filter, keys: Keys, style: &Style, out: &mut impl Write) -> Result<(), Error> {
    let mut engine = Engine::open(EngineOptions::default())?;
    let demands = Demands::read(&mut engine)?;
    let mut listing = Listing::new(out, &COLUMNS, style.choice(), "No SAs.");
    let now = sys::clock::unix_seconds();
    each(&mut engine, filter, order::MOST, |entry| {
        let policies = demands.served_by(&entry);
        Ok(listing.entry(&ShownSa { entry, policies, keys, now })?)
    })?;
    Ok(listing.finish()?)
}

/// Prints the SAD as the member of a document.
pub fn print_json(
    filter: &Filter,
    keys: Keys,
    fingerprints: &Fingerprints,
    document: &mut DocumentStream,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut engine = Engine::open(EngineOptions::default())?;
    let demands = Demands::read(&mut engine)?;
    document.array(out, "sas")?;
    each(&mut engine, filter, usize::MAX, |entry| {
        let policies = Some(demands.served_by(&entry).into_iter().collect());
        let sa = SaJson { policies, ..SaJson::new(&entry, keys, fingerprints) };
        Ok(document.element(out, &sa)?)
    })?;
    Ok(document.end_array(out)?)
}

/// Reads the SAs that are meant: the oldest first, unless there are more than `most`.
fn each(
    engine: &mut Engine,
    filter: &Filter,
    most: usize,
    mut give: impl FnMut(SaEntry) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut order = EntryOrder::new(most);
    for entry in engine.sas()? {
        let entry = entry?;
        if filter.has_sa_entry(&entry) {
            order.push(entry, &mut give)?;
        }
    }
    order.finish(|_| (), &mut give)
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU16, NonZeroU64};

    use cli::Choice;
    use model::{
        AddressPair, Algorithm, AlgorithmKind, Current, Encap, EncapKind, Key, Keyed, Mode, Proto,
        ReqId, Sa, SaMode, SaState, SaStats, SecCtx, Spi,
    };

    use super::*;

    fn keyed(kind: AlgorithmKind, name: &str, bytes: &[u8]) -> Keyed {
        Keyed::new(Algorithm::by_name(kind, name).unwrap(), Key::new(bytes.to_vec()))
    }

    fn line(entry: &SaEntry, keys: Keys) -> String {
        let names = "src,dst,protocol,spi,mode,reqid,encryption,authentication,state,packets,bytes,policies,encapsulation";
        let mut out = Vec::new();
        let names = names.split(',').map(str::to_owned).collect();
        let mut listing = Listing::new(&mut out, &COLUMNS, Choice::Named(names, None), "");
        let policies = [9, 17].into();
        listing.entry(&ShownSa { entry: entry.clone(), policies, keys, now: 0 }).unwrap();
        listing.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_was_dropped_and_unknown_attributes_are_shown() {
        let ends = AddressPair::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).unwrap();
        let mut sa = Sa::bare(ends, Proto::Esp, Spi(0x1000));
        sa.sec_ctx = Some(SecCtx { doi: 1, alg: 1, context: b"\x1b[31mred\nline\0".to_vec() });
        sa.replay_state.sent = 7;
        sa.iptfs.drop_time = Some(9);
        let mut entry = SaEntry::new(sa, SaState::Mature, Current::default());
        entry.stats = SaStats { replay_window: 0, replay: 2, integrity_failed: 3 };
        entry.last_used = NonZeroU64::new(97);
        let mut out = Vec::new();
        let mut listing = Listing::new(&mut out, &COLUMNS, Choice::Fitting(Some(20)), "");
        let shown = ShownSa { entry, policies: BTreeSet::new(), keys: Keys::Hidden, now: 100 };
        listing.entry(&shown).unwrap();
        listing.finish().unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "    dropped=integrity_failed:3,replay:2",
            "    last_used=3s",
            "    security_context=\\u{1b}[31mred\\nline",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}: {text}");
        }
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
                original: None,
            }),
            ..Sa::bare(ends, Proto::Esp, Spi(0x1000))
        };
        let current = Current { packets: 2, bytes: 168, ..Current::default() };
        let mut entry = SaEntry::new(sa, SaState::Dying, current);
        let ends = "192.0.2.1[4500] 192.0.2.2[4501]";
        let rest = "dying 2 168 9,17 espinudp";
        assert_eq!(
            line(&entry, Keys::Hidden),
            format!("{ends} esp 0x1000 tunnel 7 null hmac-md5 {rest}")
        );
        entry.sa.mode = SaMode::Any { installed: Mode::Tunnel };
        let key = "0xabababababababababababababababab";
        assert_eq!(
            line(&entry, Keys::Shown),
            format!("{ends} esp 0x1000 tunnel(any) 7 null hmac-md5 {key} {rest}")
        );
    }
}
