//! `ip xfrm state`.

use std::num::{NonZeroU16, NonZeroU32};

use model::{
    AlgorithmKind, Encap, EncapKind, IpVersion, Offload, Prefix, Proto, ReplayState, ReqId, Sa,
    SaDirection, SaEntry, SaFlags, SaState, SaStats, Selector, Spi, ZeroLimits,
};

use super::{EntryOfText, Error, words::UnreadWords};

/// What may follow the flags of an SA.
const ITEMS: &str = "mark, an algorithm, or another word of `ip xfrm state`";

/// Reads an SA after `src`; and whether it has what `-s` prints.
pub fn read(words: &mut UnreadWords<'_>) -> Result<(EntryOfText, bool), Error> {
    let ends = words.ends()?;
    words.expect("proto")?;
    if ["4", "41", "ipip", "ipv6"].contains(&words.peek()) {
        words.skip();
        return Ok((EntryOfText::OfLinux, true));
    }
    let proto = words.proto()?;
    let spi = if words.take("spi") { words.number("an SPI")? } else { 0 };
    let mut sa = Sa::bare(ends, proto, Spi(spi));
    words.expect("reqid")?;
    sa.reqid = ReqId::new(words.number("a number")?);
    words.expect("mode")?;
    sa.mode = words.mode()?.into();
    words.expect("replay-window")?;
    sa.replay_window = words.number("a number of packets")?;
    if words.take("seq") {
        // Decimal digits behind `0x`: of no use.
        words.next();
    }
    read_flags(words, &mut sa)?;
    let mut entry = SaEntry::new(sa, SaState::Mature, model::Current::default());
    let mut is_detailed = false;
    while !words.peek().is_empty() {
        is_detailed |= read_item(words, &mut entry)?;
    }
    let sa = &mut entry.sa;
    if sa.selector == Some(all_packets(sa)) && !sa.flags.contains(SaFlags::ANY_FAMILY) {
        sa.selector = None;
    }
    let has_algorithm =
        sa.auth.is_some() || sa.crypt.is_some() || sa.aead.is_some() || sa.comp.is_some();
    let needs_one = matches!(proto, Proto::Esp | Proto::Ah | Proto::IpComp);
    if needs_one && !has_algorithm {
        entry.state = SaState::Larval;
    }
    Ok((EntryOfText::Sa(Box::new(entry)), is_detailed))
}

/// What the kernel makes of no selector.
fn all_packets(sa: &Sa) -> Selector {
    Selector::within(Prefix::everything(IpVersion::of(sa.ends.src())))
}

/// Flags, of which `ip` joins the last to `extra_flag`.
fn read_flags(words: &mut UnreadWords<'_>, sa: &mut Sa) -> Result<(), Error> {
    if !words.take("flag") {
        return Ok(());
    }
    let mut extra = 0;
    loop {
        let word = words.peek();
        let (name, has_extra) = match word.strip_suffix("extra_flag") {
            Some(name) => (name, true),
            None => (word, false),
        };
        match (name, name.parse::<SaFlags>()) {
            ("", _) => {}
            ("esn", _) => sa.esn = true,
            (_, Ok(flag)) => sa.flags = sa.flags | flag,
            (_, Err(_)) => break,
        }
        words.next();
        if has_extra {
            extra = read_extra_flags(words)?;
            break;
        }
        if name.is_empty() {
            break;
        }
    }
    sa.flags = SaFlags::from_xfrm(sa.flags.state_bits(), sa.flags.extra_bits() | extra);
    // `(0x00000001)`, the bits of the flags.
    if words.peek().starts_with("(0x") {
        words.next();
    }
    Ok(())
}

/// The words of extra flags, and the digits of those that have none.
fn read_extra_flags(words: &mut UnreadWords<'_>) -> Result<u32, Error> {
    let mut bits = 0;
    while !words.peek().starts_with('(') {
        bits |= words.convert("a flag", |word| {
            let named = word.parse::<SaFlags>().ok().map(SaFlags::extra_bits);
            named.or_else(|| u32::from_str_radix(word, 16).ok())
        })?;
    }
    Ok(bits)
}

/// Reads what a word begins; whether `ip` prints it with `-s` alone.
fn read_item(words: &mut UnreadWords<'_>, entry: &mut SaEntry) -> Result<bool, Error> {
    let at = words.clone();
    let sa = &mut entry.sa;
    match words.next() {
        "mark" => sa.mark = words.mark()?,
        "output-mark" => sa.output_mark = words.output_mark()?,
        "auth" => sa.auth = Some(words.keyed(AlgorithmKind::Auth, false)?),
        "auth-trunc" => sa.auth = Some(words.keyed(AlgorithmKind::Auth, true)?),
        "aead" => sa.aead = Some(words.keyed(AlgorithmKind::Aead, true)?),
        "enc" => sa.crypt = Some(words.keyed(AlgorithmKind::Crypt, false)?),
        "comp" => sa.comp = Some(words.keyed(AlgorithmKind::Comp, false)?.algorithm),
        "encap" => sa.encap = read_encap(words)?,
        "coa" => sa.care_of = Some(words.parse("an IP address")?),
        "lastused" => words.date(),
        "anti-replay" => read_replay(words, sa)?,
        "crypto" => sa.offload = Some(read_offload(words)?),
        "if_id" => sa.if_id = words.if_id()?,
        "tfcpad" => sa.tfc_padding = NonZeroU32::new(words.number("a number of bytes")?),
        "dir" => sa.direction = Some(words.parse::<SaDirection>("`in` or `out`")?),
        "pcpu-num" => sa.cpu = Some(words.number("a number")?),
        "sel" => {
            words.expect("src")?;
            sa.selector = Some(words.selector()?.0);
        }
        "lifetime" if words.take("config:") => {
            let (lifetimes, zero) = words.limits()?;
            sa.lifetimes = lifetimes;
            if zero != ZeroLimits::default() {
                sa.inexpressible.push(Sa::LIMIT_OF_ZERO);
            }
            return Ok(true);
        }
        "lifetime" => {
            words.expect("current:")?;
            entry.current = words.current()?;
        }
        "stats:" => entry.stats = read_stats(words)?,
        "security" => sa.sec_ctx = Some(words.context()?),
        _ => return Err(at.wrong(ITEMS)),
    }
    Ok(false)
}

fn read_encap(words: &mut UnreadWords<'_>) -> Result<Option<Encap>, Error> {
    words.expect("type")?;
    let kind = words.convert("an encapsulation", |word| {
        word.parse().ok().or_else(|| EncapKind::from_number(word.parse().ok()?))
    })?;
    let mut port = |word| {
        words.expect(word)?;
        words.parse::<u16>("a port")
    };
    let (src, dst) = (port("sport")?, port("dport")?);
    words.expect("addr")?;
    let original: std::net::IpAddr = words.parse("an IP address")?;
    Ok(Some(Encap {
        kind,
        src_port: NonZeroU16::new(src),
        dst_port: NonZeroU16::new(dst),
        original: Some(original).filter(|address| !address.is_unspecified()),
    }))
}

/// Sequence numbers, `anti-replay context:` or `anti-replay esn context:`.
fn read_replay(words: &mut UnreadWords<'_>, sa: &mut Sa) -> Result<(), Error> {
    const NUMBER: &str = "a sequence number";
    let is_wide = words.take("esn");
    words.expect("context:")?;
    if !is_wide {
        words.expect("seq")?;
        let received = words.number_in_list(NUMBER)?.into();
        words.expect("oseq")?;
        let sent = words.number_in_list(NUMBER)?.into();
        words.expect("bitmap")?;
        let bitmap = words.number("a bitmap")?;
        let bitmap = if bitmap == 0 { Vec::new() } else { vec![bitmap] };
        sa.replay_state = ReplayState { received, sent, bitmap };
        return Ok(());
    }
    let mut numbers = [0; 4];
    for (number, word) in numbers.iter_mut().zip(["seq-hi", "seq", "oseq-hi", "oseq"]) {
        words.expect(word)?;
        *number = u64::from(words.number_in_list(NUMBER)?);
    }
    words.expect("replay_window")?;
    sa.replay_window = words.number_in_list("a number of packets")?;
    words.expect("bitmap-length")?;
    let at_length = words.clone();
    let length = words.number("a number of words")?;
    if length > Sa::MAX_REPLAY_WINDOW / u32::BITS {
        return Err(at_length.wrong("at most 128 words"));
    }
    // The last word is printed first.
    let word = |word: &str| u32::from_str_radix(word, 16).ok();
    let mut bitmap = (0..length)
        .map(|_| words.convert("a word of the bitmap", word))
        .collect::<Result<Vec<_>, _>>()?;
    bitmap.reverse();
    if bitmap.iter().all(|word| *word == 0) {
        bitmap.clear();
    }
    let [received_high, received, sent_high, sent] = numbers;
    sa.replay_words = Some(length).filter(|_| Some(length) != sa.implied_replay_words());
    sa.replay_state = ReplayState {
        received: received_high << 32 | received,
        sent: sent_high << 32 | sent,
        bitmap,
    };
    Ok(())
}

fn read_offload(words: &mut UnreadWords<'_>) -> Result<Offload, Error> {
    words.expect_all("offload parameters: dev")?;
    let device = words.parse("the name of a device")?;
    words.expect("dir")?;
    let direction = words.parse("`in` or `out`")?;
    let packet = words.take("mode")
        && words.convert("`crypto` or `packet`", |word| match word {
            "packet" => Some(true),
            "crypto" => Some(false),
            _ => None,
        })?;
    Ok(Offload { device, direction, packet })
}

fn read_stats(words: &mut UnreadWords<'_>) -> Result<SaStats, Error> {
    let mut number = |word| {
        words.expect(word)?;
        words.number("a number of packets")
    };
    Ok(SaStats {
        replay_window: number("replay-window")?,
        replay: number("replay")?,
        integrity_failed: number("failed")?,
    })
}
